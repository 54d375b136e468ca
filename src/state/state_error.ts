/** Errors of the state. */
import { CsyncError, type CsyncErrorInit } from "../model/mod.ts";

/**
 * What went wrong: `state/busy` another process kept the database too long, `state/open` it cannot be
 * opened, `state/unsafe` others could write to it, `state/scheme` no such kind of database,
 * `state/broken` everything else.
 */
export type StateErrorCode =
  | "state/busy"
  | "state/open"
  | "state/unsafe"
  | "state/scheme"
  | "state/broken";

/** The state cannot be read or written. */
export class StateError extends CsyncError {
  override readonly name = "StateError";
  constructor(code: StateErrorCode, init: CsyncErrorInit) {
    super(code, init);
  }
}

/** The text of the C program when it gives up waiting (D 5.5). */
export const BUSY_TEXT = "Database backend is exceedingly busy => Terminating (requesting retry).";
