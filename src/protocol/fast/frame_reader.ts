/** Bytes of a connection -> frames, one after the other, without a copy of those that came whole. */
import type { Duplex } from "../../net/mod.ts";
import { ProtocolError } from "../protocol_error.ts";
import { broken, Reader } from "./bytes.ts";
import { COUNTED_BYTES, LENGTH_BYTES } from "./layout.ts";

const PIECE_MAX_BYTES = 1_048_576;
const SHORT_BYTES = 32_768;

export interface FrameReaderOptions {
  readonly duplex: Duplex;
  /** LIMIT: what the length of the next frame may say. */
  readonly maxBytes: () => number;
  /**
   * Called with each frame; the reader stands on its payload, which is valid until it returns.
   * @param isOwned the payload's memory is nobody else's: it may be kept without a copy
   */
  readonly take: (type: number, id: number, reader: Reader, isOwned: boolean) => void;
  /** Called when all that has come is taken; nothing is read until it resolves. */
  readonly paused?: () => Promise<void> | undefined;
}

/** A frame of which the first part has come. */
interface Partial {
  readonly bytes: Uint8Array;
  filled: number;
  /** Bytes of the whole frame; undefined while its length is not complete. */
  size: number | undefined;
}

export class FrameReader {
  readonly #options: FrameReaderOptions;
  readonly #reader = new Reader();
  readonly #short = new Uint8Array(SHORT_BYTES);
  #partial: Partial | undefined;
  #isOver = false;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
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
    while (!this.#isOver && piece.length - at >= LENGTH_BYTES) {
      const size = this.#size(piece, at);
      if (piece.length - at < size) break;
      this.#give({ from: at, to: at + size, isOwned: false });
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
    const bytes = this.#room(size ?? LENGTH_BYTES);
    bytes.set(piece.subarray(at));
    this.#partial = { bytes, filled: left, size };
  }

  /** PERF: only long frames get memory of their own. */
  #room(bytes: number): Uint8Array {
    return bytes > SHORT_BYTES ? new Uint8Array(bytes) : this.#short.subarray(0, bytes);
  }

  /** @returns where the piece goes on */
  #fill(piece: Uint8Array, at: number): number {
    const partial = this.#partial!;
    const count = Math.min(partial.bytes.length - partial.filled, piece.length - at);
    partial.bytes.set(piece.subarray(at, at + count), partial.filled);
    partial.filled += count;
    if (partial.filled < partial.bytes.length) return at + count;
    if (partial.size === undefined) {
      const size = this.#size(partial.bytes, 0);
      const bytes = this.#room(size);
      bytes.set(partial.bytes);
      this.#partial = { bytes, filled: LENGTH_BYTES, size };
      return at + count;
    }
    const { bytes } = partial;
    this.#partial = undefined;
    this.#reader.use(bytes);
    this.#give({ from: 0, to: bytes.length, isOwned: bytes.length > SHORT_BYTES });
    return at + count;
  }

  #give({ from, to, isOwned }: { from: number; to: number; isOwned: boolean }): void {
    if (this.#isOver) return;
    this.#reader.span(from + LENGTH_BYTES, to);
    const type = this.#reader.u8(), id = this.#reader.u32();
    this.#options.take(type, id, this.#reader, isOwned);
  }
}
