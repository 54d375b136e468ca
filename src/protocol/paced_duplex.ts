/** `--bwlimit`: a connection that sends no more than so many bytes a second. */
import { toBytes } from "../model/mod.ts";
import type { Duplex, PeerAddress } from "../net/mod.ts";

export interface Clock {
  /** Milliseconds, from any start. */
  now(): number;
  /** Calls back once, later; what it returns ends the wait. */
  after(ms: number, go: () => void): () => void;
}

const CLOCK: Clock = {
  now: () => performance.now(),
  after: (ms, go) => {
    const timer = setTimeout(go, ms);
    return () => clearTimeout(timer);
  },
};

/** Pieces are small enough for ten of them in a second, but no smaller and no larger than this. */
const PIECES_PER_SECOND = 10;
const PIECE_BYTES = { least: 1_024, most: 65_536 };

export interface PacedDuplexOptions {
  readonly bytesPerSecond: number;
  readonly clock?: Clock;
}

/** Reads as it comes, and writes one piece after the other, each when the one before is paid for. */
export class PacedDuplex implements Duplex {
  readonly #inner: Duplex;
  readonly #bytesPerMs: number;
  readonly #pieceBytes: number;
  readonly #clock: Clock;
  /** What was written before. Never rejects. */
  #last: Promise<void> = Promise.resolve();
  #freeAtMs = 0;
  #endWait: (() => void) | undefined;
  #isClosed = false;

  /** @param inner belongs to this one from now on */
  constructor(inner: Duplex, { bytesPerSecond, clock = CLOCK }: PacedDuplexOptions) {
    if (!(bytesPerSecond > 0)) {
      throw new RangeError(`Cannot send ${bytesPerSecond} bytes a second: it has to be above 0`);
    }
    this.#inner = inner;
    this.#bytesPerMs = bytesPerSecond / 1_000;
    const { least, most } = PIECE_BYTES;
    this.#pieceBytes = Math.min(most, Math.max(least, bytesPerSecond / PIECES_PER_SECOND | 0));
    this.#clock = clock;
  }

  get peer(): PeerAddress | undefined {
    return this.#inner.peer;
  }

  get isEncrypted(): boolean {
    return this.#inner.isEncrypted;
  }

  get certificate(): Uint8Array | undefined {
    return this.#inner.certificate;
  }

  get binding(): Uint8Array | undefined {
    return this.#inner.binding;
  }

  get pending(): number {
    return this.#inner.pending;
  }

  readLine(maxBytes: number): Promise<string | undefined> {
    return this.#inner.readLine(maxBytes);
  }

  readLines(maxBytes: number, start: string): Promise<string[] | undefined> {
    return this.#inner.readLines(maxBytes, start);
  }

  readSome(maxBytes: number): Promise<Uint8Array | undefined> {
    return this.#inner.readSome(maxBytes);
  }

  write(data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === "string" ? toBytes(data) : data;
    const mine = this.#last.then(() => this.#write(bytes));
    this.#last = mine.catch(() => {}); // whoever wrote it is told
    return mine;
  }

  async flush(): Promise<void> {
    await this.#last;
    await this.#inner.flush();
  }

  async end(): Promise<void> {
    await this.#last;
    await this.#inner.end();
    this.#close();
  }

  setIdleDeadline(ms: number): void {
    this.#inner.setIdleDeadline(ms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    await this.#inner[Symbol.asyncDispose]();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += this.#pieceBytes) {
      const piece = bytes.subarray(at, at + this.#pieceBytes);
      await this.#turn(piece.length);
      await this.#inner.write(piece);
    }
  }

  /** Waits for the piece before to be paid for, and takes the time that this one costs. */
  async #turn(bytes: number): Promise<void> {
    const waitMs = this.#freeAtMs - this.#clock.now();
    if (waitMs > 0 && !this.#isClosed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = this.#clock.after(waitMs, resolve);
      this.#endWait = () => {
        stop();
        resolve();
      };
      await promise;
      this.#endWait = undefined;
    }
    this.#freeAtMs = Math.max(this.#freeAtMs, this.#clock.now()) + bytes / this.#bytesPerMs;
  }

  /** Whoever waits goes on, and finds the connection closed. */
  #close(): void {
    this.#isClosed = true;
    this.#endWait?.();
  }
}
