/** Many small writes, few system calls; a bounded queue. */
import { type NetError, netError } from "./error.ts";
import type { Link } from "./link.ts";
import type { Watchdog } from "./watchdog.ts";

/** LIMIT: bytes that wait at most, in each of two buffers; a writer of more waits for the peer. */
const BUFFER_BYTES = 65_536;
/** From here on a piece goes out as it is: copying it costs more than one more call, and one more with TLS. */
const DIRECT_BYTES = 40_960;
/** LIMIT: bytes that have to leave within one idle deadline, and what may be left of a piece behind them. */
const SEND_BYTES = 262_144, REST_BYTES = 98_304;
/** So much goes out without waiting for the end of the turn, and so does what was written so long ago. */
const ENOUGH_BYTES = 32_768;
const LATE_MS = 1;

/**
 * Collects what is written in one turn of the event loop and sends it at once.
 *
 * PERF: the replies to several commands that came in one piece are one system call, which costs some
 * 30 us, and wake the peer once. A turn ends when everybody waits for something outside; in a long one
 * the peer gets the first pieces earlier, so that both sides work at the same time.
 */
export class WriteQueue {
  readonly #link: Link;
  readonly #watchdog: Watchdog;
  readonly #onFailure: (error: NetError) => void;
  #filling: Uint8Array | undefined;
  #spare: Uint8Array | undefined;
  #length = 0;
  /** Ends the collecting; undefined while nothing is collected. */
  #stopCollecting: (() => void) | undefined;
  #lateAtMs = 0;
  /** Settles when the bytes that wait are gone; undefined when nothing waits. Never rejects. */
  #pumping: Promise<void> | undefined;
  /** Writers that must wait form a line, so that bytes stay in order. Never rejects. */
  #turn: Promise<void> | undefined;
  #failure: NetError | undefined;

  constructor(link: Link, watchdog: Watchdog, onFailure: (error: NetError) => void) {
    this.#link = link;
    this.#watchdog = watchdog;
    this.#onFailure = onFailure;
  }

  add(data: Uint8Array): Promise<void> {
    const fits = data.length < DIRECT_BYTES && data.length <= BUFFER_BYTES - this.#length;
    if (fits && this.#turn === undefined) {
      this.#append(data);
      return Promise.resolve();
    }
    return this.#inTurn(() => this.#addSlowly(data));
  }

  flush(): Promise<void> {
    return this.#turn === undefined ? this.#drain() : this.#inTurn(() => this.#drain());
  }

  /** Drops what waits; later calls reject with `error`. */
  abandon(error: NetError): void {
    this.#failure ??= error;
    this.#length = 0;
    this.#stopCollecting?.();
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const before = this.#turn ?? Promise.resolve();
    const mine = before.then(work);
    const settled = mine.catch(() => {}).then(() => {
      if (this.#turn === settled) this.#turn = undefined;
    });
    this.#turn = settled;
    await mine;
  }

  async #addSlowly(data: Uint8Array): Promise<void> {
    if (data.length >= DIRECT_BYTES) {
      await this.#drain();
      return await this.#send(data);
    }
    while (data.length > BUFFER_BYTES - this.#length) await this.#drain();
    if (this.#failure !== undefined) throw this.#failure;
    this.#append(data);
  }

  #append(data: Uint8Array): void {
    if (this.#filling === undefined) {
      this.#filling = this.#spare ?? new Uint8Array(BUFFER_BYTES);
      this.#spare = undefined; // else it would be filled again while it is being sent
    }
    this.#filling.set(data, this.#length);
    this.#length += data.length;
    this.#pumping ??= this.#pump();
    if (this.#length >= ENOUGH_BYTES || performance.now() >= this.#lateAtMs) {
      this.#stopCollecting?.();
    }
  }

  async #drain(): Promise<void> {
    this.#stopCollecting?.();
    while (this.#pumping !== undefined) await this.#pumping;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #pump(): Promise<void> {
    try {
      await this.#untilTurnEnds();
      while (this.#length > 0) {
        const buffer = this.#filling!;
        const piece = buffer.subarray(0, this.#length);
        this.#filling = this.#spare;
        this.#spare = undefined;
        this.#length = 0;
        await this.#send(piece);
        this.#spare = buffer;
      }
    } catch {
      // The failure is kept: every later call gets it.
    } finally {
      this.#pumping = undefined;
    }
  }

  async #untilTurnEnds(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = setImmediate(resolve);
    this.#lateAtMs = performance.now() + LATE_MS;
    this.#stopCollecting = resolve;
    await promise;
    clearImmediate(end);
    this.#stopCollecting = undefined;
  }

  async #send(data: Uint8Array): Promise<void> {
    let at = 0;
    for (; data.length - at > SEND_BYTES + REST_BYTES; at += SEND_BYTES) {
      await this.#sendPiece(data.subarray(at, at + SEND_BYTES));
    }
    await this.#sendPiece(at === 0 ? data : data.subarray(at));
  }

  async #sendPiece(piece: Uint8Array): Promise<void> {
    const wait = this.#watchdog.begin("write");
    try {
      await this.#link.write(piece);
    } catch (cause) {
      this.#failure ??= netError("Cannot write to the peer", cause);
      this.#onFailure(this.#failure);
    } finally {
      this.#watchdog.end(wait);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }
}
