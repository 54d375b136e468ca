/** Values in a buffer: written where there is room, read no further than they may (pure). */
import { fromBytes } from "../../model/mod.ts";
import { ProtocolError } from "../protocol_error.ts";

const TWO_32 = 2 ** 32;

/** Writes into a buffer; whoever asks for it has said how much he needs. */
export class Writer {
  bytes: Uint8Array;
  at = 0;
  #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
  }

  /** Goes on at the start of another buffer. */
  moveTo(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
    this.at = 0;
  }

  u8(value: number): void {
    this.bytes[this.at++] = value;
  }

  u16(value: number): void {
    this.#view.setUint16(this.at, value, true);
    this.at += 2;
  }

  u32(value: number): void {
    this.#view.setUint32(this.at, value, true);
    this.at += 4;
  }

  /** A whole number of up to 53 bits. */
  u64(value: number): void {
    this.u32(value % TWO_32);
    this.u32(Math.floor(value / TWO_32));
  }

  i64(value: bigint): void {
    this.#view.setBigInt64(this.at, value, true);
    this.at += 8;
  }

  /** Of a length that both sides know. */
  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** PERF: names are short; the native conversions cost more than this loop. */
  text(text: string): void {
    const { bytes } = this;
    let at = this.at;
    for (let n = 0; n < text.length; n++) bytes[at++] = text.charCodeAt(n);
    this.at = at;
  }

  /** With its length, of up to 65,535 bytes. */
  string(text: string): void {
    this.u16(text.length);
    this.text(text);
  }

  getU32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  /** Overwrites what was left free. */
  setU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }
}

/** Reads the payload of one frame. @throws ProtocolError `frame` where there is too little, or too much */
export class Reader {
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #end = 0;

  /** Another buffer, from which frames are read. */
  use(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  /** The payload that is read next. */
  span(from: number, to: number): void {
    this.#at = from;
    this.#end = to;
  }

  /** Bytes of the payload that were not read yet. */
  get left(): number {
    return this.#end - this.#at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** A whole number of up to 53 bits. */
  u64(): number {
    const low = this.u32(), high = this.u32();
    if (high >= 2 ** 21) throw broken("a number is too large");
    return high * TWO_32 + low;
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  /** A view, valid until the next frame. */
  raw(length: number): Uint8Array {
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  /** As `rest`, which is still to be read. */
  peek(): Uint8Array {
    return this.#bytes.subarray(this.#at, this.#end);
  }

  /** A view of all that is left. */
  rest(): Uint8Array {
    return this.raw(this.left);
  }

  text(length: number): string {
    return fromBytes(this.raw(length));
  }

  string(maxBytes: number): string {
    const length = this.u16();
    if (length > maxBytes) throw broken(`a text has ${length} bytes, the limit is ${maxBytes}`);
    return this.text(length);
  }

  /** One of `count` choices. */
  choice(count: number): number {
    const value = this.u8();
    if (value >= count) throw broken("a choice is none of those there are");
    return value;
  }

  /** Everything has to be read. */
  done(): void {
    if (this.left !== 0) throw broken(`${this.left} bytes follow its end`);
  }

  #take(length: number): number {
    const from = this.#at;
    if (length > this.#end - from) throw broken("it is shorter than what it says");
    this.#at = from + length;
    return from;
  }
}

export function broken(why: string): ProtocolError {
  return new ProtocolError("frame", `Cannot read a frame of the peer: ${why}`);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
