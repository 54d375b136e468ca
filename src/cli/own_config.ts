/**
 * The configuration of this host. Its name is that of `-N`, else the system's, else found by looking up
 * the hosts of the configuration (D 1.9, D 7.1.17).
 */
import {
  chooseOwnHost,
  type Config,
  type Finding,
  loadConfig,
  type LoadOptions,
  type NamedHost,
  nobodyChosen,
  NotAMember,
  type OnNote,
  type TriedHost,
} from "../config/mod.ts";
import { hostName } from "../os/mod.ts";
import type { Invocation } from "./args.ts";

/** Own name: `-N`, else the system's (D 1.9). */
export function ownName({ hostName: given }: Pick<Invocation, "hostName">): string {
  return given ?? hostName();
}

export interface OwnConfig {
  readonly config: Config;
  /** The name that this host was given, or found for itself: what `loadConfig` takes. */
  readonly hostName: string;
  /** Name whose address connections are made from: peers check that it is the announced host's. */
  readonly bindAs: string | undefined;
}

/** What is asked of the network; tests give something else. */
export interface Neighbourhood {
  /** @throws with a `reason` when the name is not known */
  readonly resolve: (name: string, options: { deadlineMs: number }) => Promise<readonly string[]>;
  readonly isOwnAddress: (address: string) => boolean;
  readonly isLoopback: (address: string) => boolean;
  /** Names whose lookup asks nobody: they come first, and may have addresses of the loopback. */
  readonly quickNames: ReadonlySet<string>;
  /** Lookups that may run side by side. */
  readonly atOnce: number;
}

export interface OwnConfigOptions extends Omit<LoadOptions, "hostName" | "onNote"> {
  /** `-N`. */
  readonly hostName: string | undefined;
  readonly onNote: OnNote;
  /** @default the system's name service and its addresses */
  readonly neighbourhood?: () => Promise<Neighbourhood>;
}

/**
 * LIMIT: ours. Long enough for a name service that is well; one that is not shall not hold up every
 * command. A resolver takes five seconds before it asks its next server.
 */
export const LOOKUP_DEADLINE_MS = 3_000;

/**
 * Reads the configuration. Only when no group has the system's name, and `-N` was not given, its hosts
 * are looked up, all at the same time; the one that has an address of this machine is taken before
 * anything depends on the name, and is the own name everywhere.
 *
 * @throws ConfigError; `config/not-a-member` lists what was tried
 */
export async function loadOwnConfig(options: OwnConfigOptions): Promise<OwnConfig> {
  const { hostName: given, onNote, neighbourhood = systemNeighbourhood, ...rest } = options;
  const name = ownName({ hostName: given });
  const notes: Parameters<OnNote>[] = [];
  const tellAll = () => notes.forEach((note) => onNote(...note));
  let stranger: NotAMember;
  try {
    const config = loadConfig({
      ...rest,
      hostName: name,
      onNote: (...note) => void notes.push(note),
    });
    tellAll();
    return { config, hostName: name, bindAs: given === undefined ? undefined : config.hostName };
  } catch (error) {
    if (!(error instanceof NotAMember) || given !== undefined || error.candidates.length === 0) {
      tellAll();
      throw error;
    }
    stranger = error;
  }
  const tried = await tryHosts(stranger, await neighbourhood());
  const own = chooseOwnHost(tried);
  if (own === undefined) {
    tellAll();
    throw nobodyChosen(stranger, tried);
  }
  onNote(1, `My hostname guessed as: ${own.name}`);
  const silent = tried.filter(({ finding }) => finding.kind === "no-answer");
  if (silent.length > 0) {
    const names = silent.map(({ host }) => host.address).join(", ");
    onNote(1, `The name service did not answer in time for: ${names}`);
  }
  const config = loadConfig({ ...rest, hostName: own.name, onNote });
  return { config, hostName: own.name, bindAs: own.address };
}

async function systemNeighbourhood(): Promise<Neighbourhood> {
  const net = await import("../net/mod.ts");
  return {
    resolve: net.resolve,
    isOwnAddress: net.ownAddressTest(),
    isLoopback: net.isLoopback,
    quickNames: await net.namesOfHostsFile(),
    atOnce: net.LOOKUPS_AT_ONCE,
  };
}

/** All hosts, in the order given; the deadline is one for all of them. */
async function tryHosts(
  { candidates }: NotAMember,
  neighbourhood: Neighbourhood,
): Promise<TriedHost[]> {
  const { quickNames, atOnce } = neighbourhood;
  const isQuick = ({ address }: NamedHost) => quickNames.has(address);
  const order = [...candidates.filter(isQuick), ...candidates.filter((h) => !isQuick(h))];
  const findings = new Map<NamedHost, Finding>();
  const endMs = performance.now() + LOOKUP_DEADLINE_MS;
  const lane = async () => {
    for (let host = order.shift(); host !== undefined; host = order.shift()) {
      findings.set(host, await look(host.address, { neighbourhood, endMs }));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return candidates.map((host) => ({ host, finding: findings.get(host)! }));
}

async function look(
  name: string,
  { neighbourhood, endMs }: { readonly neighbourhood: Neighbourhood; readonly endMs: number },
): Promise<Finding> {
  const { resolve, isOwnAddress, isLoopback, quickNames } = neighbourhood;
  const noAnswer: Finding = { kind: "no-answer", afterMs: LOOKUP_DEADLINE_MS };
  const deadlineMs = endMs - performance.now();
  if (deadlineMs <= 0) return noAnswer; // those before it have used up the time
  let addresses: readonly string[];
  try {
    addresses = await resolve(name, { deadlineMs });
  } catch (error) {
    const { code, reason } = error as { code?: string; reason?: string };
    if (code === "net/timeout") return noAnswer;
    if (code === "net/resolve" && reason !== undefined) return { kind: "unknown", reason };
    throw error;
  }
  // Any machine has these: a name service that gives them, as filters do, says nothing about who we are.
  const isLocal = quickNames.has(name) || addresses.includes(name);
  const address = addresses.find((one) => isOwnAddress(one) && (isLocal || !isLoopback(one)));
  return address === undefined ? { kind: "elsewhere", addresses } : { kind: "ours", address };
}
