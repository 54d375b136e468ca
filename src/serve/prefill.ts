/** The old content goes to its place in the new file while its signature is made. */
import { type FilePut, refusalOf } from "../apply/mod.ts";
import type { SourceFile } from "../fs/mod.ts";
import type { ByteStream } from "../model/mod.ts";

/**
 * PERF: a large file that is edited in place, or grows at its end, is read once instead of twice, and most
 * of its delta says what is there already; where blocks can be shared, nothing is written at all. A file
 * whose content has moved is written once more than it had to be.
 */
export class Prefill {
  /** Of the old content. */
  readonly size: number;
  readonly #put: FilePut;
  readonly #old: SourceFile;
  /** Bytes from the beginning on that are there. */
  #bytes = 0;
  #state: "not begun" | "goes on" | "over" = "not begun";

  constructor(put: FilePut, old: SourceFile) {
    this.#put = put;
    this.#old = old;
    this.size = old.size;
  }

  /** `signature`, made of this, when the file is ready for it. */
  async *before(signature: ByteStream): ByteStream {
    await this.#begin();
    yield* signature;
  }

  /** What is read of the old content is written to the new one. */
  readAt(into: Uint8Array, offset: number): number {
    const count = this.#old.readAt(into, offset);
    if (this.#state === "goes on" && offset === this.#bytes && count > 0) {
      this.#attempt(() => {
        this.#put.prefill(into.subarray(0, count));
        this.#bytes += count;
      });
    }
    return count;
  }

  /** The new content begins. @returns what of the old one is there @throws OsError */
  end(): { readonly bytes: number; readonly pass: (bytes: number) => void } | undefined {
    if (this.#state === "not begun") return undefined;
    this.#put.rewind();
    const bytes = this.#bytes;
    return { bytes, pass: (bytes) => this.#put.pass(bytes) };
  }

  async #begin(): Promise<void> {
    try {
      const isAll = await this.#put.prefillAll(this.#old);
      if (isAll) this.#bytes = this.size;
      this.#state = isAll ? "over" : "goes on";
    } catch (error) {
      refusalOf(error); // it comes up again when the new content is written
    }
  }

  /** A full disk is told when the new content does not fit. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      refusalOf(error);
      this.#state = "over";
    }
  }
}
