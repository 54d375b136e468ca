/** Memory for small contents, taken in large pieces. */

const PIECE_BYTES = 1_048_576;

/**
 * PERF: an ArrayBuffer of its own for each small file costs more than reading it. A piece goes when nothing
 * that was taken from it is used any more.
 */
export class Slab {
  #piece = new Uint8Array(0);
  #used = 0;

  /** Bytes of any content, for the caller alone. */
  take(size: number): Uint8Array {
    if (size > PIECE_BYTES / 4) return new Uint8Array(size);
    if (size > this.#piece.length - this.#used) {
      this.#piece = new Uint8Array(PIECE_BYTES);
      this.#used = 0;
    }
    return this.#piece.subarray(this.#used, this.#used += size);
  }
}
