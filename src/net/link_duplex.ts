/** A Duplex over any Link: lines, limits, coalesced writes and the idle deadline live here only. */
import { fromBytes, toBytes } from "../model/mod.ts";
import type { Duplex, PeerAddress } from "./duplex.ts";
import { NetError, netError } from "./error.ts";
import type { Link } from "./link.ts";
import { Watchdog } from "./watchdog.ts";
import { WriteQueue } from "./write_queue.ts";

const LF = 10;
const NOTHING = new Uint8Array(0);
/** Longest wait without progress unless somebody says otherwise. */
export const IDLE_MS = 300_000;
/**
 * LIMIT: how long and how much `end` still reads after our last byte if nobody has answered it.
 * Closing with unread bytes makes the system send a reset, which can destroy our last reply on its
 * way to the peer.
 */
const LINGER_MS = 250;
const LINGER_BYTES = 1 << 20;

/** @see Duplex */
export class LinkDuplex implements Duplex {
  readonly #link: Link;
  readonly #watchdog: Watchdog;
  readonly #writes: WriteQueue;
  #piece: Uint8Array = NOTHING;
  #at = 0;
  #atEnd = false;
  #isReading = false;
  /** Something was written and nothing has come since: the peer may not have read it yet. */
  #isUnanswered = false;
  #isOpen = true;
  #failure: NetError | undefined;

  constructor(link: Link, { idleMs = IDLE_MS }: { idleMs?: number } = {}) {
    this.#link = link;
    this.#watchdog = new Watchdog(idleMs, (waiting) => this.#timedOut(waiting));
    this.#writes = new WriteQueue(link, this.#watchdog, (error) => this.#fail(error));
  }

  get peer(): PeerAddress | undefined {
    return this.#link.peer;
  }

  get isEncrypted(): boolean {
    return this.#link.certificate !== undefined;
  }

  get certificate(): Uint8Array | undefined {
    return this.#link.certificate;
  }

  get binding(): Uint8Array | undefined {
    return this.#link.binding;
  }

  get pending(): number {
    return this.#piece.length - this.#at;
  }

  get idleMs(): number {
    return this.#watchdog.idleMs;
  }

  setIdleDeadline(ms: number): void {
    this.#watchdog.setIdle(ms);
  }

  /**
   * The deadline counts for the whole line, not for each byte: nobody holds a connection by sending
   * one byte now and then.
   */
  async readLine(maxBytes: number): Promise<string | undefined> {
    const whole = this.#lineInPiece(maxBytes);
    if (whole !== undefined) return whole;
    const wait = this.#watchdog.begin("read");
    try {
      return await this.#gatherLine(maxBytes);
    } finally {
      this.#watchdog.end(wait);
    }
  }

  async readLines(maxBytes: number, start: string): Promise<string[] | undefined> {
    if (this.#piece.indexOf(LF, this.#at) >= 0) return this.#linesInPiece(maxBytes, start);
    const first = await this.readLine(maxBytes);
    if (first === undefined) return undefined;
    if (!first.startsWith(start)) return [first];
    return [first, ...this.#linesInPiece(maxBytes, start)];
  }

  async readSome(maxBytes: number): Promise<Uint8Array | undefined> {
    if (this.pending === 0) {
      const wait = this.#watchdog.begin("read");
      try {
        if (!await this.#fill()) return undefined;
      } finally {
        this.#watchdog.end(wait);
      }
    }
    const from = this.#at;
    this.#at = Math.min(this.#piece.length, from + maxBytes);
    return this.#piece.subarray(from, this.#at);
  }

  write(data: Uint8Array | string): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#isUnanswered = true;
    return this.#writes.add(typeof data === "string" ? toBytes(data) : data);
  }

  flush(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return this.#writes.flush();
  }

  async end(): Promise<void> {
    try {
      await this.flush();
      await this.#watchdog.guard("write", this.#link.shutdown());
      if (this.#isUnanswered || this.pending > 0) await this.#linger();
    } catch {
      // The connection is broken: nothing is left to be done but to close it.
    } finally {
      this.#close();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    return Promise.resolve();
  }

  /**
   * Hands the link over to somebody who speaks another language on it. This Duplex is closed
   * afterwards, the link is not.
   *
   * @throws NetError `net/injected` when bytes were received that nobody has read (W 20.5)
   */
  async detach(): Promise<Link> {
    await this.flush();
    if (this.pending > 0) {
      const message = `Cannot start TLS: ${this.pending} bytes of plain text came before it`;
      const injected = new NetError("injected", { message });
      this.#fail(injected);
      throw injected;
    }
    this.#retire(closedError());
    return this.#link;
  }

  /** A line that is there already: the usual case, without a timer. */
  #lineInPiece(maxBytes: number): string | undefined {
    if (this.#failure !== undefined) return undefined;
    const lf = this.#piece.indexOf(LF, this.#at);
    if (lf < 0 || lf - this.#at >= maxBytes) return undefined;
    return this.#takeTo(lf);
  }

  /**
   * All lines that are there as a whole, up to the first one that begins otherwise.
   *
   * PERF: one conversion for many lines; a call of readLine for each takes three times as long.
   */
  #linesInPiece(maxBytes: number, start: string): string[] {
    const lf = this.#piece.lastIndexOf(LF);
    if (lf < this.#at) return [];
    const lines = fromBytes(this.#piece.subarray(this.#at, lf)).split("\n");
    const other = lines.findIndex((line) => !line.startsWith(start));
    if (other >= 0) lines.length = other + 1;
    if (lines.some((line) => line.length >= maxBytes)) throw this.#fail(tooLong(maxBytes));
    for (const line of lines) this.#at += line.length + 1;
    return lines;
  }

  /** The bytes up to `lf`, which is skipped. */
  #takeTo(lf: number): string {
    const text = fromBytes(this.#piece.subarray(this.#at, lf));
    this.#at = Math.min(lf + 1, this.#piece.length);
    return text;
  }

  async #gatherLine(maxBytes: number): Promise<string | undefined> {
    let line = "";
    while (this.pending > 0 || await this.#fill()) {
      const lf = this.#piece.indexOf(LF, this.#at);
      const length = line.length + (lf < 0 ? this.pending : lf - this.#at);
      if (length >= maxBytes) throw this.#fail(tooLong(maxBytes));
      if (lf >= 0) return line + this.#takeTo(lf);
      line += this.#takeTo(this.#piece.length);
    }
    // COMPAT: one byte without LF is a line, more is a broken connection (W 2.1).
    if (line.length > 1) throw this.#fail(truncated(line.length));
    return line === "" ? undefined : line;
  }

  /** Waits for the next piece; false at EOF. */
  async #fill(): Promise<boolean> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#atEnd) return false;
    if (this.#isReading) throw new Error("Cannot read: another read is waiting");
    let piece;
    this.#isReading = true;
    try {
      piece = await this.#link.read();
    } catch (cause) {
      throw this.#failure ?? this.#fail(netError("Cannot read from the peer", cause));
    } finally {
      this.#isReading = false;
    }
    if (this.#failure !== undefined) throw this.#failure;
    this.#isUnanswered = false;
    this.#atEnd = piece === undefined;
    this.#piece = piece ?? NOTHING;
    this.#at = 0;
    return !this.#atEnd;
  }

  async #linger(): Promise<void> {
    if (this.#isReading) return;
    this.#watchdog.setIdle(LINGER_MS);
    const wait = this.#watchdog.begin("read");
    try {
      let bytes = this.pending;
      while (bytes < LINGER_BYTES && await this.#fill()) bytes += this.#piece.length;
    } finally {
      this.#watchdog.end(wait);
    }
  }

  #timedOut(waiting: "read" | "write"): void {
    const message = waiting === "read"
      ? `Cannot read from the peer: nothing came within ${this.#watchdog.idleMs} ms`
      : `Cannot write to the peer: it took nothing within ${this.#watchdog.idleMs} ms`;
    this.#fail(new NetError("timeout", { message, reason: "Connection timed out" }));
  }

  /** The first failure stays: every later call gets it, and the link is closed. */
  #fail(error: NetError): NetError {
    if (this.#failure !== undefined) return this.#failure;
    this.#retire(error);
    this.#link.close();
    return error;
  }

  #close(): void {
    if (this.#isOpen) this.#fail(closedError());
    this.#link.close();
  }

  #retire(error: NetError): void {
    this.#isOpen = false;
    this.#failure = error;
    this.#piece = NOTHING;
    this.#at = 0;
    this.#watchdog.stop();
    this.#writes.abandon(error);
  }
}

function closedError(): NetError {
  const reason = "The connection was closed";
  return new NetError("closed", { message: `Cannot use the connection: ${reason}`, reason });
}

function tooLong(maxBytes: number): NetError {
  const message = `Cannot read a line: no line feed within ${maxBytes} bytes`;
  return new NetError("line-too-long", { message });
}

function truncated(bytes: number): NetError {
  const message = `Cannot read a line: the connection ended after ${bytes} bytes of it`;
  return new NetError("truncated", { message });
}
