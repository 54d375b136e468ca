/** A configuration's text -> Config. What is read besides comes through functions. */
import { buildConfig, type BuildOptions, type OnNote } from "./build.ts";
import type { Config } from "./config.ts";
import { ConfigError } from "./config_error.ts";
import { type Include, Lexer, type SourceText } from "./lexer.ts";
import { parse, type Statement } from "./parser.ts";

export interface ParseConfigOptions extends Omit<BuildOptions, "file"> {
  readonly include: Include;
}

/** Reads the text, and what it includes. @throws ConfigError for the first mistake */
export function parseConfig(main: SourceText, options: ParseConfigOptions): Config {
  let notes: Parameters<OnNote>[] = [];
  try {
    return readStatements(main, options.include, (statements) => {
      notes = [];
      const onNote: OnNote = (level, text) => notes.push([level, text]);
      return buildConfig(statements, { ...options, file: main.file, onNote });
    });
  } finally {
    for (const note of notes) options.onNote(...note);
  }
}

/**
 * Gives the statements of a text, and of what it includes, to `use`; a mistake is found when they get
 * there.
 *
 * A text that is valid today means what it always meant: quotes know no escapes. Only a text that is an
 * error otherwise is read a second time, with `\"` and `\\` as escapes in quotes; if that fails too, the
 * first error is the one to tell (D 7.1.3).
 *
 * @throws ConfigError for the first mistake
 */
export function readStatements<T>(
  main: SourceText,
  include: Include,
  use: (statements: Iterable<Statement>) => T,
): T {
  const lexer = new Lexer(main, { include, escapes: false });
  try {
    return use(parse(lexer));
  } catch (error) {
    const isSyntax = error instanceof ConfigError && error.code === "config/syntax";
    if (!isSyntax || !lexer.sawBackslashInQuotes) throw error;
    try {
      return use(parse(new Lexer(main, { include, escapes: true })));
    } catch {
      throw error;
    }
  }
}
