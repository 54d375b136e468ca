/** PUT from the client's side: content inside the request, as a whole, or as a delta. */
import {
  type ByteStream,
  DONE,
  failed,
  type Outcome,
  type Regular,
  type SizedStream,
} from "../../model/mod.ts";
import type { ClientLimits } from "../classic/client.ts";
import type { DeltaSource, PutOptions, WholeContent } from "../peer.ts";
import { ProtocolError } from "../protocol_error.ts";
import type { Calls } from "./calls.ts";
import { type PutFrame, sendPut, type Target, targetBytes } from "./client_frames.ts";
import { Incoming } from "./incoming.ts";
import { INSIDE_MAX_BYTES } from "./layout.ts";
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

  async send(put: Put): Promise<Outcome> {
    const { whole, content, isNew = false, want } = put;
    const isWhole = want.size <= (isNew ? RESUMED_BYTES : SMALL_BYTES);
    if (whole !== undefined && (content === undefined || isWhole)) {
      return await this.#sendWhole(put, whole);
    }
    if (content === undefined) {
      throw new RangeError("Cannot put a regular file without its content");
    }
    return await this.#sendDelta(put, content);
  }

  /** The content is taken when it is its turn: no more of them wait in memory than the server takes. */
  async #sendWhole(put: Put, take: () => WholeContent): Promise<Outcome> {
    const { want } = put, { channel: { sender } } = this.#calls;
    let whole: WholeContent | undefined, id = 0;
    const room = want.size <= INSIDE_MAX_BYTES ? want.size : 0;
    const gone = Promise.withResolvers<"go">();
    const answer = this.#calls.ask<Outcome>({
      bytes: bytesOf(put) + room,
      send: (own) => {
        id = own;
        whole = take();
        if (whole.size !== want.size) throw new Changed();
        const inside = insideOf(whole);
        if (inside !== undefined && !whole.isStillValid()) throw new Changed();
        sendPut(sender, id, frameOf(put, inside === undefined ? "whole" : "inside", inside));
      },
      read: () => DONE,
      onGo: () => gone.resolve("go"),
    }).catch((error) => {
      if (error instanceof Changed) return CHANGED;
      throw error;
    });
    const first = await Promise.race([gone.promise, answer]);
    return first === "go" ? await this.#stream(id, { answer, whole: whole! }) : first;
  }

  async #stream(
    id: number,
    { answer, whole }: { readonly answer: Promise<Outcome>; readonly whole: WholeContent },
  ): Promise<Outcome> {
    const { outgoing } = this.#calls.channel;
    return await this.#finish(id, answer, async () => {
      const sent = await outgoing.send(id, whole.bytes, whole.size);
      return sent === whole.size && whole.isStillValid();
    });
  }

  async #sendDelta(put: Put, content: DeltaSource): Promise<Outcome> {
    const { channel: { sender, granted, outgoing } } = this.#calls;
    const signature = new Incoming(granted, this.#maxSignatureBytes);
    let id = 0;
    const gone = Promise.withResolvers<"go">();
    const answer = this.#calls.ask<Outcome>({
      bytes: bytesOf(put),
      send: (own) => {
        id = own;
        sendPut(sender, id, frameOf(put, "delta"));
      },
      read: () => DONE,
      onGo: () => gone.resolve("go"),
      incoming: signature,
    });
    const first = await Promise.race([gone.promise, answer]);
    if (first !== "go") return first;
    return await this.#finish(id, answer, async () => {
      const delta = await this.#deltaOf(signature, content);
      if (delta === undefined) return false;
      const sent = await outgoing.send(id, delta.bytes, delta.size);
      if (sent === delta.size) return true;
      throw new ProtocolError(
        "source",
        `Cannot send a delta: it has not the announced ${delta.size} bytes`,
      );
    });
  }

  async #deltaOf(signature: Incoming, content: DeltaSource): Promise<SizedStream | undefined> {
    try {
      return await content(signature.bytes as ByteStream);
    } finally {
      await signature.skip();
    }
  }

  /**
   * Ends a content and takes its answer. What went wrong with it on our side is thrown when the server
   * has answered: the connection goes on.
   *
   * @param send gives false when the content is taken back
   */
  async #finish(
    id: number,
    answer: Promise<Outcome>,
    send: () => Promise<boolean>,
  ): Promise<Outcome> {
    const { outgoing } = this.#calls.channel;
    answer.catch(() => {}); // awaited below; it fails when `send` does, unless that is its own fault
    let isComplete = false, problem: { readonly thrown: unknown } | undefined;
    try {
      isComplete = await send();
    } catch (thrown) {
      problem = { thrown };
    }
    outgoing.end(id, isComplete ? "complete" : "takenBack");
    const outcome = await answer;
    if (problem !== undefined) throw problem.thrown;
    return !isComplete && outcome.kind === "done" ? CHANGED : outcome;
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
