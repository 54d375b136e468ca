/** PUT from the client's side: content inside the request, as a whole, or as a delta. */
import { DONE, failed, type Outcome, type Regular, type SizedStream } from "../../model/mod.ts";
import type { ClientLimits } from "../classic/client.ts";
import type { DeltaSource, PutOptions, WholeContent } from "../peer.ts";
import { ProtocolError } from "../protocol_error.ts";
import type { Calls } from "./calls.ts";
import { type PutFrame, sendPut, type Target, targetBytes } from "./client_frames.ts";
import { Incoming } from "./incoming.ts";
import { INSIDE_MAX_BYTES } from "./layout.ts";
import type { Outgoing } from "./outgoing.ts";
import { entryBytes } from "./values.ts";

/** Up to this size a file goes as a whole: a signature and a delta would cost more. */
const SMALL_BYTES = 65_536;
/** Up to this size a new file does; of a larger one the peer may have the beginning from a broken transfer. */
const RESUMED_BYTES = 8 * 1_048_576;
/** LIMIT: 2^34 bytes are the signature of a file of 1.7 TB. */
const MAX_SIGNATURE_BYTES = 2 ** 34;
/** As the other side says it when a content is not what was announced. */
const CHANGED = failed("Input/output error");

export interface Put extends Target, PutOptions {
  readonly want: Regular;
  readonly content: DeltaSource | undefined;
}

export class PutSender {
  readonly #calls: Calls;
  readonly #maxSignatureBytes: number;

  constructor(calls: Calls, limits: ClientLimits | undefined) {
    this.#calls = calls;
    this.#maxSignatureBytes = limits?.maxSignatureBytes ?? MAX_SIGNATURE_BYTES;
  }

  send(put: Put): Promise<Outcome> {
    const { whole, content, isNew = false, want } = put;
    const isWhole = want.size <= (isNew ? RESUMED_BYTES : SMALL_BYTES);
    if (whole !== undefined && (content === undefined || isWhole)) {
      return this.#sendWhole(put, whole);
    }
    if (content === undefined) {
      return Promise.reject(new RangeError("Cannot put a regular file without its content"));
    }
    return this.#sendDelta(put, content);
  }

  /** The content is taken when it is its turn: no more of them wait in memory than the server takes. */
  #sendWhole(put: Put, take: () => WholeContent): Promise<Outcome> {
    const { want } = put, { sender, outgoing } = this.#calls.channel;
    const sending = new Sending(outgoing);
    const room = want.size <= INSIDE_MAX_BYTES ? want.size : 0;
    let whole: WholeContent | undefined;
    const asked = this.#calls.ask<Outcome>({
      bytes: bytesOf(put) + room,
      workBytes: want.size,
      send: (id) => {
        whole = take();
        if (whole.size !== want.size) throw new Changed();
        const inside = insideOf(whole);
        if (inside !== undefined && !whole.isStillValid()) throw new Changed();
        sendPut(sender, id, frameOf(put, inside === undefined ? "whole" : "inside", inside));
      },
      read: () => DONE,
      onGo: (id) =>
        sending.begin(id, async () => {
          const sent = await outgoing.send(id, whole!.bytes, want.size);
          return sent === want.size && whole!.isStillValid();
        }),
      isSending: () => sending.isUnderWay,
    });
    return this.#outcome(asked, sending);
  }

  #sendDelta(put: Put, content: DeltaSource): Promise<Outcome> {
    const { sender, granted, outgoing } = this.#calls.channel;
    const signature = new Incoming(granted, this.#maxSignatureBytes);
    const sending = new Sending(outgoing);
    const asked = this.#calls.ask<Outcome>({
      bytes: bytesOf(put),
      workBytes: put.want.size,
      send: (id) => sendPut(sender, id, frameOf(put, "delta")),
      read: () => DONE,
      onGo: (id) =>
        sending.begin(id, async () => {
          const delta = await this.#deltaOf(signature, content);
          if (delta === undefined) return false;
          const sent = await outgoing.send(id, delta.bytes, delta.size);
          if (sent === delta.size) return true;
          throw new ProtocolError(
            "source",
            `Cannot send a delta: it has not the announced ${delta.size} bytes`,
          );
        }),
      isSending: () => sending.isUnderWay,
      incoming: signature,
    });
    return this.#outcome(asked, sending);
  }

  async #deltaOf(signature: Incoming, content: DeltaSource): Promise<SizedStream | undefined> {
    try {
      return await content(signature.bytes);
    } finally {
      await signature.skip();
    }
  }

  /**
   * What went wrong on our side is thrown when the server has answered: the connection goes on. The
   * source is left alone by the time that this ends.
   */
  async #outcome(asked: Promise<Outcome>, sending: Sending): Promise<Outcome> {
    try {
      const outcome = await asked;
      if (sending.problem !== undefined) throw sending.problem.thrown;
      return !sending.isComplete && outcome.kind === "done" ? CHANGED : outcome;
    } catch (error) {
      if (error instanceof Changed) return CHANGED;
      await sending.ended;
      throw error;
    }
  }
}

/** A content on its way, from the moment that the server is ready for it. */
class Sending {
  readonly #outgoing: Outgoing;
  isUnderWay = false;
  /** False when it was taken back. */
  isComplete = true;
  problem: { readonly thrown: unknown } | undefined;
  /** Never rejects. */
  ended: Promise<void> | undefined;

  constructor(outgoing: Outgoing) {
    this.#outgoing = outgoing;
  }

  /** @param send gives false when the content is taken back */
  begin(id: number, send: () => Promise<boolean>): void {
    this.isUnderWay = true;
    this.ended = this.#run(id, send);
  }

  async #run(id: number, send: () => Promise<boolean>): Promise<void> {
    try {
      this.isComplete = await send();
    } catch (thrown) {
      this.problem = { thrown };
      this.isComplete = false;
    }
    this.isUnderWay = false;
    this.#outgoing.end(id, this.isComplete ? "complete" : "takenBack");
  }
}

/** The content is not what was announced any more, before anything of it was sent. */
class Changed extends Error {}

function insideOf({ all, size }: WholeContent): Uint8Array | undefined {
  return all !== undefined && all.length === size && size <= INSIDE_MAX_BYTES ? all : undefined;
}

function bytesOf(put: Put): number {
  return targetBytes(put) + entryBytes(put.want);
}

function frameOf(
  { key, name, want }: Put,
  content: PutFrame["content"],
  inside?: Uint8Array,
): PutFrame {
  return { key, name, want, content, ...(inside && { inside }) };
}
