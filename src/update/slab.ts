/** Memory for small contents, taken in large pieces. */

const PIECE_BYTES = 1_048_576;
/** LIMIT: pieces kept for later. */
const SPARE_PIECES = 8;

interface Piece {
  readonly bytes: Uint8Array;
  used: number;
  /** Parts of it that were not given back. */
  users: number;
}

/**
 * PERF: an ArrayBuffer of its own for each small file costs more than reading it, and fresh memory more
 * than memory that was used before. A piece of which a part is never given back goes with that.
 */
export class Slab {
  readonly #pieces = new WeakMap<ArrayBufferLike, Piece>();
  readonly #spare: Piece[] = [];
  #piece: Piece | undefined;

  /** Bytes of any content, for the caller alone until they are given back. */
  take(size: number): Uint8Array {
    if (size > PIECE_BYTES / 4) return new Uint8Array(size);
    let piece = this.#piece;
    if (piece === undefined || size > PIECE_BYTES - piece.used) piece = this.#next();
    piece.users++;
    return piece.bytes.subarray(piece.used, piece.used += size);
  }

  /** To be called once at most, when nobody looks at what was taken any more. */
  giveBack({ buffer }: Uint8Array): void {
    const piece = this.#pieces.get(buffer);
    if (piece === undefined || --piece.users > 0) return;
    piece.used = 0;
    if (piece !== this.#piece && this.#spare.length < SPARE_PIECES) this.#spare.push(piece);
  }

  #next(): Piece {
    const piece = this.#spare.pop() ?? { bytes: new Uint8Array(PIECE_BYTES), used: 0, users: 0 };
    this.#pieces.set(piece.bytes.buffer, piece);
    return this.#piece = piece;
  }
}
