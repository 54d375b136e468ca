/** What in a configuration is allowed, but hardly meant (D 7.1.13). Pure. */
import { show } from "../model/mod.ts";
import { lowerCaseHost, withoutTrailingSlashes } from "./build.ts";
import { place, type Position } from "./config_error.ts";
import { literalDirectory, whyDead } from "./dead_pattern.ts";
import type { HostSyntax, Statement, Word } from "./parser.ts";

/** Something that was found. */
export interface Suspicion {
  readonly kind: "suspicion";
  readonly at: Position;
  /** For people. */
  readonly text: string;
}

/** A directory that a pattern leads through: as a symbolic link it hides everything below (D 2.5). */
export interface Passage {
  readonly kind: "passage";
  readonly at: Position;
  /** The pattern with its keyword, for people. */
  readonly pattern: string;
  /** Begins with `/` or `%prefix%`. To be looked at on the disk. */
  readonly directory: string;
}

/** Reads all statements, whoever this host is. In order of the text. */
export function findSuspicions(statements: readonly Statement[]): (Suspicion | Passage)[] {
  const reader = new Reader(prefixNames(statements));
  for (const statement of statements) reader.read(statement);
  return reader.found;
}

function prefixNames(statements: readonly Statement[]): ReadonlySet<string> {
  return new Set(statements.flatMap((s) => s.kind === "prefix" ? [s.name.text] : []));
}

/** The finding of somebody who looked and saw that a part of the passage is a link. */
export function linkOnPassage({ at, pattern }: Passage, link: string): Suspicion {
  const text = `${pattern} leads through the symbolic link ${link}: nothing behind it is found`;
  return { kind: "suspicion", at, text };
}

/** `FILE:LINE:COL: WARNING: text` */
export function suspicionLine({ at, text }: Suspicion): string {
  return `${place(at)}: WARNING: ${text}`;
}

class Reader {
  readonly found: (Suspicion | Passage)[] = [];
  readonly #groups = new Map<string, Position>();
  readonly #declared = new Map<string, Position>();
  readonly #prefixes: ReadonlySet<string>;
  #unnamedGroups = 0;
  #group = "";
  /** By name and by address, in the group that is read. */
  #hosts = new Map<string, HostSyntax>();
  #backupDirectory: Word | undefined;
  #backupGenerations: Word | undefined;

  constructor(prefixes: ReadonlySet<string>) {
    this.#prefixes = prefixes;
  }

  read(statement: Statement): void {
    switch (statement.kind) {
      case "group":
        return this.#openGroup(statement);
      case "group-end":
        return this.#closeGroup();
      case "hosts":
        return statement.hosts.forEach((host) => this.#host(host));
      case "include":
      case "exclude":
      case "compare":
        if (statement.kind === "compare") this.#compare(statement.words);
        return statement.words.forEach((word) => this.#pattern(statement.kind, word));
      case "backup-directory":
        this.#backupDirectory = statement.value;
        return;
      case "backup-generations":
        this.#backupGenerations = statement.value;
        return;
      case "action":
        return this.#action(statement);
      case "prefix":
        return this.#prefix(statement.name);
      default: // nothing to be suspicious of
    }
  }

  #say(at: Position, text: string): void {
    this.found.push({ kind: "suspicion", at, text });
  }

  #openGroup({ name, at }: Extract<Statement, { kind: "group" }>): void {
    this.#group = name?.text ?? `group_${++this.#unnamedGroups}`;
    this.#hosts = new Map();
    this.#backupDirectory = this.#backupGenerations = undefined;
    const first = this.#groups.get(this.#group);
    if (first === undefined) this.#groups.set(this.#group, name?.at ?? at);
    else {
      this.#say(
        name?.at ?? at,
        `group "${show(this.#group)}" has the name of another one, at ${
          place(first)
        }: -G takes both`,
      );
    }
  }

  #closeGroup(): void {
    const generations = this.#backupGenerations, directory = this.#backupDirectory;
    if (generations !== undefined && directory === undefined) {
      this.#say(generations.at, "no backups are made: the group has no backup-directory");
    } else if (directory !== undefined && Number(generations?.text ?? 3) < 2) {
      this.#say(directory.at, "no backups are made: they need two backup-generations or more");
    }
  }

  #host(host: HostSyntax): void {
    const { name, alias = name } = host;
    for (const [what, word] of [["name", name], ["address", alias]] as const) {
      const key = `${what} ${lowerCaseHost(word.text)}`;
      const first = this.#hosts.get(key);
      if (first === undefined) this.#hosts.set(key, host);
      else if (first !== host) {
        const again = what === "name" ? "is listed twice" : "is the address of two hosts";
        this.#say(
          word.at,
          `host "${show(word.text)}" ${again} in group "${show(this.#group)}", first at ` +
            place(first.name.at),
        );
        return;
      }
    }
  }

  /** D 7.1.7 */
  #compare([first, ...others]: readonly Word[]): void {
    if (first === undefined || others.length === 0) return;
    this.#say(
      first.at,
      "all words of a compare statement are compare patterns; csync2 2.0 includes all but the last",
    );
  }

  #pattern(kind: "include" | "exclude" | "compare", word: Word): void {
    const text = withoutTrailingSlashes(word.text);
    const why = whyDead(text, { prefixes: this.#prefixes, ofAction: false });
    if (why !== undefined) {
      return this.#say(word.at, `${kind} "${show(word.text)}" never matches: ${show(why)}`);
    }
    const directory = literalDirectory(text);
    if (directory === undefined) return;
    const pattern = `${kind} "${show(word.text)}"`;
    this.found.push({ kind: "passage", at: word.at, pattern, directory });
  }

  #action({ action, at }: Extract<Statement, { kind: "action" }>): void {
    if (action.commands.length === 0) this.#say(at, "this action has no exec: it does nothing");
    for (const word of action.patterns) {
      const why = whyDead(word.text, { prefixes: this.#prefixes, ofAction: true });
      if (why === undefined) continue;
      this.#say(word.at, `pattern "${show(word.text)}" never matches: ${show(why)}`);
    }
  }

  #prefix(name: Word): void {
    const first = this.#declared.get(name.text);
    if (first === undefined) this.#declared.set(name.text, name.at);
    else {
      this.#say(
        name.at,
        `prefix "${show(name.text)}" is declared twice, first at ${
          place(first)
        }: the last one that ` +
          "has a path for a host counts there",
      );
    }
  }
}
