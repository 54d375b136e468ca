/** One PATCH: signature out, delta in, file installed. */
import { type Applied, type FilePut, type Held, refusalOf } from "../apply/mod.ts";
import { DeltaError, patch, signature, signatureOfNothing, sizedSignature } from "../delta/mod.ts";
import type { SourceFile } from "../fs/mod.ts";
import { type ByteStream, DONE, failed, type Outcome, type SizedStream } from "../model/mod.ts";
import type { PutSession } from "../protocol/mod.ts";
import { type Pace, paced, Stalled } from "./pace.ts";
import { Prefill } from "./prefill.ts";

/** From here on the old content is at its place in the new file before the delta comes. */
const PREFILL_MIN_BYTES = 8 * 1_048_576;
const NOTHING = { size: 0, readAt: () => 0 };

export interface PatchSessionOptions {
  readonly held: Held;
  readonly put: FilePut;
  /** LIMIT: longest new content; a few bytes of delta can copy the old file any number of times. */
  readonly maxFileBytes: number;
  readonly pace?: Pace | undefined;
  /** Told how it ended, before the peer is. */
  readonly onApplied: (applied: Applied) => void;
  /** What to do with a failure that is nobody's but ours. */
  readonly guard: (work: () => Promise<Outcome>) => Promise<Outcome>;
  /** Called once, at the end. */
  readonly onEnd: () => void;
}

/** Content that is not installed, whatever is right with it. */
class Unusable extends Error {
  override readonly name = "Unusable";
}

/** Owns `held` and `put`: the path stays locked until it is disposed. */
export class PatchSession implements PutSession {
  readonly #options: PatchSessionOptions;
  /** What a delta is made against. */
  #basis: SourceFile | undefined;
  /** The client is one of ours: what has come of a large content is kept when the connection breaks. */
  #isKeeping = false;
  #isBroken = false;
  #prefill: Prefill | undefined;

  constructor(options: PatchSessionOptions) {
    this.#options = options;
    this.#basis = options.put.basis;
  }

  get signature(): SizedStream {
    const { basis } = this.#options.put;
    return basis === undefined ? signatureOfNothing() : signature(basis);
  }

  sizedSignature(newBytes: number): SizedStream {
    const { partial, basis } = this.#options.put;
    this.#isKeeping = true;
    // What has come of the new content is more like it than the old one, unless it is little. A client
    // that finds all of its content in it would take the file itself for the same, and only set its time.
    if (
      partial !== undefined && partial.size < newBytes && 2 * partial.size >= (basis?.size ?? 0)
    ) this.#basis = partial;
    const old = this.#basis;
    if (old === undefined || old.size < PREFILL_MIN_BYTES || newBytes < old.size) {
      return sizedSignature(old);
    }
    const prefill = this.#prefill = new Prefill(this.#options.put, old);
    const { size, bytes } = sizedSignature(prefill);
    return { size, bytes: prefill.before(bytes) };
  }

  /** The delta is taken to its end whatever becomes of the file: it must never be read as commands. */
  async apply(delta: ByteStream): Promise<Outcome> {
    const { put, maxFileBytes } = this.#options;
    const basis = this.#basis ?? NOTHING;
    return await this.#install(delta, {
      expectedBytes: basis.size,
      take: async (pieces) => {
        const write = (bytes: Uint8Array) => put.write(bytes);
        const there = this.#prefill?.end();
        await patch(pieces, { basis, write, maxBytes: maxFileBytes, there });
        // Whether the old content is unchanged is seen when the new one takes its place.
        if (this.#basis === put.partial && put.partial?.isUnchanged() === false) {
          throw new Unusable("its beginning was changed");
        }
      },
    });
  }

  /** Content as it is, so that its length is that of the file. */
  applyWhole(content: ByteStream | Uint8Array, isValid: () => boolean): Promise<Outcome> {
    if (content instanceof Uint8Array) return this.#applyAll(content, isValid);
    const { put, maxFileBytes } = this.#options;
    return this.#install(content, {
      expectedBytes: 0,
      take: async (pieces) => {
        let size = 0;
        for await (const piece of pieces) {
          size += piece.length;
          if (size > maxFileBytes) throw new Unusable("too long");
          put.write(piece);
        }
        if (!isValid()) throw new Unusable("taken back");
      },
    });
  }

  /** PERF: nothing to wait for, and no copy. */
  #applyAll(content: Uint8Array, isValid: () => boolean): Promise<Outcome> {
    const { guard, put, maxFileBytes, onApplied } = this.#options;
    return guard(async () => {
      if (content.length > maxFileBytes || !isValid()) return failed("Input/output error");
      if (put.isLarge(content.length)) await put.spill();
      put.take(content);
      const applied = await put.install();
      onApplied(applied);
      return applied.outcome;
    });
  }

  async #install(
    content: ByteStream,
    how: { expectedBytes: number; take: (pieces: ByteStream) => Promise<unknown> },
  ): Promise<Outcome> {
    const { guard, put, onApplied } = this.#options;
    return await guard(async () => {
      const received = await this.#receive(content, how);
      if (received.kind !== "done") return received;
      const applied = await put.install();
      onApplied(applied);
      return applied.outcome;
    });
  }

  async #receive(
    content: ByteStream,
    { expectedBytes, take }: {
      expectedBytes: number;
      take: (pieces: ByteStream) => Promise<unknown>;
    },
  ): Promise<Outcome> {
    const { put } = this.#options;
    const pieces = paced(content, this.#options.pace); // by hand: an error must not close the stream
    try {
      if (put.isLarge(expectedBytes)) await put.spill();
      await take(this.#spilling(pieces));
      return DONE;
    } catch (error) {
      if (this.#isKeeping && this.#isBroken) await put.keep();
      if (error instanceof Stalled) throw error;
      while (!(await pieces.next()).done);
      const isOurs = error instanceof DeltaError || error instanceof Unusable;
      return isOurs ? failed("Input/output error") : refusalOf(error);
    }
  }

  /** Content that turns out to be large goes into a file that a crash cannot leave behind. */
  async *#spilling(pieces: ReturnType<typeof paced>): ByteStream {
    const { put } = this.#options;
    for (let bytes = 0;;) {
      this.#isBroken = true; // unless the next piece comes
      const { done, value } = await pieces.next();
      this.#isBroken = false;
      if (done) return;
      bytes += value.length;
      if (put.isLarge(bytes)) await put.spill();
      yield value;
    }
  }

  abort(): Promise<Outcome> {
    return Promise.resolve(failed("Input/output error"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { put, held, onEnd } = this.#options;
    try {
      await put[Symbol.asyncDispose]();
    } finally {
      held[Symbol.dispose]();
      onEnd();
    }
  }
}
