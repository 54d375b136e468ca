/** Which host of a configuration this one is, when its name is in no group (D 7.1.17; pure). */
import { exhaustive, type HostName, show } from "../model/mod.ts";
import { ConfigError } from "./config_error.ts";

/** A host as some group names it. */
export interface NamedHost {
  readonly name: HostName;
  /** What stands behind `@`, else the name: this is looked up. */
  readonly address: HostName;
}

/** What came out of looking up a host's address and binding it. */
export type Finding =
  | { readonly kind: "ours"; readonly address: string }
  | { readonly kind: "elsewhere"; readonly addresses: readonly string[] }
  /** The name service does not know it, or cannot tell. */
  | { readonly kind: "unknown"; readonly reason: string }
  | { readonly kind: "no-answer"; readonly afterMs: number };

export interface TriedHost {
  readonly host: NamedHost;
  readonly finding: Finding;
}

/** The own name is in no group. */
export class NotAMember extends ConfigError {
  /** The configuration file. */
  readonly file: string;
  /**
   * Those who this host could be, each pair of name and address once, in order of declaration. Empty
   * when it is known who it is: a group has it, but `-G` leaves that group out.
   */
  readonly candidates: readonly NamedHost[];

  constructor(
    message: string,
    { advice, file, candidates }: {
      readonly advice: string;
      readonly file: string;
      readonly candidates: readonly NamedHost[];
    },
  ) {
    super("config/not-a-member", { message, advice });
    this.file = file;
    this.candidates = candidates;
  }
}

/**
 * The one host that has an address of this machine. Undefined when there is none, and when there are
 * several: a wrong identity is worse than none, and a second one is never made up.
 *
 * A host with several addresses counts once. A name without an answer is nobody.
 */
export function chooseOwnHost(tried: readonly TriedHost[]): NamedHost | undefined {
  const ours = tried.filter(({ finding }) => finding.kind === "ours").map(({ host }) => host);
  return new Set(ours.map(({ name }) => name)).size === 1 ? ours[0] : undefined;
}

/** LIMIT: ours; a line has to end somewhere. Clusters are not expected to be bigger. */
const LISTED_MAX = 200;

/** The error when nobody was chosen: what was tried, and what came out. */
export function nobodyChosen(error: NotAMember, tried: readonly TriedHost[]): ConfigError {
  const isOurs = ({ finding }: TriedHost) => finding.kind === "ours";
  const ours = tried.filter(isOurs);
  const sorted = [...ours, ...tried.filter((one) => !isOurs(one))];
  const listed = sorted.slice(0, LISTED_MAX).map(shownHost).join(", ");
  const more = sorted.length > LISTED_MAX ? `, and ${sorted.length - LISTED_MAX} more` : "";
  const count = ours.length === 0 ? "none" : "more than one";
  return new ConfigError("config/not-a-member", {
    message: error.message,
    advice: `${show(error.file)}: ${count} of its hosts has an address of this machine: ` +
      `${listed}${more}; say with -N which one it is`,
  });
}

function shownHost({ host, finding }: TriedHost): string {
  const { name, address } = host;
  return `${show(name === address ? name : `${name}@${address}`)} (${shownFinding(finding)})`;
}

function shownFinding(finding: Finding): string {
  switch (finding.kind) {
    case "ours":
      return `${finding.address}, of this machine`;
    case "elsewhere":
      return `${finding.addresses.join(" ")}, not of this machine`;
    case "unknown":
      return finding.reason;
    case "no-answer":
      return `no answer within ${finding.afterMs / 1_000} s`;
    default:
      return exhaustive(finding);
  }
}
