/** Memory of long frames, used again and again instead of given to the garbage collector (pure). */

/** Room for a full PUTS with names of 512 bytes. */
const ROOM_BYTES = 344_064;
/** Shorter frames get what they need: many of them may wait at once. */
const MIN_BYTES = 131_072;
/** LIMIT: memory kept for later, some 5 MB; what else is given back is left to the collector. */
const SPARE_MAX = 16;

/**
 * PERF: fresh memory is zeroed by the system and by the runtime, page by page: for 256 KiB it costs as much
 * as decrypting them.
 */
export class FrameMemory {
  readonly #spare: Uint8Array[] = [];
  readonly #lent = new WeakSet<ArrayBufferLike>();

  /** What was in it before is still in it. */
  take(bytes: number): Uint8Array {
    if (bytes < MIN_BYTES || bytes > ROOM_BYTES) return new Uint8Array(bytes);
    const room = this.#spare.pop() ?? new Uint8Array(ROOM_BYTES);
    this.#lent.add(room.buffer);
    return room.subarray(0, bytes);
  }

  /**
   * Nobody looks at it any more.
   * @param piece all or a part of what `take` gave; once. Anything else is left alone
   */
  free({ buffer }: Uint8Array): void {
    if (!this.#lent.delete(buffer)) return;
    if (this.#spare.length < SPARE_MAX) this.#spare.push(new Uint8Array(buffer));
  }
}
