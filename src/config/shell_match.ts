/**
 * Shell patterns: the C library's `fnmatch`, compiled once per pattern (D 2.3).
 *
 * `*`, `?`, `[...]` with `!` or `^`, ranges and classes; a backslash makes the next byte literal; a
 * leading dot is nothing special. An unbalanced `[` is literal, a final lone `\` matches nothing. `?` and
 * brackets take one character when pattern and text are valid UTF-8, else one byte (D 7.2.7).
 */
import { toBytes } from "../model/mod.ts";

export interface ShellMatchOptions {
  /** Wildcards and brackets do not match `/`. @default {false} */
  readonly pathname?: boolean;
  /** A leading part of the text that is followed by `/` is enough. @default {false} */
  readonly leadingDir?: boolean;
}
export type Matcher = (text: string) => boolean;

const ANY = -1;
export const STAR = -2;
/** Set number k of a program is the operation FIRST_SET - k. */
const FIRST_SET = -3;
const SLASH = 47;
const BACKSLASH = 92;
const NON_ASCII_REGEXP = /[^\x00-\x7f]/;

type CodeTest = (code: number) => boolean;

/** A compiled pattern: literal characters as their code points, and the negative codes above. */
export interface ShellProgram {
  readonly ops: readonly number[];
  readonly sets: readonly CodeTest[];
  /** Where each operation begins in the pattern. */
  readonly starts: readonly number[];
}

const NOTHING: Matcher = () => false;

/** Whether `text` matches `pattern`. Compile instead when the same pattern is asked often. */
export function shellMatch(
  pattern: string,
  text: string,
  options: ShellMatchOptions = {},
): boolean {
  return compileShell(pattern, options)(text);
}

/** The pattern as a function that is cheap to call. */
export function compileShell(pattern: string, options: ShellMatchOptions = {}): Matcher {
  const program = compileProgram(pattern);
  if (program === undefined) return NOTHING;
  if (!options.leadingDir) {
    const simple = simpleMatcher(program, options);
    if (simple !== undefined) return simple;
  }
  return programMatcher(pattern, program, options);
}

/** The general matcher. `pattern` is compiled a second time, as characters, if it is needed. */
function programMatcher(
  pattern: string,
  program: ShellProgram,
  options: ShellMatchOptions,
): Matcher {
  const isCharSensitive = program.ops.some((op) => op === ANY || op <= FIRST_SET);
  if (!isCharSensitive) return (text) => run(program, text, options);
  let asCharacters: ShellProgram | undefined | null = null; // null: not compiled yet
  return (text) => {
    if (NON_ASCII_REGEXP.test(text)) {
      if (asCharacters === null) {
        const decoded = decodeUtf8(pattern);
        asCharacters = decoded === undefined ? undefined : compileProgram(decoded);
      }
      const characters = asCharacters && decodeUtf8(text);
      if (asCharacters && characters !== undefined) return run(asCharacters, characters, options);
    }
    return run(program, text, options);
  };
}

function decodeUtf8(bytes: string): string | undefined {
  if (!NON_ASCII_REGEXP.test(bytes)) return bytes;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(toBytes(bytes));
  } catch {
    return undefined;
  }
}

/** PERF: literals, `x*`, `*x` and `*x*` need no program; nearly every exclude is one of them. */
function simpleMatcher(
  { ops }: ShellProgram,
  { pathname }: ShellMatchOptions,
): Matcher | undefined {
  const isLiteral = (part: readonly number[]) => part.every((op) => op >= 0);
  if (isLiteral(ops)) {
    const whole = literal(ops);
    return (text) => text === whole;
  }
  if (pathname) return undefined;
  const starFirst = ops[0] === STAR, starLast = ops.at(-1) === STAR;
  const inner = ops.slice(starFirst ? 1 : 0, starLast ? -1 : undefined);
  if (!isLiteral(inner) || ops.length === 1) {
    return ops.length === 1 && starFirst ? () => true : undefined;
  }
  const part = literal(inner);
  if (starFirst && starLast) return (text) => text.includes(part);
  return starFirst ? (text) => text.endsWith(part) : (text) => text.startsWith(part);
}

/** Literal operations as text. */
export function literal(ops: readonly number[]): string {
  let text = "";
  for (const op of ops) text += String.fromCodePoint(op);
  return text;
}

/**
 * Runs a program over the whole text. Going back to the last `*` only is enough: an earlier one could
 * merely give up what the last one can take as well, or lies before a `/` that is matched for good.
 * So the time is at most the product of both lengths, whatever the pattern.
 */
export function run(
  { ops, sets }: ShellProgram,
  text: string,
  { pathname = false, leadingDir = false }: ShellMatchOptions,
): boolean {
  let op = 0, at = 0, starOp = -1, starAt = 0;
  while (true) {
    if (op === ops.length) {
      if (at === text.length || (leadingDir && text.charCodeAt(at) === SLASH)) return true;
    } else {
      const want = ops[op]!;
      if (want === STAR) {
        starOp = ++op;
        starAt = at;
        continue;
      }
      const code = at < text.length ? text.codePointAt(at)! : -1;
      if (code >= 0 && accepts(want, code, sets, pathname)) {
        op++;
        at += code > 0xffff ? 2 : 1;
        continue;
      }
    }
    if (starOp < 0 || starAt >= text.length) return false;
    const skipped = text.codePointAt(starAt)!;
    if (pathname && skipped === SLASH) return false;
    starAt += skipped > 0xffff ? 2 : 1;
    op = starOp;
    at = starAt;
  }
}

function accepts(want: number, code: number, sets: readonly CodeTest[], pathname: boolean) {
  if (want >= 0) return want === code;
  if (pathname && code === SLASH) return false;
  return want === ANY || sets[FIRST_SET - want]!(code);
}

/** Pattern -> program; undefined for a final lone backslash, which matches nothing. */
export function compileProgram(pattern: string): ShellProgram | undefined {
  const ops: number[] = [], sets: CodeTest[] = [], starts: number[] = [];
  for (let at = 0; at < pattern.length;) {
    const start = at;
    let op = pattern.codePointAt(at)!;
    at += op > 0xffff ? 2 : 1;
    if (op === 42 /* * */) op = STAR;
    else if (op === 63 /* ? */) op = ANY;
    else if (op === BACKSLASH) {
      if (at >= pattern.length) return undefined;
      op = pattern.codePointAt(at)!;
      at += op > 0xffff ? 2 : 1;
    } else if (op === 91 /* [ */) {
      const bracket = parseBracket(pattern, at);
      if (bracket !== undefined) {
        op = FIRST_SET - sets.length;
        sets.push(bracket.test);
        at = bracket.end;
      }
    }
    if (op === STAR && ops.at(-1) === STAR) continue;
    ops.push(op);
    starts.push(start);
  }
  return { ops, sets, starts };
}

const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[0-9A-Za-z]/,
  alpha: /[A-Za-z]/,
  blank: /[\t ]/,
  cntrl: /[\x00-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-\/:-@[-`{-~]/,
  space: /[\t-\r ]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};
const CLASS_REGEXP = /\[:([a-z]*):\]/y;
const SINGLE_REGEXP = /\[([.=])([^])\1\]/uy;

/** One bracket from behind its `[`; undefined when it is never closed: then the `[` is literal. */
function parseBracket(
  pattern: string,
  start: number,
): { readonly test: CodeTest; readonly end: number } | undefined {
  let at = start;
  const isNegated = pattern[at] === "!" || pattern[at] === "^";
  if (isNegated) at++;
  const tests: CodeTest[] = [];
  for (let isFirst = true;; isFirst = false) {
    if (at >= pattern.length) return undefined;
    if (pattern[at] === "]" && !isFirst) break;
    CLASS_REGEXP.lastIndex = at;
    const named = CLASS_REGEXP.exec(pattern);
    if (named !== null) {
      const regexp = CLASSES[named[1]!];
      tests.push(regexp === undefined ? () => false : (c) => regexp.test(String.fromCodePoint(c)));
      at = CLASS_REGEXP.lastIndex;
      continue;
    }
    const from = bracketCharacter(pattern, at);
    if (from === undefined) return undefined;
    at = from.end;
    let to = from;
    if (pattern[at] === "-" && at + 1 < pattern.length && pattern[at + 1] !== "]") {
      const last = bracketCharacter(pattern, at + 1);
      if (last === undefined) return undefined;
      to = last;
      at = last.end;
    }
    tests.push((c) => from.code <= c && c <= to.code);
  }
  return { test: (code) => tests.some((test) => test(code)) !== isNegated, end: at + 1 };
}

/** One character of a bracket: itself, escaped, `[.x.]` or `[=x=]`. */
function bracketCharacter(
  pattern: string,
  at: number,
): { readonly code: number; readonly end: number } | undefined {
  SINGLE_REGEXP.lastIndex = at;
  const single = SINGLE_REGEXP.exec(pattern);
  if (single !== null) return { code: single[2]!.codePointAt(0)!, end: SINGLE_REGEXP.lastIndex };
  const start = pattern.charCodeAt(at) === BACKSLASH ? at + 1 : at;
  if (start >= pattern.length) return undefined;
  const code = pattern.codePointAt(start)!;
  return { code, end: start + (code > 0xffff ? 2 : 1) };
}
