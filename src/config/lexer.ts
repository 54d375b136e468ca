/** Bytes -> words and symbols, with included files put in their place (D 1.2, D 1.3). */
import { place, type Position, syntaxError } from "./config_error.ts";

export type Token =
  | { readonly kind: "keyword" | "symbol"; readonly text: string; readonly at: Position }
  | {
    readonly kind: "word";
    readonly text: string;
    readonly at: Position;
    readonly isQuoted: boolean;
  }
  | { readonly kind: "end"; readonly text: ""; readonly at: Position };

/** A file's text as a byte string. */
export interface SourceText {
  /** For messages. */
  readonly file: string;
  readonly text: string;
}

/** Finds the files for one name of a `config` statement. Cycles and limits are its business. */
export type Include = (
  request: { readonly name: string; readonly at: Position; readonly within: readonly string[] },
) => readonly SourceText[];

export interface LexerOptions {
  readonly include: Include;
  /** Whether `\"` and `\\` are escapes in quotes (D 7.1.3). */
  readonly escapes: boolean;
}

const KEYWORDS: ReadonlySet<string> = new Set(
  ("group host exclude include compare key auto action pattern exec logfile do-local do-local-only " +
    "prefix on nossl ignore database lock-timeout tempdir backup-directory backup-generations " +
    "no-cygwin-lowercase config").split(" "),
);
const SYMBOLS = "{}();:@";
const BLANKS_REGEXP = /[ \t\r\n]+|#[^\n]*/y;
const BLANKS_ONLY_REGEXP = /[ \t\r\n]+/y;
const WORD_REGEXP = /[^ \t\r\n@;()#"]*[^ \t\r\n@;()#":]/y;
const FILE_NAME_REGEXP = /[^ \t\r\n;]+/y;
const PLAIN_QUOTED_REGEXP = /"([^"]*)"/y;
const ESCAPED_QUOTED_REGEXP = /"((?:[^"\\]+|\\[^])*)"/y;

/** One open file. */
interface Reading extends SourceText {
  at: number;
  line: number;
  /** Offset at which the line begins. */
  lineStart: number;
  /** Inside a `config` statement: names of files follow. */
  namesFiles: boolean;
  /** Files of the name that was read last, still to be opened. */
  queue: readonly SourceText[];
}

export class Lexer {
  readonly #options: LexerOptions;
  /** The innermost file is the last one. */
  readonly #open: Reading[] = [];
  #runningLine = 1;
  /** Whether any quoted word has a backslash, so that reading it with escapes may differ. */
  sawBackslashInQuotes = false;

  constructor(source: SourceText, options: LexerOptions) {
    this.#options = options;
    this.#push(source);
  }

  /** The next token; `end` again and again at the end. @throws ConfigError */
  next(): Token {
    while (true) {
      const reading = this.#open.at(-1)!;
      if (reading.namesFiles) {
        if (this.#nextFileName(reading)) continue;
      } else this.#skip(BLANKS_REGEXP, reading);
      if (reading.at >= reading.text.length) {
        if (this.#open.length === 1) return { kind: "end", text: "", at: this.#position(reading) };
        this.#open.pop();
        continue;
      }
      if (reading.namesFiles) continue;
      const token = this.#token(reading);
      if (token.kind !== "keyword" || token.text !== "config") return token;
      reading.namesFiles = true;
    }
  }

  #push(source: SourceText): void {
    this.#open.push({ ...source, at: 0, line: 1, lineStart: 0, namesFiles: false, queue: [] });
  }

  #position(reading: Reading): Position {
    return {
      file: reading.file,
      line: reading.line,
      column: reading.at - reading.lineStart + 1,
      runningLine: this.#runningLine,
    };
  }

  #skip(regexp: RegExp, reading: Reading): void {
    regexp.lastIndex = reading.at;
    for (let found = regexp.exec(reading.text); found !== null; found = regexp.exec(reading.text)) {
      this.#advance(reading, found[0]);
      regexp.lastIndex = reading.at;
    }
  }

  #advance(reading: Reading, passed: string): void {
    for (let lf = passed.indexOf("\n"); lf >= 0; lf = passed.indexOf("\n", lf + 1)) {
      reading.line++;
      reading.lineStart = reading.at + lf + 1;
      this.#runningLine++;
    }
    reading.at += passed.length;
  }

  /** In a `config` statement: opens the next file, or ends the statement. False at the file's end. */
  #nextFileName(reading: Reading): boolean {
    const [file, ...queue] = reading.queue;
    if (file !== undefined) {
      reading.queue = queue;
      this.#push(file);
      return true;
    }
    this.#skip(BLANKS_ONLY_REGEXP, reading);
    if (reading.at >= reading.text.length) return false;
    if (reading.text[reading.at] === ";") {
      reading.at++;
      reading.namesFiles = false;
      return true;
    }
    FILE_NAME_REGEXP.lastIndex = reading.at;
    const name = FILE_NAME_REGEXP.exec(reading.text)![0];
    const at = this.#position(reading);
    reading.at += name.length;
    const within = this.#open.map(({ file }) => file);
    reading.queue = this.#options.include({ name, at, within });
    return true;
  }

  #token(reading: Reading): Token {
    const first = reading.text[reading.at]!;
    if (first === '"') return this.#quoted(reading);
    const start = this.#position(reading);
    WORD_REGEXP.lastIndex = reading.at;
    const text = WORD_REGEXP.exec(reading.text)?.[0] ?? "";
    if (SYMBOLS.includes(first) && text.length <= 1) {
      reading.at++;
      return { kind: "symbol", text: first, at: start };
    }
    reading.at += text.length;
    return KEYWORDS.has(text)
      ? { kind: "keyword", text, at: start }
      : { kind: "word", text, at: start, isQuoted: false };
  }

  #quoted(reading: Reading): Token {
    const start = this.#position(reading);
    const regexp = this.#options.escapes ? ESCAPED_QUOTED_REGEXP : PLAIN_QUOTED_REGEXP;
    regexp.lastIndex = reading.at;
    const found = regexp.exec(reading.text);
    if (found === null) throw syntaxError(start, "this quote is never closed");
    this.#advance(reading, found[0]);
    let text = found[1]!;
    if (text.includes("\\")) this.sawBackslashInQuotes = true;
    if (this.#options.escapes) text = text.replace(/\\(["\\])/g, "$1");
    // COMPAT: the counter of a token is the one behind it (D 1.4); line and column are where it begins.
    return {
      kind: "word",
      text,
      at: { ...start, runningLine: this.#runningLine },
      isQuoted: true,
    };
  }
}

/** What a token is called in a message. */
export function shown(token: Token): string {
  if (token.kind === "end") return "the end of the file";
  return `"${token.text.length > 60 ? `${token.text.slice(0, 57)}...` : token.text}"`;
}

/** Why a brace was not seen as one, when it is glued to a word (D 7.1.1). */
export function gluedBrace(...tokens: readonly (Token | undefined)[]): string | undefined {
  const glued = tokens.find((token) =>
    token?.kind === "word" && !token.isQuoted && token.text.length > 1 &&
    /^[{}]|[{}]$/.test(token.text)
  );
  return glued === undefined
    ? undefined
    : `${shown(glued)} at ${place(glued.at)} is one word: braces need blanks around them`;
}
