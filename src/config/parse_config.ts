/** A configuration's text -> Config. What is read besides comes through functions. */
import { buildConfig, type BuildOptions, type OnNote } from "./build.ts";
import type { Config } from "./config.ts";
import { ConfigError } from "./config_error.ts";
import { type Include, Lexer, type SourceText } from "./lexer.ts";
import { parse } from "./parser.ts";

export interface ParseConfigOptions extends Omit<BuildOptions, "file"> {
  readonly include: Include;
}

/**
 * Reads the text, and what it includes.
 *
 * A text that is valid today means what it always meant: quotes know no escapes. Only a text that is an
 * error otherwise is read a second time, with `\"` and `\\` as escapes in quotes; if that fails too, the
 * first error is the one to tell (D 7.1.3).
 *
 * @throws ConfigError for the first mistake
 */
export function parseConfig(main: SourceText, options: ParseConfigOptions): Config {
  const notes: Parameters<OnNote>[] = [];
  try {
    return readOnce(main, { ...options, notes, escapes: false });
  } catch (error) {
    if (!(error instanceof SawBackslash)) throw error;
    notes.length = 0;
    try {
      return readOnce(main, { ...options, notes, escapes: true });
    } catch {
      throw error.cause;
    }
  } finally {
    for (const note of notes) options.onNote(...note);
  }
}

/** A syntax error in a text with a backslash in quotes. */
class SawBackslash extends Error {}

function readOnce(
  main: SourceText,
  { notes, escapes, include, ...options }: ParseConfigOptions & {
    readonly notes: Parameters<OnNote>[];
    readonly escapes: boolean;
  },
): Config {
  const lexer = new Lexer(main, { include, escapes });
  const onNote: OnNote = (level, text) => notes.push([level, text]);
  try {
    return buildConfig(parse(lexer), { ...options, file: main.file, onNote });
  } catch (error) {
    const isSyntax = error instanceof ConfigError && error.code === "config/syntax";
    if (isSyntax && !escapes && lexer.sawBackslashInQuotes) {
      throw new SawBackslash("", { cause: error });
    }
    throw error;
  }
}
