/** A file that is being made beside its target. */
import { type Entry, type Name, nanos } from "../model/mod.ts";
import {
  copyRange,
  diskRoom,
  entryOf,
  errorNamed,
  type Fd,
  OsError,
  rename,
  setModeOf,
  setOwnerOf,
  setTimeOf,
  sync,
  unlink,
  writeAll,
} from "../os/mod.ts";
import { properName } from "./beneath.ts";
import type { SourceFile, TempFile } from "./ports.ts";
import { DiskSource } from "./source_file.ts";

const COPY_BYTES = 262_144;
/**
 * LIMIT: a hundredth of the file system, at most 1 GiB, is never filled: a few bytes of delta can ask
 * for any amount of content, and a full disk stops everybody else.
 */
const RESERVED_SHARE = 0.01;
const RESERVED_MAX_BYTES = 1_073_741_824;
/** PERF: asked once per so many bytes. */
const CLAIM_BYTES = 8_388_608;

export interface DiskTempInit {
  /** Open for writing; owned from now on. */
  readonly fd: Fd;
  /** The directory it is in; owned from now on. */
  readonly dir: Fd;
  readonly name: Name;
}

/** TempFile over a descriptor. */
export class DiskTemp implements TempFile {
  readonly name: Name;
  readonly #fd: Fd;
  readonly #dir: Fd;
  #installed = false;
  /** May be written without asking for room again. */
  #claimed = 0;

  constructor({ fd, dir, name }: DiskTempInit) {
    this.name = name;
    this.#fd = fd;
    this.#dir = dir;
  }

  write(bytes: Uint8Array): void {
    this.#claim(bytes.length);
    writeAll(this.#fd, bytes, this.name);
  }

  /** @throws OsError ENOSPC when less than the reserve would be left */
  #claim(bytes: number): void {
    if (bytes > this.#claimed) {
      const { free, total } = diskRoom(this.#fd, this.name);
      const reserved = Math.min(total * RESERVED_SHARE, RESERVED_MAX_BYTES);
      const room = total === 0 ? Infinity : free - reserved;
      if (bytes > room) throw errorNamed("ENOSPC", { call: "write", path: this.name });
      this.#claimed = Math.min(room, Math.max(bytes, CLAIM_BYTES));
    }
    this.#claimed -= bytes;
  }

  copyFrom(source: SourceFile, { offset, length }: { offset: number; length: number }): number {
    let done = 0;
    if (source instanceof DiskSource) {
      done = copyRange(this.#fd, {
        from: source.fd,
        offset,
        lengthBytes: length,
        path: this.name,
      });
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

  setOwner(uid: number | undefined, gid: number | undefined): void {
    setOwnerOf(this.#fd, { uid, gid }, this.name);
  }

  setMode(mode: number): void {
    setModeOf(this.#fd, mode, this.name);
  }

  setTime(mtime: bigint): void {
    setTimeOf(this.#fd, nanos(mtime), this.name);
  }

  sync(): void {
    sync(this.#fd, this.name);
  }

  look(): Entry {
    return entryOf(this.#fd, this.name);
  }

  installAs(leaf: Name): void {
    rename(
      { dir: this.#dir, name: this.name },
      { dir: this.#dir, name: properName(leaf) },
      "replace",
    );
    this.#installed = true;
  }

  /**
   * Removes the file unless it was installed. A removal that fails is not reported: whatever made us
   * give up is, and the intent of the change names the file for the next start.
   */
  [Symbol.dispose](): void {
    if (!this.#fd.isOpen) return;
    this.#fd[Symbol.dispose]();
    try {
      if (!this.#installed) unlink(this.#dir, this.name);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
    } finally {
      this.#dir[Symbol.dispose]();
    }
  }
}
