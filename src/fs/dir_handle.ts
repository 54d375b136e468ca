/** One open directory: verbs that take one component, never a path, and follow no link. */
import { type Entry, type Name, TYPE_BITS } from "../model/mod.ts";
import {
  type CloseLook,
  closeLookAt,
  entryAt,
  errorNamed,
  type Fd,
  makeDirectory,
  makeLink,
  makeNode,
  makeSymlink,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  openAt,
  OsError,
  removeDirectory,
  rename,
  sync,
  unlink,
} from "../os/mod.ts";
import { properName as proper } from "./beneath.ts";
import { DiskObject, namesIn } from "./held_object.ts";
import type { DirHandle, HeldObject, SourceFile, TempFile } from "./ports.ts";
import { DiskSource } from "./source_file.ts";
import { DiskTemp } from "./temp_file.ts";
import { tempName } from "./temp_name.ts";

/** LIMIT: taken temporary names before we give up; with 238,000 names per file only an attack does it. */
const NAME_TRIES = 100;

export interface DiskDirInit {
  /** The directory, as O_PATH is enough; owned from now on. */
  readonly fd: Fd;
  readonly random: (bytes: Uint8Array) => void;
}

/** DirHandle over a descriptor. */
export class DiskDir implements DirHandle {
  readonly #fd: Fd;
  readonly #random: (bytes: Uint8Array) => void;

  constructor({ fd, random }: DiskDirInit) {
    this.#fd = fd;
    this.#random = random;
  }

  look(leaf: Name): Entry {
    return entryAt(this.#fd, proper(leaf));
  }

  lookClosely(leaf: Name): CloseLook {
    return closeLookAt(this.#fd, proper(leaf));
  }

  open(leaf: Name): SourceFile {
    checkReadable(this.look(leaf), leaf);
    // RACE: if a device took the place since the look, it is opened and closed again unread.
    const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    const also = this.#fd.duplicate();
    try {
      const fd = openAt(leaf, { dir: this.#fd, flags });
      return DiskSource.of({ fd, path: leaf, lookAgain: () => closeLookAt(also, leaf), also });
    } catch (error) {
      also[Symbol.dispose]();
      throw error;
    }
  }

  list(): Name[] {
    using readable = this.#readable();
    return namesIn(readable);
  }

  enter(leaf: Name): DirHandle {
    const flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
    return new DiskDir({
      fd: openAt(proper(leaf), { dir: this.#fd, flags }),
      random: this.#random,
    });
  }

  createTemp(forLeaf: Name, name?: Name): TempFile {
    if (name !== undefined) return this.#createTemp(proper(name));
    for (let tries = NAME_TRIES;; tries--) {
      try {
        return this.#createTemp(tempName(forLeaf, this.#random));
      } catch (error) {
        const isTaken = error instanceof OsError && error.errnoName === "EEXIST";
        if (!isTaken || tries === 0) throw error;
      }
    }
  }

  tempName(forLeaf: Name): Name {
    for (let tries = NAME_TRIES;; tries--) {
      const name = tempName(forLeaf, this.#random);
      if (entryAt(this.#fd, name).kind === "absent") return name;
      if (tries === 0) throw errorNamed("EEXIST", { call: "find a free name for", path: forLeaf });
    }
  }

  mkdir(leaf: Name, mode: number): void {
    makeDirectory(this.#fd, proper(leaf), mode);
  }

  mknod(leaf: Name, kind: "chr" | "blk" | "fifo", mode: number, rdev: number): void {
    makeNode(this.#fd, proper(leaf), { mode: TYPE_BITS[kind] | mode, rdev });
  }

  symlink(leaf: Name, target: string): void {
    makeSymlink(this.#fd, proper(leaf), target);
  }

  link(from: Name, to: Name): void {
    makeLink({ dir: this.#fd, name: proper(from) }, { dir: this.#fd, name: proper(to) });
  }

  unlink(leaf: Name): void {
    unlink(this.#fd, proper(leaf));
  }

  rmdir(leaf: Name): void {
    removeDirectory(this.#fd, proper(leaf));
  }

  rename(from: Name, to: Name): void {
    this.#rename(from, to, "replace");
  }

  renameNew(from: Name, to: Name): void {
    this.#rename(from, to, "new");
  }

  exchange(a: Name, b: Name): void {
    this.#rename(a, b, "exchange");
  }

  hold(leaf: Name): HeldObject {
    const fd = openAt(proper(leaf), { dir: this.#fd, flags: O_PATH | O_NOFOLLOW });
    return new DiskObject(fd, leaf);
  }

  sync(): void {
    using readable = this.#readable();
    sync(readable, ".");
  }

  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }

  #createTemp(name: Name): TempFile {
    const dir = this.#fd.duplicate();
    try {
      const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
      return new DiskTemp({ fd: openAt(name, { dir, flags, mode: 0o600 }), dir, name });
    } catch (error) {
      dir[Symbol.dispose]();
      throw error;
    }
  }

  /** The directory open for listing and syncing, which a path descriptor cannot do. */
  #readable(): Fd {
    return openAt(".", { dir: this.#fd, flags: O_RDONLY | O_DIRECTORY });
  }

  #rename(from: Name, to: Name, mode: "replace" | "new" | "exchange"): void {
    const source = { dir: this.#fd, name: proper(from) };
    try {
      rename(source, { dir: this.#fd, name: proper(to) }, mode);
    } catch (error) {
      if (!(error instanceof OsError) || error.errnoName !== "ENOSYS") throw error;
      throw errorNamed("EINVAL", { call: "renameat2", path: to });
    }
  }
}

/** What open() refuses before it opens. */
export function checkReadable(entry: Entry, path: string): void {
  switch (entry.kind) {
    case "reg":
      return;
    case "lnk":
      throw errorNamed("ELOOP", { call: "open", path });
    case "absent":
      throw errorNamed(entry.errno ?? "ENOENT", { call: "open", path });
    default:
      throw errorNamed("EINVAL", { call: "open", path });
  }
}
