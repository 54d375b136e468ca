/** A file that is being made beside its target. */
import { type Entry, type Name, nanos } from "../model/mod.ts";
import {
  copyRange,
  entryOf,
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

  constructor({ fd, dir, name }: DiskTempInit) {
    this.name = name;
    this.#fd = fd;
    this.#dir = dir;
  }

  write(bytes: Uint8Array): void {
    writeAll(this.#fd, bytes, this.name);
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
