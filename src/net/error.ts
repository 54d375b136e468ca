/** What can go wrong on a connection, as codes. */
import { CsyncError, type CsyncErrorInit } from "../model/mod.ts";

/** The second half of a NetError's code. */
export type NetFault =
  /** Nothing moved within the deadline. */
  | "timeout"
  | "line-too-long"
  /** EOF inside a line. */
  | "truncated"
  /** Reset by the other side, or closed by us. */
  | "closed"
  | "refused"
  | "unreachable"
  | "resolve"
  /** The port of `-p` is neither a number nor a known service. */
  | "port"
  /** The wanted address is taken, or is not one of this host. */
  | "bind"
  /** A handshake failed. */
  | "tls"
  /** The peer's certificate is missing, unreadable, or not proven to be its own. */
  | "certificate"
  /** Plain text was waiting when the encryption should begin (W 20.5). */
  | "injected"
  /** Our key or certificate file is missing or unusable. */
  | "identity"
  /** Descriptors 0 and 1 are no connection. */
  | "stdio"
  | "other";

export interface NetErrorInit extends CsyncErrorInit {
  /** The bare reason in the words of the C library: `Connection refused`. Part of the message. */
  readonly reason?: string;
}

/** A connection that cannot be made or cannot go on. Test `code`, never the text. */
export class NetError extends CsyncError {
  override readonly name = "NetError";
  readonly reason: string;

  /** @param fault becomes the code `net/FAULT` */
  constructor(fault: NetFault, init: NetErrorInit) {
    super(`net/${fault}`, init);
    this.reason = init.reason ?? init.message;
  }
}

/** errno name -> our word and the text of the C library. */
const KNOWN: Readonly<Record<string, readonly [NetFault, string]>> = {
  ECONNREFUSED: ["refused", "Connection refused"],
  ECONNRESET: ["closed", "Connection reset by peer"],
  ECONNABORTED: ["closed", "Software caused connection abort"],
  EPIPE: ["closed", "Broken pipe"],
  ENOTCONN: ["closed", "Transport endpoint is not connected"],
  ETIMEDOUT: ["timeout", "Connection timed out"],
  EHOSTUNREACH: ["unreachable", "No route to host"],
  ENETUNREACH: ["unreachable", "Network is unreachable"],
  EADDRINUSE: ["bind", "Address already in use"],
  EADDRNOTAVAIL: ["bind", "Cannot assign requested address"],
  EAFNOSUPPORT: ["bind", "Address family not supported by protocol"],
  EACCES: ["bind", "Permission denied"],
  EMFILE: ["other", "Too many open files"],
  ENFILE: ["other", "Too many open files in system"],
  ENOTFOUND: ["resolve", "Name or service not known"],
  EAI_NONAME: ["resolve", "Name or service not known"],
  EAI_AGAIN: ["resolve", "Temporary failure in name resolution"],
  EAI_FAIL: ["resolve", "Non-recoverable failure in name resolution"],
  EAI_NODATA: ["resolve", "No address associated with hostname"],
};
/** Deno's classes for calls on a connection that we have closed ourselves. */
const CLOSED_BY_US = new Set(["BadResource", "Interrupted", "AbortError"]);

/** What the system said, as a NetError. `action` is the start of the message: `Cannot read`. */
export function netError(action: string, cause: unknown): NetError {
  if (cause instanceof NetError) return cause;
  const { code, name, message } = cause as { code?: unknown; name?: unknown; message?: unknown };
  const known = typeof code === "string" ? KNOWN[code] : undefined;
  const [fault, reason] = known ??
    (CLOSED_BY_US.has(String(name))
      ? ["closed" as const, "The connection was closed"]
      : ["other" as const, String(message)]);
  return new NetError(fault, { message: `${action}: ${reason}`, reason, cause });
}
