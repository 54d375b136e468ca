/**
 * Tokens -> statements, one after the other (D 1.5).
 *
 * A generator, because values are checked while reading: a bad value is reported before a syntax error
 * that comes later (D 1.4). No recursion and no limits: lists and blocks may be as long as they like.
 */
import { type Position, syntaxError } from "./config_error.ts";
import { gluedBrace, type Lexer, shown, type Token } from "./lexer.ts";

/** A word and where it stands. */
export interface Word {
  readonly text: string;
  readonly at: Position;
}
export interface HostSyntax {
  readonly name: Word;
  /** Behind `@`. */
  readonly alias: Word | undefined;
  readonly isSlave: boolean;
}
export interface ActionSyntax {
  readonly patterns: readonly Word[];
  readonly commands: readonly Word[];
  readonly logfile: Word | undefined;
  readonly doLocal: boolean;
  readonly doLocalOnly: boolean;
}

/** Statements with one value. */
export type ValueKeyword =
  | "key"
  | "auto"
  | "backup-directory"
  | "backup-generations"
  | "database"
  | "tempdir"
  | "lock-timeout";

/** `group-end` closes what `group` opened; statements of a group come between them. */
export type Statement =
  | { readonly kind: "group"; readonly name: Word | undefined; readonly at: Position }
  | { readonly kind: "group-end"; readonly at: Position }
  | { readonly kind: "hosts"; readonly hosts: readonly HostSyntax[] }
  | { readonly kind: "include" | "exclude" | "compare"; readonly words: readonly Word[] }
  | { readonly kind: ValueKeyword; readonly value: Word }
  | { readonly kind: "action"; readonly action: ActionSyntax; readonly at: Position }
  | { readonly kind: "prefix"; readonly name: Word }
  | { readonly kind: "on"; readonly host: Word; readonly path: Word }
  | { readonly kind: "prefix-end" }
  | { readonly kind: "nossl"; readonly from: Word; readonly to: Word }
  | { readonly kind: "ignore"; readonly words: readonly Word[] }
  | { readonly kind: "no-cygwin-lowercase"; readonly at: Position };

/** The statements of a file and its included ones. @throws ConfigError at the first mistake */
export function* parse(lexer: Lexer): Generator<Statement, void, void> {
  const tokens = new Tokens(lexer);
  while (!tokens.isAtEnd) yield* block(tokens);
}

/** The token ahead, and what may be asked of it. */
class Tokens {
  readonly #lexer: Lexer;
  #previous: Token | undefined;
  peek: Token;

  constructor(lexer: Lexer) {
    this.#lexer = lexer;
    this.peek = lexer.next();
  }

  take(): Token {
    const token = this.peek;
    this.#previous = token;
    this.peek = this.#lexer.next();
    return token;
  }

  get isAtEnd(): boolean {
    this.skipEmptyWords();
    return this.peek.kind === "end";
  }

  /** Where no value is expected an empty word is nothing (D 1.2). */
  sees(kind: "symbol" | "keyword", text: string): boolean {
    this.skipEmptyWords();
    return this.peek.kind === kind && this.peek.text === text;
  }

  /** The keyword ahead, not taken yet. */
  keyword(expected: string): string {
    this.skipEmptyWords();
    if (this.peek.kind !== "keyword") this.fail(expected);
    return this.peek.text;
  }

  symbol(text: string, ...alternatives: readonly string[]): Token {
    if (!this.sees("symbol", text)) this.fail([`"${text}"`, ...alternatives].join(" or "));
    return this.take();
  }

  /** A word that must be there and must not be empty (D 7.1.2). */
  word(what: string): Word {
    const { kind, text } = this.peek;
    if (kind !== "word" || text === "") this.fail(what);
    return this.take() as Word & Token;
  }

  /** All words ahead; empty ones say nothing, as ever (D 1.2). */
  words(): Word[] {
    const words: Word[] = [];
    while (this.peek.kind === "word") {
      const word = this.take() as Word & Token;
      if (word.text !== "") words.push(word);
    }
    return words;
  }

  skipEmptyWords(): void {
    while (this.peek.kind === "word" && this.peek.text === "") this.take();
  }

  fail(expected: string): never {
    const hint = gluedBrace(this.peek, this.#previous);
    throw syntaxError(
      this.peek.at,
      `found ${shown(this.peek)}, expected ${expected}${hint === undefined ? "" : `; ${hint}`}`,
    );
  }
}

const TOP_LEVEL = "a group, prefix, nossl, database, tempdir, ignore or lock-timeout statement";
const IN_GROUP = 'a statement of a group or "}"';
const IN_ACTION = 'pattern, exec, logfile, do-local, do-local-only or "}"';

function* block(tokens: Tokens): Generator<Statement, void, void> {
  const keyword = tokens.keyword(TOP_LEVEL);
  switch (keyword) {
    case "group":
      return yield* group(tokens);
    case "prefix":
      return yield* prefix(tokens);
    case "nossl": {
      tokens.take();
      const from = tokens.word("a pattern for the connecting host");
      yield { kind: keyword, from, to: tokens.word("a pattern for the accepting host") };
      break;
    }
    case "database":
    case "tempdir":
    case "lock-timeout":
      tokens.take();
      yield { kind: keyword, value: tokens.word(`a value for ${keyword}`) };
      break;
    case "ignore":
      tokens.take();
      yield { kind: keyword, words: tokens.words() };
      return void tokens.symbol(";", "uid, gid or mod");
    case "no-cygwin-lowercase":
      yield { kind: keyword, at: tokens.take().at };
      break;
    default:
      tokens.fail(TOP_LEVEL);
  }
  tokens.symbol(";");
}

function* group(tokens: Tokens): Generator<Statement, void, void> {
  const { at } = tokens.take();
  tokens.skipEmptyWords();
  const name = tokens.peek.kind === "word" ? tokens.word("a name") : undefined;
  tokens.symbol("{", ...(name === undefined ? ["the name of the group"] : []));
  yield { kind: "group", name, at };
  while (!tokens.sees("symbol", "}")) yield* groupStatement(tokens);
  yield { kind: "group-end", at: tokens.take().at };
}

function* groupStatement(tokens: Tokens): Generator<Statement, void, void> {
  const keyword = tokens.keyword(IN_GROUP);
  switch (keyword) {
    case "action": {
      const { at } = tokens.take();
      return yield { kind: "action", action: action(tokens), at };
    }
    case "host": {
      tokens.take();
      const hosts = hostList(tokens);
      tokens.symbol(";", "a host");
      return yield { kind: "hosts", hosts };
    }
    case "include":
    case "exclude":
    case "compare": {
      tokens.take();
      const words = tokens.words();
      tokens.symbol(";", "a pattern");
      return yield { kind: keyword, words };
    }
    case "key":
    case "auto":
    case "backup-directory":
    case "backup-generations":
      tokens.take();
      yield { kind: keyword, value: tokens.word(`a value for ${keyword}`) };
      return void tokens.symbol(";");
    default:
      tokens.fail(IN_GROUP);
  }
}

function hostList(tokens: Tokens): HostSyntax[] {
  const hosts: HostSyntax[] = [];
  let isSlave = false;
  while (true) {
    if (tokens.peek.kind === "word") {
      const name = tokens.take() as Word & Token;
      if (name.text === "") continue;
      let alias: Word | undefined;
      if (tokens.sees("symbol", "@")) {
        tokens.take();
        alias = tokens.word('a name behind "@"');
      }
      hosts.push({ name, alias, isSlave });
    } else if (!isSlave && tokens.sees("symbol", "(")) {
      tokens.take();
      isSlave = true;
    } else if (isSlave) {
      tokens.symbol(")", "a host");
      isSlave = false;
    } else return hosts;
  }
}

function action(tokens: Tokens): ActionSyntax {
  const patterns: Word[] = [], commands: Word[] = [];
  let logfile: Word | undefined, doLocal = false, doLocalOnly = false;
  tokens.symbol("{");
  while (!tokens.sees("symbol", "}")) {
    switch (tokens.keyword(IN_ACTION)) {
      case "pattern":
        tokens.take();
        patterns.push(...tokens.words());
        break;
      case "exec":
        tokens.take();
        commands.push(...tokens.words());
        break;
      case "logfile":
        tokens.take();
        logfile = tokens.word("a file");
        break;
      case "do-local":
        tokens.take();
        doLocal = true;
        break;
      case "do-local-only":
        tokens.take();
        doLocalOnly = true;
        break;
      default:
        tokens.fail(IN_ACTION);
    }
    tokens.symbol(";");
  }
  tokens.take();
  return { patterns, commands, logfile, doLocal, doLocalOnly };
}

function* prefix(tokens: Tokens): Generator<Statement, void, void> {
  tokens.take();
  yield { kind: "prefix", name: tokens.word("the name of the prefix") };
  tokens.symbol("{");
  while (!tokens.sees("symbol", "}")) {
    if (!tokens.sees("keyword", "on")) tokens.fail('"on" or "}"');
    tokens.take();
    const host = tokens.word("a pattern for hosts");
    tokens.symbol(":");
    const path = tokens.word("an absolute path");
    tokens.symbol(";");
    yield { kind: "on", host, path };
  }
  tokens.take();
  yield { kind: "prefix-end" };
}
