/** The peer broke the protocol, or refused what every later request needs. */
import { CsyncError } from "../model/mod.ts";

/**
 * What went wrong:
 * - `closed`: the peer ended the connection where an answer was due
 * - `line`: a line is malformed or out of place; `desync`: replies no longer belong to requests
 * - `frame`: a frame breaks a limit, is malformed or out of place
 * - `stream`: a stream header is malformed or promises more than the limit
 * - `source`: our own stream was not as long as announced
 * - `ssl`, `certificate`, `config`, `group`: the start of the connection failed there
 * - `timeout`: the peer is alive, but does not get on
 * - `refused`: LIST was answered with an error
 * - `unusable`: used after a failure, after `content`, or by two requests at a time
 */
export type ProtocolErrorKind =
  | "closed"
  | "line"
  | "desync"
  | "frame"
  | "stream"
  | "source"
  | "ssl"
  | "certificate"
  | "config"
  | "group"
  | "timeout"
  | "refused"
  | "unusable";

export interface ProtocolErrorDetails {
  readonly advice?: string;
  readonly cause?: unknown;
}

/** This connection cannot go on: dispose it. `code` is `protocol/KIND`. */
export class ProtocolError extends CsyncError {
  override readonly name = "ProtocolError";
  constructor(
    readonly kind: ProtocolErrorKind,
    message: string,
    details: ProtocolErrorDetails = {},
  ) {
    super(`protocol/${kind}`, { message, ...details });
  }
}
