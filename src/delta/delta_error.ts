/** What can be wrong with a signature or a delta that somebody sent. */
import { CsyncError, type CsyncErrorInit } from "../model/mod.ts";

export type DeltaErrorCode =
  | "delta/signature-magic"
  | "delta/signature-block-length"
  | "delta/signature-strong-length"
  | "delta/signature-truncated"
  | "delta/signature-too-long"
  | "delta/no-memory"
  | "delta/magic"
  | "delta/opcode"
  | "delta/empty-command"
  | "delta/number"
  | "delta/copy-past-end"
  | "delta/truncated"
  | "delta/too-large"
  | "delta/basis-changed";

/** A signature or delta cannot be used. Nothing but the stream at hand is affected. */
export class DeltaError extends CsyncError {
  override readonly name = "DeltaError";

  constructor(override readonly code: DeltaErrorCode, init: CsyncErrorInit) {
    super(code, init);
  }
}
