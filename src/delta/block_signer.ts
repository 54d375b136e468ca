/** Signature entries of content that comes in portions, a window full of whole blocks at a time. */
import type { Content } from "./content.ts";
import { readFully } from "./content.ts";
import { Kernel, type SignatureParams } from "./kernel.ts";

/** PERF: large enough to forget the cost of a call, small enough for the processor's cache. */
const WINDOW_BYTES = 262_144;
const WINDOW_BLOCKS_MAX = 4096;

/** Owns a kernel while it lives. */
export class BlockSigner implements Disposable {
  readonly #kernel = Kernel.borrow();
  readonly #entryBytes: number;
  readonly #windowBytes: number;
  readonly #window: number;
  readonly #out: number;
  #filled = 0;

  /** `contentSize`: when known, keeps the window small for small content. */
  constructor(readonly params: SignatureParams, contentSize = Infinity) {
    const { blockLength } = params;
    this.#entryBytes = 4 + params.strongLength;
    // Four blocks are hashed at once.
    const fours = Math.min(Math.floor(WINDOW_BYTES / blockLength), WINDOW_BLOCKS_MAX) >> 2;
    const blocks = Math.min(
      Math.max(1, fours) * 4,
      Math.max(1, Math.ceil(contentSize / blockLength)),
    );
    this.#windowBytes = blocks * blockLength;
    this.#window = this.#kernel.heapBase;
    this.#out = this.#window + this.#windowBytes;
    this.#kernel.reserve(this.#out + blocks * this.#entryBytes);
    this.#kernel.useFormat(params);
  }

  /** Most bytes that one `sign` returns. */
  get outputMaxBytes(): number {
    return this.#windowBytes / this.params.blockLength * this.#entryBytes;
  }

  get isFull(): boolean {
    return this.#filled === this.#windowBytes;
  }

  /** Copies what fits of `bytes` into the window. @returns how much that was */
  add(bytes: Uint8Array): number {
    const n = Math.min(bytes.length, this.#windowBytes - this.#filled);
    this.#kernel.view(this.#window + this.#filled, n).set(bytes.subarray(0, n));
    this.#filled += n;
    return n;
  }

  /** Fills the window from `content`. @returns bytes read; a window that is not full is the last */
  fill(content: Content, offset: number): number {
    const max = Math.min(this.#windowBytes, content.size - offset);
    // PERF: read straight into the kernel's memory, nothing is copied.
    this.#filled = max <= 0 ? 0 : readFully(content, this.#kernel.view(this.#window, max), offset);
    return this.#filled;
  }

  /**
   * Entries of the window, which is empty afterwards; valid until the next call. Only the last window
   * may end within a block.
   */
  sign(): Uint8Array {
    const entries = this.#kernel.calls.signBlocks(this.#window, this.#filled, this.#out);
    this.#filled = 0;
    return this.#kernel.view(this.#out, entries * this.#entryBytes);
  }

  [Symbol.dispose](): void {
    this.#kernel[Symbol.dispose]();
  }
}
