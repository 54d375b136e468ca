/** Whether a connection gets on: requests are answered, or contents move (docs/fast-protocol.md, 2; pure). */

/** LIMIT: far beyond any wait for a lock, a busy database, or a disk that writes down what it was given. */
export const STALL_MS = 900_000;
/** LIMIT: less than this is no content that moves; a line of 1,200 baud has it in half a minute. */
const LEAST_BYTES = 4_096;
/** LIMIT: whoever hashes, copies or searches a file without a word reads it at 4 MiB a second, at least. */
const SILENT_BYTES_PER_MS = 4_194.304;
/** How often somebody looks before it is too late. */
const LOOKS = 8;
/** LIMIT: setTimeout takes 31 bits. */
const TIMER_MAX_MS = 0x7fff_ffff;

/** How long nothing may be heard of somebody who works on contents of so many bytes. */
export function silenceMs(ms: number, bytes: number): number {
  return Math.min(ms + bytes / SILENT_BYTES_PER_MS, TIMER_MAX_MS);
}

/** PERF: time is only looked at now and then; what moves costs an addition. */
export class Progress {
  /** How often `look` has to be called. */
  readonly everyMs: number;
  readonly #stallMs: number;
  #bytes = 0;
  #quietMs = 0;

  /** @param stallMs longest time without progress, besides what contents take */
  constructor(stallMs = STALL_MS) {
    this.#stallMs = stallMs;
    this.everyMs = Math.max(1, Math.min(stallMs / LOOKS, TIMER_MAX_MS));
  }

  /** A request was answered, or begun. */
  step(): void {
    this.#bytes = LEAST_BYTES;
  }

  /** So much of contents has come or gone. */
  moved(bytes: number): void {
    this.#bytes += bytes;
  }

  /** @returns whether it is too late @param workBytes of contents that the other side may be at work on */
  look({ isWaiting, workBytes }: { isWaiting: boolean; workBytes: number }): boolean {
    if (!isWaiting || this.#bytes >= LEAST_BYTES) {
      this.#bytes = this.#quietMs = 0;
      return false;
    }
    this.#quietMs += this.everyMs;
    return this.#quietMs > silenceMs(this.#stallMs, workBytes);
  }
}
