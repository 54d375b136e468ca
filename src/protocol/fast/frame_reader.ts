/** Bytes of a connection -> frames, one after the other, without a copy of those that came whole. */
import type { Duplex } from "../../net/mod.ts";
import { ProtocolError } from "../protocol_error.ts";
import { broken, Reader } from "./bytes.ts";
import { FrameMemory } from "./frame_memory.ts";
import { COUNTED_BYTES, LENGTH_BYTES } from "./layout.ts";

const PIECE_MAX_BYTES = 1_048_576;
const SHORT_BYTES = 32_768;

/** Of all connections: what one gives back another one takes. */
const memory = new FrameMemory();

export interface FrameReaderOptions {
  readonly duplex: Duplex;
  /** LIMIT: what the length of the next frame may say. */
  readonly maxBytes: () => number;
  /**
   * Called with each frame; the reader stands on its payload, which is valid until it returns.
   * @param isOwned the payload's memory is nobody else's: it may be kept without a copy
   */
  readonly take: (type: number, id: number, reader: Reader, isOwned: boolean) => void;
  /**
   * Whoever takes a frame of such a type gives it back by `free` when it owns its memory: long ones always
   * come so.
   */
  readonly isGivenBack?: (type: number) => boolean;
  /** Called when all that has come is taken; nothing is read until it resolves. */
  readonly paused?: () => Promise<void> | undefined;
}

/** Length and type: what tells how much memory a frame gets, and whose. */
const START_BYTES = LENGTH_BYTES + 1;

/** A frame of which the first part has come. */
interface Partial {
  readonly bytes: Uint8Array;
  filled: number;
  /** Bytes of the whole frame; undefined while its start is not complete. */
  size: number | undefined;
}

export class FrameReader {
  readonly #options: FrameReaderOptions;
  readonly #reader = new Reader();
  readonly #short = new Uint8Array(SHORT_BYTES);
  readonly #start = new Uint8Array(START_BYTES);
  #partial: Partial | undefined;
  #isOver = false;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
  }

  /** The payload of a frame, or a part of it, is not looked at any more. What is not its own is left alone. */
  free(payload: Uint8Array): void {
    memory.free(payload);
  }

  /** Nothing more is taken, also of what has come already. */
  stop(): void {
    this.#isOver = true;
  }

  /**
   * Until `stop`, or the end of the connection.
   * @throws ProtocolError `frame`, `closed` when it ends inside a frame; NetError; what `take` throws
   */
  async run(): Promise<void> {
    const { duplex, paused } = this.#options;
    while (!this.#isOver) {
      const piece = await duplex.readSome(PIECE_MAX_BYTES);
      if (piece === undefined) return this.#end();
      this.feed(piece);
      const pause = paused?.();
      if (pause !== undefined) await pause;
    }
  }

  /** The next bytes. */
  feed(piece: Uint8Array): void {
    let at = 0;
    while (this.#partial !== undefined && at < piece.length) at = this.#fill(piece, at);
    if (at === piece.length) return;
    this.#reader.use(piece);
    while (!this.#isOver && piece.length - at >= START_BYTES) {
      const size = this.#size(piece, at);
      if (piece.length - at < size) break;
      this.#giveFrom(piece, at, size);
      at += size;
    }
    if (at < piece.length && !this.#isOver) this.#begin(piece, at);
  }

  #end(): void {
    if (this.#partial === undefined) return;
    throw new ProtocolError("closed", "Cannot go on: the connection ended inside a frame");
  }

  /** Bytes of the frame that begins at `from`, its length included. */
  #size(bytes: Uint8Array, from: number): number {
    const length = (bytes[from]! | bytes[from + 1]! << 8 | bytes[from + 2]! << 16) +
      bytes[from + 3]! * 2 ** 24;
    const max = this.#options.maxBytes();
    if (length < COUNTED_BYTES || length > max) {
      throw broken(`its length is ${length}, the limit is ${max}`);
    }
    return LENGTH_BYTES + length;
  }

  #begin(piece: Uint8Array, at: number): void {
    const left = piece.length - at;
    const size = left >= LENGTH_BYTES ? this.#size(piece, at) : undefined;
    const isStarted = size !== undefined && left >= START_BYTES;
    const bytes = isStarted ? this.#room(size, piece[at + LENGTH_BYTES]!) : this.#start;
    bytes.set(piece.subarray(at));
    this.#partial = { bytes, filled: left, size: isStarted ? size : undefined };
  }

  /** PERF: only long frames get memory of their own. */
  #room(bytes: number, type: number): Uint8Array {
    if (bytes <= SHORT_BYTES) return this.#short.subarray(0, bytes);
    return this.#isGivenBack(type) ? memory.take(bytes) : new Uint8Array(bytes);
  }

  #isGivenBack(type: number): boolean {
    return this.#options.isGivenBack?.(type) === true;
  }

  /** @returns where the piece goes on */
  #fill(piece: Uint8Array, at: number): number {
    const partial = this.#partial!;
    const count = Math.min(partial.bytes.length - partial.filled, piece.length - at);
    partial.bytes.set(piece.subarray(at, at + count), partial.filled);
    partial.filled += count;
    if (partial.size === undefined) this.#started(partial);
    else if (partial.filled === partial.bytes.length) {
      this.#partial = undefined;
      this.#giveWhole(partial.bytes);
    }
    return at + count;
  }

  /** The start of a frame, or a part of it. */
  #started({ bytes: start, filled }: Partial): void {
    if (filled < LENGTH_BYTES) return;
    const size = this.#size(start, 0);
    if (filled < START_BYTES) return;
    const bytes = this.#room(size, start[LENGTH_BYTES]!);
    bytes.set(start);
    this.#partial = { bytes, filled, size };
  }

  #giveWhole(bytes: Uint8Array): void {
    this.#reader.use(bytes);
    this.#give({ from: 0, to: bytes.length, isOwned: bytes.length > SHORT_BYTES });
  }

  /** A frame that came whole: a long one that is given back gets memory that lasts, as any other of them. */
  #giveFrom(piece: Uint8Array, from: number, size: number): void {
    const to = from + size;
    if (size <= SHORT_BYTES || !this.#isGivenBack(piece[from + LENGTH_BYTES]!)) {
      return this.#give({ from, to, isOwned: false });
    }
    const bytes = memory.take(size);
    bytes.set(piece.subarray(from, to));
    this.#giveWhole(bytes);
    this.#reader.use(piece);
  }

  #give({ from, to, isOwned }: { from: number; to: number; isOwned: boolean }): void {
    if (this.#isOver) return;
    this.#reader.span(from + LENGTH_BYTES, to);
    const type = this.#reader.u8(), id = this.#reader.u32();
    this.#options.take(type, id, this.#reader, isOwned);
  }
}
