/** The content of one open file: compared with a signature, or sent as a delta. */
import { DeltaError, deltaFor, literalDelta, sameContentAs } from "../delta/mod.ts";
import type { SourceFile } from "../fs/mod.ts";
import type { ByteStream, Fingerprint, SizedStream } from "../model/mod.ts";
import { isSystemError } from "./context.ts";

/** Longest time that the kernel's clock for files stands still (100 Hz), doubled. */
const TICK_MS = 20;

/**
 * Waits until the next write is sure to leave another time behind. Two writes within one tick of the
 * kernel's clock cannot be told apart afterwards, so what is read in the tick of the last write may be
 * a mixture that looks unchanged.
 */
export async function tickIsOver(
  { ctime }: Fingerprint,
  now = BigInt(Date.now()) * 1_000_000n,
): Promise<void> {
  const ageMs = Number((now - ctime) / 1_000_000n);
  if (Math.abs(ageMs) < TICK_MS) await new Promise((go) => setTimeout(go, TICK_MS));
}

/**
 * What is sent is one state of the file, or nothing: a file that changes or cannot be read to its end
 * gets an invalid end of its delta, and the peer keeps what it has.
 */
export class OutgoingContent {
  /** Why the delta was made invalid or was given up, in words for people. */
  problem: string | undefined;

  constructor(private readonly source: SourceFile) {}

  /** Whether the peer's signature is that of this content. What is no signature fits nothing. */
  async isSameAs(signature: ByteStream): Promise<boolean> {
    try {
      return await sameContentAs(signature, this.source);
    } catch (error) {
      if (error instanceof DeltaError) return false;
      throw error;
    }
  }

  /** @see DeltaSource */
  async delta(signature: ByteStream): Promise<SizedStream | undefined> {
    const content = {
      size: this.source.size,
      readAt: (into: Uint8Array, offset: number) => this.#readAt(into, offset),
    };
    const options = { isStillValid: () => this.#isStillValid() };
    const stream = await deltaFor(signature, { content, ...options }).catch((error) => {
      // A signature that cannot be used is that of another content: everything is sent.
      if (error instanceof DeltaError) return literalDelta(content, options);
      throw error;
    });
    return this.problem === undefined ? stream : undefined;
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

  #isStillValid(): boolean {
    if (this.problem === undefined && !this.source.isUnchanged()) {
      this.problem = "It changed while it was sent.";
    }
    return this.problem === undefined;
  }
}
