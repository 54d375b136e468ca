/** What is wrong with a configuration. */
import { CsyncError, type CsyncErrorInit, show } from "../model/mod.ts";

/** Where a token begins. */
export interface Position {
  readonly file: string;
  /** From 1, in its own file. */
  readonly line: number;
  /** From 1, in bytes. */
  readonly column: number;
  /** The C program's counter: one for all files, never reset (D 1.4). */
  readonly runningLine: number;
}

/**
 * A configuration that cannot be used. The message is the C program's text where there is one; the
 * advice tells the place, and what was expected.
 */
export class ConfigError extends CsyncError {
  override readonly name = "ConfigError";
  constructor(code: `config/${string}`, init: CsyncErrorInit) {
    super(code, init);
  }
}

/** `file:line:column` for people. */
export function place(at: Position): string {
  return `${show(at.file)}:${at.line}:${at.column}`;
}

/** `Near line 3: syntax error (/etc/csync2.cfg:3:7: found "}", expected ";")` */
export function syntaxError(at: Position, problem: string): ConfigError {
  return new ConfigError("config/syntax", {
    message: `Near line ${at.runningLine}: syntax error`,
    advice: `${place(at)}: ${problem}`,
  });
}

/** A value that cannot be used. `message` is the C program's sentence, `problem` says more. */
export function valueError(at: Position, message: string, problem?: string): ConfigError {
  return new ConfigError("config/value", {
    message,
    advice: problem === undefined ? place(at) : `${place(at)}: ${problem}`,
  });
}
