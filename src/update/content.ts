/** The content of one regular file: compared with the peer's, or sent as a delta or as it is. */
import { createHash } from "node:crypto";
import { contentDigest, DeltaError, deltaFor, literalDelta, sameContentAs } from "../delta/mod.ts";
import type { SourceFile } from "../fs/mod.ts";
import type { ByteStream, SizedStream } from "../model/mod.ts";
import type { ThereView, WholeContent } from "../protocol/mod.ts";
import { isSystemError } from "./context.ts";

/** Read at once; frames are cut from it. */
const PIECE_BYTES = 512 * 1_024;

/** What is read: an open file, or bytes that were read from one in one state of it. */
export type ContentSource = Pick<SourceFile, "size" | "readAt" | "isUnchanged"> & {
  /** All of it. */
  readonly all?: Uint8Array;
};

/** A small file that was read at once. */
export function memorySource(all: Uint8Array): ContentSource {
  return {
    size: all.length,
    all,
    readAt(into, offset) {
      const piece = all.subarray(offset, offset + into.length);
      into.set(piece);
      return piece.length;
    },
    isUnchanged: () => true,
  };
}

/**
 * What is sent is one state of the file, or nothing: a file that changes or cannot be read to its end
 * gets an invalid end of its delta, and the peer keeps what it has.
 */
export class OutgoingContent {
  /** Why the delta was made invalid or was given up, in words for people. */
  problem: string | undefined;
  /** The signature was that of this content, so that nothing had to be sent. */
  isThere = false;
  #digest: Promise<Uint8Array | undefined> | undefined;

  constructor(private readonly source: ContentSource) {}

  /** Whether the peer has this content, by whatever its dialect compares. */
  async isThat({ digest, signature }: ThereView): Promise<boolean> {
    if (digest === undefined) return await this.isSameAs(signature);
    const [theirs, ours] = await Promise.all([digest(), this.digest()]);
    return theirs !== undefined && ours !== undefined && equalBytes(theirs, ours);
  }

  /** Whether the peer's signature is that of this content. What is no signature fits nothing. */
  async isSameAs(signature: ByteStream): Promise<boolean> {
    try {
      return await sameContentAs(signature, this.source);
    } catch (error) {
      if (error instanceof DeltaError) return false;
      throw error;
    }
  }

  /** SHA-256; undefined when it cannot be read to its end, which is remembered as `problem`. */
  digest(): Promise<Uint8Array | undefined> {
    return this.#digest ??= this.#hash();
  }

  /** @see PutOptions.whole */
  whole(): WholeContent {
    const { size, all } = this.source;
    return {
      size,
      ...(all !== undefined && { all }),
      bytes: this.#pieces(),
      isStillValid: () => this.#isStillValid(),
    };
  }

  /** @see DeltaSource @param options `unlessSame`: the old content is as long, and may be this one */
  async delta(
    signature: ByteStream,
    { unlessSame = false }: { unlessSame?: boolean | undefined } = {},
  ): Promise<SizedStream | undefined> {
    this.isThere = false;
    const content = {
      size: this.source.size,
      readAt: (into: Uint8Array, offset: number) => this.#readAt(into, offset),
    };
    const options = { isStillValid: () => this.#isStillValid() };
    const stream = await deltaFor(signature, { content, ...options }).catch((error) => {
      // A signature that cannot be used is that of another content: everything is sent.
      if (error instanceof DeltaError) {
        return { ...literalDelta(content, options), isSame: false };
      }
      throw error;
    });
    this.isThere = unlessSame && stream.isSame && this.#isStillValid();
    return this.problem === undefined && !this.isThere ? stream : undefined;
  }

  async #hash(): Promise<Uint8Array | undefined> {
    const { size, all } = this.source;
    if (all !== undefined) return new Uint8Array(createHash("sha256").update(all).digest());
    const readAt = (into: Uint8Array, offset: number) => this.#readAt(into, offset);
    return await contentDigest({ size, readAt }) ?? this.#shortened();
  }

  async *#pieces(): AsyncGenerator<Uint8Array, void, void> {
    const { size } = this.source;
    const buffer = new Uint8Array(Math.min(size, PIECE_BYTES));
    for (let at = 0; at < size;) {
      const count = this.#readAt(buffer.subarray(0, Math.min(buffer.length, size - at)), at);
      if (count === 0) return void this.#shortened();
      yield buffer.subarray(0, count);
      at += count;
    }
  }

  #readAt(into: Uint8Array, offset: number): number {
    if (this.problem !== undefined) return 0;
    try {
      return this.source.readAt(into, offset);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.problem = error.message;
      return 0;
    }
  }

  #shortened(): undefined {
    this.problem ??= CHANGED;
  }

  #isStillValid(): boolean {
    if (this.problem === undefined && !this.source.isUnchanged()) this.problem = CHANGED;
    return this.problem === undefined;
  }
}

const CHANGED = "It changed while it was sent.";

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
