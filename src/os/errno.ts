/** Errors of system calls as typed values. */
import { CsyncError } from "../model/mod.ts";

/** A failed system call. Test `errnoName`, never the text. */
export class OsError extends CsyncError {
  override readonly name = "OsError";
  constructor(
    /** The call: `openat2`. */
    readonly call: string,
    /** The path it was about, as a byte string; may be a single component. */
    readonly path: string,
    /** `ENOENT`. */
    readonly errnoName: string,
    /** English text of the C locale: `No such file or directory`. Sent to peers (W 3). */
    readonly text: string,
  ) {
    super(`os/${errnoName}`, { message: `Cannot ${call} "${path}": ${text}` });
  }
}
