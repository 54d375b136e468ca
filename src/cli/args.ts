/**
 * The command line: options in getopt's manner with GNU reordering, modes and their arguments (D 4.1-4.3).
 *
 * All values are byte strings. Own long options stand beside csync2's letters; a table, not a chain of ifs.
 */
import type { Durability } from "../apply/mod.ts";
import type { RemovalLimit } from "../reconcile/mod.ts";
import { actionLimit, durabilityOf, jobCount, rateOf, removalLimit } from "./option_values.ts";
import { UsageError } from "./usage_error.ts";

export type Mode =
  | "hint"
  | "check"
  | "update"
  | "check-update"
  | "sync"
  | "compare-list"
  | "force"
  | "mark"
  | "list-hints"
  | "list-files"
  | "list-dirty"
  | "list-pair"
  | "compare"
  | "tidy"
  | "serve-stdio"
  | "serve"
  | "serve-once"
  | "keygen"
  | "make-cert"
  | "check-config"
  | "list-certs"
  | "forget-cert"
  | "version"
  | "help";

/** What the user asked for, complete: nobody looks at arguments after this. */
export interface Invocation {
  readonly mode: Mode;
  /** Arguments that are not options, in order. */
  readonly args: readonly string[];
  readonly verbosity: number;
  readonly recursive: boolean;
  readonly dryRun: boolean;
  readonly init: boolean;
  readonly forced: boolean;
  /** `-TT`. */
  readonly showDiff: boolean;
  /** `-X`. */
  readonly markRemovals: boolean;
  /** `-U`. */
  readonly onlyThisPeer: boolean;
  readonly syslog: boolean;
  /** Letters of the options that stand behind `-l`: what is wrong with them goes to syslog (D 4.7). */
  readonly logged: ReadonlySet<string>;
  readonly stamps: boolean;
  readonly stampFile: string | undefined;
  readonly fullLog: string | undefined;
  readonly dumpFd: string | undefined;
  readonly configName: string;
  readonly database: string | undefined;
  readonly hostName: string | undefined;
  readonly port: string;
  readonly groups: readonly string[] | undefined;
  readonly peers: readonly string[] | undefined;
  /** `-j`: peers served at once. */
  readonly jobs: number | undefined;
  /** `-A`. */
  readonly asynchronous: boolean;
  /** `--json`: events as JSON lines on standard output. */
  readonly json: boolean;
  /** `--allow-removals`: also of what is below a root that is gone. */
  readonly allowsRemovals: boolean;
  /** `--max-removals`: more are held. */
  readonly maxRemovals: RemovalLimit | undefined;
  /** `--one-file-system`. */
  readonly oneFileSystem: boolean;
  /** `--create-parents`: of files from peers. */
  readonly createsParents: boolean;
  /** `--strict`: what would only be warned of is an error. */
  readonly strict: boolean;
  /** `--action-limit`: longest run of one command. */
  readonly actionLimitMs: number | undefined;
  /** `--classic`: the fast dialect is neither offered nor taken. */
  readonly classic: boolean;
  /** `--checksum`: contents are compared always. */
  readonly checksum: boolean;
  /** `--durability`: what a server waits for before it confirms. */
  readonly durability: Durability | undefined;
  /** `--bwlimit`: to each peer. */
  readonly bytesPerSecond: number | undefined;
}

export const DEFAULT_PORT = "30865";
const DEFAULT_FULL_LOG = "/tmp/csync2_full_log.log";

/** Everything the options may set; letters write into it. */
interface Draft {
  letters: string;
  verbosity: number;
  flags: Set<string>;
  values: Map<string, string>;
  logged: Set<string>;
}

const MODE_LETTERS = "hcuomfxHLMSTRi";
const FLAG_LETTERS = "rdIXUFABtlab";
const VALUE_LETTERS = "CDNpGPsWj";
/** With -i standard error may be the peer. */
const EVERY_LETTER: ReadonlySet<string> = new Set(VALUE_LETTERS + "O");

/** Long options of our own that are modes; `--json` is a flag. */
const LONG_MODES: ReadonlySet<string> = new Set(
  [
    "version",
    "help",
    "make-cert",
    "check-config",
    "list-certs",
    "forget-cert",
  ] satisfies Mode[],
);

const CHECKS: readonly Mode[] = ["check", "check-update", "sync"];
const PUSHES: readonly Mode[] = ["update", "check-update", "sync"];
const SERVERS: readonly Mode[] = ["serve", "serve-once", "serve-stdio"];
/** Long options of our own with the modes that they mean something to; `--json` is for all. */
const LONG_FLAGS: ReadonlyMap<string, readonly Mode[]> = new Map([
  ["--allow-removals", [...CHECKS, "update"]],
  ["--max-removals", [...CHECKS, "update"]],
  ["--one-file-system", CHECKS],
  ["--create-parents", SERVERS],
  ["--strict", [...CHECKS, "update", "hint", "mark", "compare-list", "compare"]],
  ["--action-limit", [...CHECKS, "update", "mark", "compare", ...SERVERS]],
  ["--classic", [...PUSHES, "compare", ...SERVERS]],
  ["--checksum", PUSHES],
  ["--durability", SERVERS],
  ["--bwlimit", PUSHES],
]);
/** Those that have a value. */
const LONG_VALUES = ["--max-removals", "--action-limit", "--durability", "--bwlimit"] as const;

const KNOWN_LONG: ReadonlySet<string> = new Set([
  "--json",
  ...LONG_FLAGS.keys(),
  ...[...LONG_MODES].map((mode) => `--${mode}`),
]);

/** Parses the command line (without the program's name). @throws UsageError */
export function parseArgs(argv: readonly string[]): Invocation {
  if (argv.length === 2 && argv[0] === "-k") return build(emptyDraft(), "keygen", [argv[1]!]);
  const draft = emptyDraft();
  const args: string[] = [];
  const longs: Mode[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    if (word === "--") {
      args.push(...argv.slice(at + 1));
      break;
    } else if (LONG_VALUES.some((name) => word.startsWith(name))) {
      at += longValue(word, argv[at + 1], draft);
    } else if (word === "--json" || LONG_FLAGS.has(word)) {
      draft.flags.add(word.slice(2));
    } else if (word.startsWith("--")) {
      longs.push(longMode(word));
    } else if (word.startsWith("-") && word.length > 1) {
      at += cluster(word, argv[at + 1], draft);
    } else {
      args.push(word);
    }
  }
  const mode = modeOf(longs, draft.letters);
  checkArgs(mode, args);
  checkLongFlags(mode, draft);
  if (mode === "serve-stdio" && draft.flags.has("json")) {
    throw new UsageError("csync2: --json cannot be used with -i: the peer reads standard output");
  }
  return build(draft, mode, args);
}

function emptyDraft(): Draft {
  return { letters: "", verbosity: 0, flags: new Set(), values: new Map(), logged: new Set() };
}

function longMode(word: string): Mode {
  const mode = word.slice(2);
  if (!LONG_MODES.has(mode)) {
    const name = word.split("=", 1)[0]!; // behind it could be a password
    throw new UsageError(
      KNOWN_LONG.has(name)
        ? `csync2: option takes no argument -- '${name}'`
        : `csync2: invalid option -- '${name}'`,
    );
  }
  return mode as Mode;
}

/** `--max-removals N` or `--max-removals=N`, for each of LONG_VALUES. @returns how many following words it took */
function longValue(word: string, next: string | undefined, { values }: Draft): 0 | 1 {
  const name = LONG_VALUES.find((one) => word.startsWith(one))!;
  const glued = word.slice(name.length);
  if (glued !== "" && !glued.startsWith("=")) longMode(word);
  const value = glued === "" ? next : glued.slice(1);
  if (value === undefined) {
    throw new UsageError(`csync2: option requires an argument -- '${name.slice(2)}'`);
  }
  values.set(name, value);
  return glued === "" ? 1 : 0;
}

/** An option that would not do what it promises is refused, not ignored. */
function checkLongFlags(mode: Mode, { flags, values }: Draft): void {
  for (const [word, modes] of LONG_FLAGS) {
    const isGiven = flags.has(word.slice(2)) || values.has(word);
    if (isGiven && !modes.includes(mode)) {
      const options = Object.entries(MODES).filter(([, one]) => modes.includes(one));
      const list = options.map(([letters]) => `-${letters}`).join(" ");
      throw new UsageError(`csync2: ${word} means nothing to this mode, only to ${list}`);
    }
  }
  if (!flags.has("d")) return;
  if (flags.has("allow-removals") && CHECKS.includes(mode)) {
    throw new UsageError(
      "csync2: --allow-removals cannot be used with -d: the check would release the removals, and" +
        " the next run would send them (-d alone counts what is held)",
    );
  }
  if (mode === "forget-cert") {
    throw new UsageError("csync2: --forget-cert cannot be used with -d: --list-certs shows");
  }
}

/** One word of options, `-cIr` or `-p31865`. @returns how many following words it took */
function cluster(word: string, next: string | undefined, draft: Draft): 0 | 1 {
  for (let at = 1; at < word.length; at++) {
    const letter = word[at]!;
    if (draft.flags.has("l")) draft.logged.add(letter);
    if (letter === "v") draft.verbosity++;
    else if (MODE_LETTERS.includes(letter)) draft.letters += letter;
    else if (FLAG_LETTERS.includes(letter)) draft.flags.add(letter);
    else if (letter === "O") {
      draft.values.set("O", word.slice(at + 1) || DEFAULT_FULL_LOG);
      return 0;
    } else if (VALUE_LETTERS.includes(letter)) {
      const glued = word.slice(at + 1);
      const value = glued === "" ? next : glued;
      if (value === undefined) {
        throw new UsageError(`csync2: option requires an argument -- '${letter}'`);
      }
      draft.values.set(letter, value);
      return glued === "" ? 1 : 0;
    } else throw new UsageError(`csync2: invalid option -- '${letter}'`);
  }
  return 0;
}

const MODES: Readonly<Record<string, Mode>> = {
  h: "hint",
  c: "check",
  u: "update",
  cu: "check-update",
  x: "sync",
  o: "compare-list",
  f: "force",
  m: "mark",
  H: "list-hints",
  L: "list-files",
  M: "list-dirty",
  S: "list-pair",
  T: "compare",
  R: "tidy",
  i: "serve-stdio",
  ii: "serve",
  iii: "serve-once",
};

function modeOf(longs: readonly Mode[], letters: string): Mode {
  const asked = longs.find((mode) => mode === "help" || mode === "version"); // whatever else is there
  const [long, ...others] = new Set(longs);
  if (asked !== undefined || (long !== undefined && others.length === 0 && letters === "")) {
    return asked ?? long!;
  }
  if (long !== undefined) {
    const all = [long, ...others].map((mode) => `--${mode}`);
    if (letters !== "") all.push(`-${letters}`);
    throw new UsageError(`csync2: modes cannot be combined -- '${all.join(" ")}'`);
  }
  if (letters === "") throw new UsageError("csync2: no mode given");
  const mode = MODES[/^T+$/.test(letters) ? "T" : letters];
  if (mode === undefined) {
    throw new UsageError(`csync2: modes cannot be combined -- '${letters}'`);
  }
  return mode;
}

/** Smallest and largest number of arguments; a mode that is not listed takes any number. */
const ARGUMENT_COUNTS: Partial<Record<Mode, readonly [number, number]>> = {
  "list-hints": [0, 0],
  "list-files": [0, 0],
  "list-dirty": [0, 0],
  "list-pair": [2, 2],
  "compare": [0, 3],
  "tidy": [0, 0],
  "serve-stdio": [0, 0],
  "serve": [0, 0],
  "serve-once": [0, 0],
  "make-cert": [0, 0],
  "check-config": [0, 0],
  "list-certs": [0, 0],
  "forget-cert": [1, Infinity],
  "version": [0, 0],
  "help": [0, 0],
};

function checkArgs(mode: Mode, args: readonly string[]): void {
  const [least, most] = ARGUMENT_COUNTS[mode] ?? [0, Infinity];
  if (args.length >= least && args.length <= most) return;
  const wanted = least === most
    ? `${least}`
    : most === Infinity
    ? `at least ${least}`
    : `${least} to ${most}`;
  const noun = least === 1 ? "argument" : "arguments";
  throw new UsageError(`csync2: this mode takes ${wanted} ${noun}, not ${args.length}`);
}

function build(draft: Draft, mode: Mode, args: readonly string[]): Invocation {
  const { flags, values } = draft;
  const list = (letter: string) => values.get(letter)?.split(",");
  return {
    mode,
    args,
    verbosity: Math.min(draft.verbosity, 4),
    recursive: flags.has("r"),
    dryRun: flags.has("d"),
    init: flags.has("I"),
    forced: flags.has("F"),
    showDiff: draft.letters.length > 1 && mode === "compare",
    markRemovals: flags.has("X"),
    onlyThisPeer: flags.has("U"),
    syslog: flags.has("l") || mode === "serve-stdio",
    logged: mode === "serve-stdio" ? EVERY_LETTER : draft.logged,
    stamps: flags.has("t"),
    stampFile: values.get("s"),
    fullLog: values.get("O"),
    dumpFd: values.get("W"),
    configName: values.get("C") ?? "",
    database: values.get("D"),
    hostName: values.get("N") || undefined,
    port: values.get("p") ?? DEFAULT_PORT,
    groups: list("G"),
    peers: list("P"),
    jobs: jobCount(values.get("j")),
    asynchronous: flags.has("A"),
    json: flags.has("json"),
    allowsRemovals: flags.has("allow-removals"),
    maxRemovals: removalLimit(values.get("--max-removals")),
    oneFileSystem: flags.has("one-file-system"),
    createsParents: flags.has("create-parents"),
    strict: flags.has("strict"),
    actionLimitMs: actionLimit(values.get("--action-limit")),
    classic: flags.has("classic"),
    checksum: flags.has("checksum"),
    durability: durabilityOf(values.get("--durability")),
    bytesPerSecond: rateOf(values.get("--bwlimit")),
  };
}
