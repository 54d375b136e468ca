/** A file that is being made beside its target. */
import { Buffer } from "node:buffer";
import { type Entry, type Name, nanos } from "../model/mod.ts";
import {
  cloneAll,
  copyRange,
  entryOf,
  type Fd,
  OsError,
  punchHole,
  rename,
  seekStart,
  setModeOf,
  setOwnerOf,
  setTimeOf,
  skip,
  sync,
  truncate,
  unlink,
  writeAll,
} from "../os/mod.ts";
import { properName } from "./beneath.ts";
import type { OpenDir } from "./open_dir.ts";
import type { SourceFile, TempFile } from "./ports.ts";
import { DiskSource } from "./source_file.ts";
import type { Unsynced } from "./sync_group.ts";

const COPY_BYTES = 262_144;
/** A run of zeros of this length is left out: the file has a hole there. */
const HOLE_MIN_BYTES = 65_536;
/** Zeros are looked for in pieces of this length. */
const PIECE_BYTES = 16_384;
const ZEROS = Buffer.alloc(HOLE_MIN_BYTES);

export interface DiskTempInit {
  /** Open for writing; owned from now on. */
  readonly fd: Fd;
  /** The directory it is in. */
  readonly dir: OpenDir;
  readonly name: Name;
}

let turns = 0;

/** TempFile over a descriptor. */
export class DiskTemp implements TempFile {
  readonly name: Name;
  /** Files that were opened earlier have a smaller one. */
  readonly turn = turns++;
  readonly #fd: Fd;
  readonly #dir: OpenDir;
  /** It has another name now, or none. */
  #isSettled = false;
  /** Bytes that are in the file; after `rewind`, how many of them are final. */
  #length = 0;
  /** Length of what was in the file when it was rewound. */
  #before = 0;
  #isRewound = false;
  /** Zeros behind them that are not in it yet. */
  #zeros = 0;

  constructor({ fd, dir, name }: DiskTempInit) {
    this.name = name;
    this.#fd = fd;
    this.#dir = dir.use();
  }

  /** For those who make it durable together with others. */
  get unsynced(): Unsynced {
    const complete = () => void this.#whole;
    return { fd: this.#fd, dir: this.#dir, path: this.name, turn: this.turn, complete };
  }

  get isInMemory(): boolean {
    return this.#dir.durableBy === "nothing";
  }

  write(bytes: Uint8Array): void {
    const { length } = bytes;
    for (let at = 0, end; at < length; at = end) {
      end = endOfPiece(bytes, at);
      if (isZero(bytes, { at, end })) {
        this.#zeros += end - at;
        continue;
      }
      while (end < length && !isZero(bytes, { at: end, end: endOfPiece(bytes, end) })) {
        end = endOfPiece(bytes, end);
      }
      this.#writeData(end - at === length ? bytes : bytes.subarray(at, end));
    }
  }

  #writeData(bytes: Uint8Array): void {
    this.#endZeros();
    this.#dir.claim(bytes.length, this.name);
    writeAll(this.#fd, bytes, this.name);
    this.#length += bytes.length;
  }

  /** What is written next stands behind the zeros. @returns whether they became a hole */
  #endZeros(): boolean {
    const zeros = this.#zeros, at = this.#length;
    if (zeros === 0) return false;
    this.#zeros = 0;
    this.#length += zeros;
    if (zeros >= HOLE_MIN_BYTES && this.#isHole(at, zeros)) {
      skip(this.#fd, zeros, this.name);
      return true;
    }
    this.#dir.claim(zeros, this.name);
    for (let left = zeros; left > 0; left -= HOLE_MIN_BYTES) {
      writeAll(this.#fd, ZEROS.subarray(0, left), this.name);
    }
    return false;
  }

  /** What is there of an earlier content goes, where the file system can do that. */
  #isHole(at: number, bytes: number): boolean {
    const there = Math.min(bytes, this.#before - at);
    return there <= 0 || punchHole(this.#fd, { offset: at, bytes: there }, this.name);
  }

  /** With all that was written: a hole at the end is there by the length only. */
  get #whole(): Fd {
    const isHole = this.#endZeros();
    if (isHole || this.#isRewound) truncate(this.#fd, this.#length, this.name);
    this.#isRewound = false;
    this.#before = 0;
    return this.#fd;
  }

  rewind(): void {
    // A write that failed may have left more: it would show through the holes of the new content.
    truncate(this.#whole, this.#length, this.name);
    seekStart(this.#fd, this.name);
    this.#before = this.#length;
    this.#length = 0;
    this.#isRewound = true;
  }

  pass(bytes: number): void {
    this.#endZeros();
    if (bytes > this.#before - this.#length) throw new RangeError("There is not so much");
    skip(this.#fd, bytes, this.name);
    this.#length += bytes;
  }

  copyFrom(source: SourceFile, { offset, length }: { offset: number; length: number }): number {
    if (!(source instanceof DiskSource) || !source.isSparse) {
      return this.#copyData(source, { offset, length });
    }
    const end = Math.min(offset + length, source.size);
    let at = offset;
    while (at < end) {
      const data = source.dataFrom(at);
      const start = Math.min(end, data?.start ?? end);
      this.#zeros += start - at;
      at = start;
      if (data === undefined || at === end) break;
      const done = this.#copyData(source, { offset: at, length: Math.min(end, data.end) - at });
      at += done;
      if (done === 0) break;
    }
    return at - offset;
  }

  #copyData(source: SourceFile, { offset, length }: { offset: number; length: number }): number {
    let done = 0;
    if (source instanceof DiskSource) {
      this.#endZeros();
      this.#dir.claim(length, this.name);
      done = copyRange(this.#fd, {
        from: source.fd,
        offset,
        lengthBytes: length,
        path: this.name,
      });
      this.#length += done;
    }
    const buffer = new Uint8Array(Math.min(COPY_BYTES, length - done));
    while (done < length) {
      const n = source.readAt(buffer.subarray(0, length - done), offset + done);
      if (n === 0) break;
      this.write(buffer.subarray(0, n));
      done += n;
    }
    return done;
  }

  cloneFrom(source: SourceFile): boolean {
    if (!(source instanceof DiskSource) || this.#length + this.#zeros > 0) return false;
    if (!cloneAll(this.#fd, source.fd, this.name)) return false;
    skip(this.#fd, source.size, this.name);
    this.#length = source.size;
    return true;
  }

  setOwner(uid: number | undefined, gid: number | undefined): void {
    setOwnerOf(this.#whole, { uid, gid }, this.name);
  }

  setMode(mode: number): void {
    setModeOf(this.#whole, mode, this.name);
  }

  setTime(mtime: bigint): void {
    setTimeOf(this.#whole, nanos(mtime), this.name);
  }

  sync(): void {
    sync(this.#whole, this.name);
  }

  look(): Entry {
    return entryOf(this.#whole, this.name);
  }

  installAs(leaf: Name): void {
    this.#rename(leaf, "replace");
  }

  installNew(leaf: Name): void {
    this.#rename(leaf, "new");
  }

  #rename(leaf: Name, mode: "replace" | "new"): void {
    void this.#whole;
    const dir = this.#dir.fd;
    rename({ dir, name: this.name }, { dir, name: properName(leaf) }, mode);
    this.#isSettled = true;
  }

  settle(): void {
    this.#isSettled = true;
  }

  /**
   * Removes the file unless it was installed. A removal that fails is not reported: whatever made us
   * give up is, and the intent of the change names the file for the next start.
   */
  [Symbol.dispose](): void {
    if (!this.#fd.isOpen) return;
    this.#fd[Symbol.dispose]();
    try {
      if (!this.#isSettled) unlink(this.#dir.fd, this.name);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
    } finally {
      this.#dir.leave();
    }
  }
}

function endOfPiece(bytes: Uint8Array, at: number): number {
  return Math.min(bytes.length, at + PIECE_BYTES);
}

/** PERF: the first byte and the one in the middle nearly always tell. */
function isZero(bytes: Uint8Array, { at, end }: { at: number; end: number }): boolean {
  if (bytes[at] !== 0 || bytes[(at + end) >> 1] !== 0 || bytes[end - 1] !== 0) return false;
  return ZEROS.subarray(0, end - at).equals(bytes.subarray(at, end));
}
