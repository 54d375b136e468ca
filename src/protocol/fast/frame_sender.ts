/** Frames -> as few writes as possible: those of one turn of the event loop leave together. */
import type { Duplex } from "../../net/mod.ts";
import { Writer } from "./bytes.ts";
import type { FrameNote } from "./frame_note.ts";
import { COUNTED_BYTES, HEADER_BYTES, LENGTH_BYTES } from "./layout.ts";

/** PERF: as much as one write takes; larger frames get a buffer of their own. */
const BUFFER_BYTES = 131_072;
/** From here on a buffer is left for a fresh one as soon as something of it is under way. */
const ROOM_BYTES = 16_384;
/** LIMIT: buffers kept for later. */
const SPARE_BUFFERS = 64;
/** Of all connections. */
const spare: Uint8Array[] = [];
/** So much goes out without waiting for the end of the turn: both sides work at the same time. */
const ENOUGH_BYTES = 32_768;
/** PERF: contents from here on go out as they are; copying them would cost more than one more call. */
export const DIRECT_BYTES = 65_536;
/** PERF: so much of a content is copied behind its head: nine bytes by themselves would be a call, a record and a packet. */
const HEAD_BYTES = 16_384;
/** LIMIT: bytes that wait before those who write more have to wait too. */
const HIGH_BYTES = 1_048_576;

interface Piece {
  readonly bytes: Uint8Array;
  /** To be used again once this piece is gone. */
  readonly freed?: Uint8Array | undefined;
  readonly onSent?: (() => void) | undefined;
}

export class FrameSender {
  readonly #duplex: Duplex;
  readonly #note: FrameNote | undefined;
  /** Where frames are written. Its bytes up to `at` belong to frames that are complete, or to the open one. */
  readonly #writer = new Writer(new Uint8Array(BUFFER_BYTES));
  /** What lies before is under way. */
  #from = 0;
  #frameAt = 0;
  #queue: Piece[] = [];
  #queued = 0;
  #pumping: Promise<void> | undefined;
  #stopCollecting: (() => void) | undefined;
  #waiting: (() => void)[] = [];
  #hasFailed = false;

  /**
   * @param duplex its failures are those of its reader, too: nothing is thrown here
   * @param note told of each frame
   */
  constructor(duplex: Duplex, note?: FrameNote) {
    this.#duplex = duplex;
    this.#note = note;
  }

  /** Begins a frame with a payload of up to `maxBytes`. Nothing else may begin before `end`. */
  begin(type: number, id: number, maxBytes: number): Writer {
    const writer = this.#writer;
    const needed = HEADER_BYTES + maxBytes;
    if (needed > writer.bytes.length - writer.at) this.#rotate(needed);
    this.#frameAt = writer.at;
    writer.at += 4;
    writer.u8(type);
    writer.u32(id);
    return writer;
  }

  /**
   * Ends the frame.
   * @param tail the rest of its payload: copied when it is short, else it must not change until `onSent`
   */
  end(tail?: Uint8Array, onSent?: () => void): void {
    const writer = this.#writer;
    const length = writer.at - this.#frameAt - 4 + (tail?.length ?? 0);
    if (length < COUNTED_BYTES) throw new RangeError("Cannot end a frame that was not begun");
    writer.setU32(this.#frameAt, length);
    this.#noted(length - COUNTED_BYTES);
    if (tail !== undefined) this.#append(tail, onSent);
    this.#start();
  }

  #start(): void {
    if (this.#hasFailed) return this.#drop();
    this.#pumping ??= this.#pump();
    if (this.#queued + this.#writer.at - this.#from >= ENOUGH_BYTES) this.#stopCollecting?.();
  }

  /** @param bytes of the payload */
  #noted(bytes: number): void {
    if (this.#note === undefined) return;
    const writer = this.#writer, at = this.#frameAt;
    const head = writer.bytes.subarray(at + HEADER_BYTES, writer.at);
    this.#note(writer.bytes[at + 4]!, writer.getU32(at + 5), head, bytes);
  }

  /**
   * A frame that stands in memory of its own.
   * @param frame HEADER_BYTES of room and the payload; must not change until `onSent`
   */
  whole(type: number, id: number, frame: Uint8Array, onSent: () => void): void {
    this.begin(type, id, 0);
    const writer = this.#writer;
    writer.setU32(this.#frameAt, frame.length - LENGTH_BYTES);
    frame.set(writer.bytes.subarray(this.#frameAt, writer.at));
    writer.at = this.#frameAt;
    this.#note?.(type, id, frame.subarray(HEADER_BYTES, HEADER_BYTES), frame.length - HEADER_BYTES);
    this.#cut();
    this.#queue.push({ bytes: frame, onSent });
    this.#queued += frame.length;
    this.#start();
  }

  /** A frame whose payload is nothing but its type and id. */
  empty(type: number, id: number): void {
    this.begin(type, id, 0);
    this.end();
  }

  get isFull(): boolean {
    return this.#queued >= HIGH_BYTES;
  }

  /** Resolves when there is room again, at once if there is; also when the connection has failed. */
  room(): Promise<void> | undefined {
    if (!this.isFull || this.#hasFailed) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves when everything has left, or the connection has failed. */
  async flush(): Promise<void> {
    this.#stopCollecting?.();
    while (this.#pumping !== undefined) await this.#pumping;
  }

  #append(tail: Uint8Array, onSent: (() => void) | undefined): void {
    const writer = this.#writer;
    if (tail.length < DIRECT_BYTES && tail.length <= writer.bytes.length - writer.at) {
      writer.raw(tail);
      onSent?.();
      return;
    }
    const near = Math.min(
      HEAD_BYTES - (writer.at - this.#frameAt),
      writer.bytes.length - writer.at,
    );
    if (near > 0) writer.raw(tail.subarray(0, near));
    this.#cut();
    const rest = near > 0 ? tail.subarray(near) : tail;
    this.#queue.push({ bytes: rest, onSent });
    this.#queued += rest.length;
  }

  /** What was written so far goes on its way. */
  #cut(freed?: Uint8Array): void {
    const writer = this.#writer;
    const bytes = writer.bytes.subarray(this.#from, writer.at);
    this.#from = writer.at;
    if (bytes.length === 0 && freed === undefined) return;
    this.#queue.push({ bytes, freed });
    this.#queued += bytes.length;
  }

  #rotate(needed: number): void {
    const { bytes } = this.#writer;
    this.#cut(bytes.length === BUFFER_BYTES ? bytes : undefined);
    const next = needed > BUFFER_BYTES
      ? new Uint8Array(needed)
      : spare.pop() ?? new Uint8Array(BUFFER_BYTES);
    this.#writer.moveTo(next);
    this.#from = 0;
  }

  async #pump(): Promise<void> {
    try {
      await this.#untilTurnEnds();
      while (this.#takeAll()) {
        const pieces = this.#queue;
        this.#queue = [];
        await this.#sendAll(pieces);
        await this.#duplex.flush(); // it would wait for the end of the turn once more
      }
    } catch {
      this.#hasFailed = true;
      this.#drop();
    } finally {
      this.#pumping = undefined;
    }
  }

  /** Whoever waits for a piece that cannot leave any more is told too. */
  async #sendAll(pieces: readonly Piece[]): Promise<void> {
    let sent = 0;
    try {
      for (; sent < pieces.length; sent++) await this.#send(pieces[sent]!);
    } catch (error) {
      for (const { onSent } of pieces.slice(sent)) onSent?.();
      throw error;
    }
  }

  /** Whether there is anything to send. */
  #takeAll(): boolean {
    const { at, bytes } = this.#writer;
    if (at > this.#from) {
      if (bytes.length - at < ROOM_BYTES) this.#rotate(0);
      else this.#cut();
    }
    return this.#queue.length > 0;
  }

  async #send({ bytes, freed, onSent }: Piece): Promise<void> {
    if (bytes.length > 0) await this.#duplex.write(bytes);
    this.#queued -= bytes.length;
    onSent?.();
    if (freed !== undefined && spare.length < SPARE_BUFFERS) spare.push(freed);
    if (!this.isFull && this.#waiting.length > 0) this.#wake();
  }

  async #untilTurnEnds(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = setImmediate(resolve);
    this.#stopCollecting = resolve;
    await promise;
    clearImmediate(end);
    this.#stopCollecting = undefined;
  }

  /** Nobody will read it any more. */
  #drop(): void {
    for (const { onSent } of this.#queue) onSent?.();
    this.#queue = [];
    this.#queued = 0;
    this.#from = this.#writer.at = 0;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
