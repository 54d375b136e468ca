/** What answers of a server mean to the client that asked (W 3, W 12). */
import { failed, type Refusal } from "../../model/mod.ts";
import { ProtocolError } from "../protocol_error.ts";
import { STATUS_LINE_MAX_BYTES } from "./codec.ts";
import { outcomeOf, printable, REPLY } from "./replies.ts";
import type { Wire } from "./wire.ts";

/** What callers' code did while the peer streamed: its error is thrown once replies are in step again. */
export type Settled<T> = { readonly value: T } | { readonly thrown: unknown };

/** A status line. One blank line before it is skipped: C servers end two error texts twice (W 20.4). */
export async function statusLine(wire: Wire): Promise<string> {
  let line = await wire.line(STATUS_LINE_MAX_BYTES);
  if (line === "") line = await wire.line(STATUS_LINE_MAX_BYTES);
  return whole(line);
}

/** A line of at least two bytes: a Duplex gives the last byte of a dying connection as a line (W 2.1). */
export function whole(line: string): string {
  if (line.length > 1) return line;
  throw new ProtocolError("closed", "Cannot go on: the peer's answer was cut short");
}

export function uselessRow(text: string): ProtocolError {
  return new ProtocolError("line", `Cannot use a row of the peer's list: "${printable(text)}"`);
}

/** The error reply to a command whose success is something else than plain. */
export function refusal(reply: string): Refusal {
  const outcome = outcomeOf(reply);
  if (outcome.kind !== "done") return outcome;
  throw new ProtocolError("desync", `Cannot go on: the peer answered "${printable(reply)}"`);
}

/** What came in place of `OK (send_data).`; a success text means that the peer did nothing (W 20.4). */
export function notAdmitted(reply: string): Refusal {
  const outcome = outcomeOf(reply);
  return outcome.kind === "done" ? failed(`Not accepted: ${printable(reply)}`) : outcome;
}

/** What the first line of SIG's answer says about absence. */
export function absence(reply: string): "absent" | "behind-link" | undefined {
  if (reply.startsWith(REPLY.pathNotFound)) return "absent";
  if (reply.startsWith(REPLY.notFound)) return "behind-link";
  if (!reply.startsWith(REPLY.dataFollows)) refusal(reply);
  return undefined;
}

export async function settle<T>(work: () => Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await work() };
  } catch (thrown) {
    return { thrown };
  }
}

export function unwrap<T>(settled: Settled<T>): T {
  if ("thrown" in settled) throw settled.thrown;
  return settled.value;
}
