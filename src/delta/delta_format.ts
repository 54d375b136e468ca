/** Runs -> librsync delta, exactly as librsync writes it (W 10.4). */
import type { ByteStream, SizedStream } from "../model/mod.ts";
import { Breather, type Content, readFully } from "./content.ts";
import { literalRuns, match, type MatchOptions } from "./match.ts";
import type { Runs } from "./runs.ts";

export const DELTA_MAGIC = 0x72730236;
/** Opcodes, each the first of its group. */
export const OPCODES = {
  end: 0x00,
  /** Literal with the length in 1, 2, 4 or 8 bytes; 0x01 to 0x40 are lengths themselves. */
  literal: 0x41,
  /** Copy: plus 4 times the class of the offset's width, plus the class of the length's width. */
  copy: 0x45,
  reserved: 0x55,
} as const;
/** Longest literal whose length is its opcode. */
const SHORT_LITERAL_MAX_BYTES = 64;

export interface DeltaOptions {
  /**
   * Asked once, when everything but the last byte was sent. False: the source changed while it was
   * sent. Then a reserved opcode takes the place of END, and every receiver refuses the delta and
   * keeps what it has, although it was promised this many bytes.
   * @default {() => true}
   */
  readonly isStillValid?: () => boolean;
  readonly signal?: AbortSignal | undefined;
}

/** 0 to 3: the shortest of 1, 2, 4 and 8 bytes that holds `value`. */
function widthClass(value: number): 0 | 1 | 2 | 3 {
  return value <= 0xff ? 0 : value <= 0xffff ? 1 : value <= 0xffffffff ? 2 : 3;
}

function literalHeaderSize(length: number): number {
  return length <= SHORT_LITERAL_MAX_BYTES ? 1 : 1 + 2 ** widthClass(length);
}

function literalSize(length: number, max: number): number {
  const rest = length % max;
  const whole = Math.floor(length / max) * (literalHeaderSize(max) + max);
  return rest === 0 ? whole : whole + literalHeaderSize(rest) + rest;
}

/** Bytes of the delta that `runs` make, magic number and END included. */
export function deltaSize(runs: Runs): number {
  let size = 4 + 1, at = 0;
  for (const { source, basis, length } of runs) {
    size += literalSize(source - at, runs.literalMax);
    size += 1 + 2 ** widthClass(basis) + 2 ** widthClass(length);
    at = source + length;
  }
  return size + literalSize(runs.sourceSize - at, runs.literalMax);
}

/**
 * The delta; literals are read from `content` when their turn comes, nothing is kept.
 *
 * The stream has the promised size whatever happens to the content: if bytes are missing, zeros take
 * their place and the delta is made invalid at its end as described at `isStillValid`.
 */
export function delta(content: Content, runs: Runs, options: DeltaOptions = {}): SizedStream {
  const size = deltaSize(runs);
  return { size, bytes: deltaBytes({ size, content, runs, ...options }) };
}

/** A delta, and what it says as a whole. */
export interface FoundDelta extends SizedStream {
  /** The new content is the old one. */
  readonly isSame: boolean;
}

/**
 * The delta from a received signature to `content`: `match`, then `delta`. The promise resolves when
 * the signature was read to its end and the content once.
 */
export async function deltaFor(
  signature: ByteStream,
  { content, ...options }: { readonly content: Content } & MatchOptions & DeltaOptions,
): Promise<FoundDelta> {
  const runs = await match(signature, content, options);
  return { ...delta(content, runs, options), isSame: isSame(runs, content) };
}

/**
 * One copy of everything, to the last block. A file that was cut off while it was read is none of its size.
 * An old content that goes on has more blocks, or more in the last one, which would not have been found.
 */
function isSame(runs: Runs, { size }: Content): boolean {
  if (runs.count !== 1 || runs.sourceSize !== size) return false;
  const { source, basis, length } = runs.at(0);
  const blocks = Math.ceil(size / runs.blockLength);
  return source === 0 && basis === 0 && length === size && blocks === runs.basisBlocks;
}

/** The content as a delta without any copy, which every receiver can apply. */
export function literalDelta(content: Content, options: DeltaOptions = {}): SizedStream {
  return delta(content, literalRuns(content), options);
}

interface DeltaJob extends DeltaOptions {
  readonly size: number;
  readonly content: Content;
  readonly runs: Runs;
}

async function* deltaBytes({ size, content, runs, signal, isStillValid = () => true }: DeltaJob) {
  const breather = new Breather(signal);
  const writer = new DeltaWriter(content, { literalMax: runs.literalMax, size });
  let at = 0;
  writer.number(DELTA_MAGIC, 2);
  for (const { source, basis, length } of runs) {
    for (const piece of writer.literal(at, source)) {
      yield piece;
      if (breather.isDue(piece.length)) await breather.pause();
    }
    if (writer.isNearlyFull) yield writer.take();
    writer.copy(basis, length);
    at = source + length;
  }
  for (const piece of writer.literal(at, runs.sourceSize)) {
    yield piece;
    if (breather.isDue(piece.length)) await breather.pause();
  }
  // The last byte is written alone, as late as possible: RACE: what changes behind this question is
  // the next run's business.
  yield writer.take();
  writer.end(!writer.isCutOff && isStillValid());
  yield writer.take();
}

const BUFFER_BYTES = 131_072;
/** Longest command without its literal data. */
const COMMAND_MAX_BYTES = 17;

/** Writes commands into one buffer; pieces are valid until the next one is asked for. */
class DeltaWriter {
  readonly #buffer: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #literalMax: number;
  #filled = 0;
  /** The content ended early; zeros were written in place of what is gone. */
  isCutOff = false;

  /** `size`: of the whole delta; most are small. */
  constructor(
    readonly content: Content,
    { literalMax, size }: { readonly literalMax: number; readonly size: number },
  ) {
    this.#literalMax = literalMax;
    this.#buffer = new Uint8Array(Math.min(BUFFER_BYTES, size + COMMAND_MAX_BYTES));
    this.#view = new DataView(this.#buffer.buffer);
  }

  /** Whether another command, without literal data, might not fit. */
  get isNearlyFull(): boolean {
    return this.#filled + COMMAND_MAX_BYTES > this.#buffer.length;
  }

  take(): Uint8Array {
    const piece = this.#buffer.subarray(0, this.#filled);
    this.#filled = 0;
    return piece;
  }

  /** Commands for the content from `from` to `to`. */
  *literal(from: number, to: number): Generator<Uint8Array, void, void> {
    for (let at = from; at < to;) {
      const length = Math.min(this.#literalMax, to - at);
      if (this.isNearlyFull) yield this.take();
      this.#literalHeader(length);
      for (const end = at + length; at < end;) {
        if (this.#filled === this.#buffer.length) yield this.take();
        at += this.#data(at, Math.min(end - at, this.#buffer.length - this.#filled));
      }
    }
  }

  #literalHeader(length: number): void {
    if (length <= SHORT_LITERAL_MAX_BYTES) return this.#byte(length);
    const width = widthClass(length);
    this.#byte(OPCODES.literal + width);
    this.number(length, width);
  }

  #data(offset: number, length: number): number {
    const into = this.#buffer.subarray(this.#filled, this.#filled + length);
    const read = readFully(this.content, into, offset);
    if (read < length) {
      into.fill(0, read);
      this.isCutOff = true;
    }
    this.#filled += length;
    return length;
  }

  copy(basis: number, length: number): void {
    const offsetWidth = widthClass(basis), lengthWidth = widthClass(length);
    this.#byte(OPCODES.copy + 4 * offsetWidth + lengthWidth);
    this.number(basis, offsetWidth);
    this.number(length, lengthWidth);
  }

  end(isValid: boolean): void {
    this.#byte(isValid ? OPCODES.end : OPCODES.reserved);
  }

  #byte(value: number): void {
    this.#buffer[this.#filled++] = value;
  }

  /** Big-endian in 2^width bytes. */
  number(value: number, width: 0 | 1 | 2 | 3): void {
    const at = this.#filled;
    this.#filled += 2 ** width;
    if (width === 0) this.#view.setUint8(at, value);
    else if (width === 1) this.#view.setUint16(at, value);
    else if (width === 2) this.#view.setUint32(at, value);
    else this.#view.setBigUint64(at, BigInt(value));
  }
}
