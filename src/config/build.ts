/** Statements + own name -> Config. Values are judged here, in the order in which they are read. */
import type { DiskPath, HostName, Ignored, Key } from "../model/mod.ts";
import { show } from "../model/mod.ts";
import type { ActionRule, AutoMethod, Config, Group, PeerHost, Prefix } from "./config.ts";
import { type Position, valueError } from "./config_error.ts";
import { type NamedHost, NotAMember } from "./own_host.ts";
import type { ActionSyntax, HostSyntax, Statement, Word } from "./parser.ts";
import type { Pattern } from "./pattern.ts";
import { shellMatch } from "./shell_match.ts";

/** 1: with `-v`; 2: with `-vv`. Level 0 is for errors, which are thrown. */
export type OnNote = (level: 0 | 1 | 2, text: string) => void;

export interface BuildOptions {
  readonly file: string;
  readonly systemDir: string;
  readonly configName: string;
  readonly hostName: string;
  /** `-G`: other groups are inactive. @default all are active */
  readonly groupFilter?: readonly string[] | undefined;
  /** Reads the key of a group that this host is a member of. @throws ConfigError */
  readonly readKey: (file: string, at: Position) => Key;
  readonly onNote: OnNote;
}

/** Longest own name that counts (D 1.9). */
const HOST_NAME_MAX_BYTES = 255;
const DEFAULT_LOCK_TIMEOUT_SECONDS = 12;
const DEFAULT_BACKUP_GENERATIONS = 3;
const AUTO_METHODS: readonly AutoMethod[] = [
  "none",
  "first",
  "younger",
  "older",
  "bigger",
  "smaller",
  "left",
  "right",
];

/** Lower case of ASCII letters only, as host names are compared (D 1.7). */
export function lowerCaseHost(name: string): HostName {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) as HostName;
}

/** @throws ConfigError for the first value that cannot be used */
export function buildConfig(statements: Iterable<Statement>, options: BuildOptions): Config {
  const builder = new Builder(options);
  for (const statement of statements) builder.add(statement);
  return builder.finish();
}

/** A group while it is read. */
interface OpenGroup {
  readonly name: string;
  readonly hosts: HostSyntax[];
  readonly patterns: Pattern[];
  readonly actions: ActionRule[];
  key: Word | undefined;
  auto: AutoMethod | undefined;
  backupDirectory: string | undefined;
  backupGenerations: number;
}

class Builder {
  readonly #options: BuildOptions;
  readonly #hostName: HostName;
  readonly #groups: Group[] = [];
  readonly #prefixes: Prefix[] = [];
  readonly #nossl: { from: string; to: string }[] = [];
  /** By `name@address`. */
  readonly #knownHosts = new Map<string, NamedHost>();
  #isMember = false;
  #unnamedGroups = 0;
  #group: OpenGroup | undefined;
  #prefix: { readonly name: string; path: DiskPath | undefined } | undefined;
  #ignored: Ignored = { uid: false, gid: false, mod: false };
  #database: string | undefined;
  #tempdir: string | undefined;
  #lockTimeoutSeconds = DEFAULT_LOCK_TIMEOUT_SECONDS;

  constructor(options: BuildOptions) {
    this.#options = options;
    this.#hostName = lowerCaseHost(options.hostName.slice(0, HOST_NAME_MAX_BYTES));
  }

  add(statement: Statement): void {
    switch (statement.kind) {
      case "group":
        this.#group = openGroup(statement.name?.text ?? `group_${++this.#unnamedGroups}`);
        break;
      case "group-end":
        this.#closeGroup(statement.at);
        break;
      case "prefix":
        this.#prefix = { name: statement.name.text, path: undefined };
        break;
      case "on":
        this.#addPrefixPath(statement.host, statement.path);
        break;
      case "prefix-end":
        this.#prefixes.push(this.#prefix!);
        break;
      case "nossl":
        this.#nossl.push({ from: statement.from.text, to: statement.to.text });
        break;
      case "ignore":
        for (const word of statement.words.toReversed()) this.#ignore(word);
        break;
      case "database":
        this.#database ??= statement.value.text;
        break;
      case "tempdir":
        this.#tempdir = statement.value.text;
        break;
      case "lock-timeout":
        this.#lockTimeoutSeconds = wholeNumber(statement.value, "lock-timeout", "seconds");
        break;
      case "no-cygwin-lowercase":
        throw valueError(
          statement.at,
          "Config error: Found 'nocygwinlowercase' but this is not a cygwin csync2.",
        );
      default:
        this.#addToGroup(statement, this.#group!);
    }
  }

  finish(): Config {
    if (this.#groups.length === 0) throw this.#notAMember();
    const { file, systemDir, configName } = this.#options;
    return {
      file,
      systemDir,
      configName,
      hostName: this.#hostName,
      groups: this.#groups,
      prefixes: this.#prefixes,
      nossl: this.#nossl,
      ignored: this.#ignored,
      database: this.#database,
      tempdir: this.#tempdir,
      lockTimeoutSeconds: this.#lockTimeoutSeconds,
    };
  }

  #addToGroup(statement: Statement, group: OpenGroup): void {
    switch (statement.kind) {
      case "hosts":
        group.hosts.push(...statement.hosts);
        break;
      case "include":
      case "exclude":
      case "compare":
        this.#addPatterns(statement.kind, statement.words, group);
        break;
      case "key":
        if (group.key !== undefined) {
          throw valueError(statement.value.at, "Config error: a group might only have one key.");
        }
        group.key = statement.value;
        break;
      case "auto":
        group.auto = autoMethod(statement.value, group);
        break;
      case "backup-directory":
        group.backupDirectory = statement.value.text;
        break;
      case "backup-generations":
        group.backupGenerations = wholeNumber(statement.value, statement.kind, "generations");
        break;
      case "action":
        group.actions.push(actionRule(statement.action));
    }
  }

  #addPatterns(kind: Pattern["kind"], words: readonly Word[], group: OpenGroup): void {
    if (kind === "compare" && words.length > 1) {
      this.#options.onNote(
        1,
        "All words of a compare statement are compare patterns; csync2 2.0 includes all but the last",
      );
    }
    for (const word of words) {
      const text = withoutTrailingSlashes(word.text);
      if (text === "/" && kind !== "exclude") {
        throw valueError(
          word.at,
          `Config error: Cannot ${kind} "/": it stands for the root directory only`,
          "write /* for the whole tree",
        );
      }
      group.patterns.push({ kind, text });
    }
  }

  #closeGroup(at: Position): void {
    const group = this.#group!;
    this.#group = undefined;
    for (const host of group.hosts) {
      const known = { name: lowerCaseHost(host.name.text), address: protocolName(host) };
      this.#knownHosts.set(`${known.name}@${known.address}`, known);
    }
    const own = group.hosts.findLastIndex((h) => lowerCaseHost(h.name.text) === this.#hostName);
    if (own < 0) return; // D 7.1.9: neither its key statement nor its key file is our business
    this.#isMember = true;
    if (group.key === undefined) {
      throw valueError(at, "Config error: every group must have a key.");
    }
    const { readKey, groupFilter } = this.#options;
    const key = readKey(group.key.text, group.key.at);
    if (groupFilter !== undefined && !groupFilter.includes(group.name)) return;
    const { hosts, ...settings } = group;
    this.#groups.push({
      ...settings,
      key,
      peers: peersOfGroup(hosts, own, this.#hostName),
      myName: protocolName(hosts[own]!),
      iAmSlave: hosts[own]!.isSlave,
      auto: group.auto ?? "none",
    });
  }

  #addPrefixPath(host: Word, path: Word): void {
    if (!path.text.startsWith("/")) {
      throw valueError(
        path.at,
        `Config error: Prefix '${show(path.text)}' is not an absolute path.`,
      );
    }
    const prefix = this.#prefix!;
    // D 7.1.14: without case, as the own name is lower case.
    const fits = shellMatch(lowerCaseHost(host.text), this.#hostName);
    if (prefix.path !== undefined || !fits) return;
    // Canonical, so that paths are found to be below it; ".." stays, as only the disk can resolve it.
    const parts = path.text.split("/").filter((part) => part !== "" && part !== ".");
    prefix.path = `/${parts.join("/")}` as DiskPath;
    this.#options.onNote(2, `Prefix '${prefix.name}' is set to '${prefix.path}'.`);
  }

  #ignore({ text, at }: Word): void {
    if (text !== "uid" && text !== "gid" && text !== "mod") {
      throw valueError(
        at,
        `Config error: Unknown 'ignore' property: '${show(text)}'.`,
        "use uid, gid or mod",
      );
    }
    this.#ignored = { ...this.#ignored, [text]: true };
  }

  #notAMember(): NotAMember {
    const candidates = [...this.#knownHosts.values()];
    const hosts = [...new Set(candidates.map(({ name }) => name))];
    const listed = hosts.slice(0, 20).map(show).join(", ");
    const { file, groupFilter } = this.#options;
    const groups = groupFilter === undefined
      ? ""
      : `, groups asked for: ${show(groupFilter.join(", "))}`;
    return new NotAMember(
      `This host (${show(this.#hostName)}) is not a member of any configured group.`,
      {
        advice: hosts.length === 0
          ? `${show(file)}: there is no group with a host`
          : `${show(file)}: hosts there: ${listed}${hosts.length > 20 ? ", ..." : ""}${groups}; ` +
            "the own name is the system's or that of -N",
        file,
        candidates: this.#isMember ? [] : candidates,
      },
    );
  }
}

function openGroup(name: string): OpenGroup {
  return {
    name,
    hosts: [],
    patterns: [],
    actions: [],
    key: undefined,
    auto: undefined,
    backupDirectory: undefined,
    backupGenerations: DEFAULT_BACKUP_GENERATIONS,
  };
}

function protocolName(host: HostSyntax): HostName {
  return lowerCaseHost((host.alias ?? host.name).text);
}

function peersOfGroup(hosts: readonly HostSyntax[], own: number, hostName: HostName): PeerHost[] {
  return hosts.flatMap((host, index) =>
    lowerCaseHost(host.name.text) === hostName
      ? []
      : [{ name: protocolName(host), isSlave: host.isSlave, isLeftOfUs: index < own }]
  );
}

/** A pattern as it is matched: slashes at its end do not count, but in a lone one (D 2.3). */
export function withoutTrailingSlashes(text: string): string {
  let end = text.length;
  while (end > 1 && text[end - 1] === "/") end--;
  return text.slice(0, end);
}

function autoMethod({ text, at }: Word, group: OpenGroup): AutoMethod {
  if (group.auto !== undefined) {
    throw valueError(at, "Config error: a group might only have one auto-setting.");
  }
  const method = AUTO_METHODS.find((known) => known === text);
  if (method !== undefined) return method;
  const names = AUTO_METHODS.map((known) => `'${known}'`);
  const choice = `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
  throw valueError(at, `Config error: Unknown auto-setting '${show(text)}' (use ${choice}).`);
}

function wholeNumber({ text, at }: Word, statement: string, unit: string): number {
  if (/^\+?\d{1,9}$/.test(text)) return Number(text);
  throw valueError(
    at,
    `Config error: Cannot use '${show(text)}' for ${statement}.`,
    `a whole number of ${unit} is needed`,
  );
}

function actionRule(action: ActionSyntax): ActionRule {
  return {
    patterns: action.patterns.map(({ text }) => text),
    commands: action.commands.map(({ text }) => text),
    logfile: action.logfile?.text ?? "/dev/null",
    onLocal: action.doLocal || action.doLocalOnly,
    onRemote: !action.doLocalOnly,
  };
}
