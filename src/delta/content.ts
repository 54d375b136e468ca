/** Content to be read at any place, and how long loops over it let others have their turn. */
import { setImmediate } from "node:timers/promises";

/** What can be read at any place; fs/SourceFile is one. */
export interface Content {
  /** Bytes. */
  readonly size: number;
  /** Reads up to `into.length` bytes at `offset`; 0 at the end. It may throw: that passes through. */
  readAt(into: Uint8Array, offset: number): number;
}

/** Content in memory, for tests and small things. */
export function contentOf(bytes: Uint8Array): Content {
  return {
    size: bytes.length,
    readAt(into, offset) {
      const piece = bytes.subarray(offset, offset + into.length);
      into.set(piece);
      return piece.length;
    },
  };
}

/** Fills `into` from `offset` on. @returns fewer bytes than asked only at the end of the content */
export function readFully(content: Content, into: Uint8Array, offset: number): number {
  let done = 0;
  while (done < into.length) {
    const n = content.readAt(done === 0 ? into : into.subarray(done), offset + done);
    if (n === 0) break;
    done += n;
  }
  return done;
}

/** PERF: 8 MiB are 4 to 8 ms of hashing; a pause costs some microseconds. */
const PAUSE_AFTER_BYTES = 8 * 1_048_576;

/** Lets the event loop run now and then, and ends the journey when it is aborted. */
export class Breather {
  #bytes = 0;
  constructor(readonly signal: AbortSignal | undefined) {}

  /** Counts `bytes` of work. True: it is time to `await pause()`. @throws the signal's reason */
  isDue(bytes: number): boolean {
    this.signal?.throwIfAborted();
    this.#bytes += bytes;
    return this.#bytes >= PAUSE_AFTER_BYTES;
  }

  async pause(): Promise<void> {
    this.#bytes = 0;
    await setImmediate();
    this.signal?.throwIfAborted();
  }
}
