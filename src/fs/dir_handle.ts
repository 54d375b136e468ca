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
import { OpenDir } from "./open_dir.ts";
import { DiskSource } from "./source_file.ts";
import { DiskTemp } from "./temp_file.ts";
import { tempName } from "./temp_name.ts";

/** LIMIT: taken temporary names before we give up; with 238,000 names per file only an attack does it. */
const NAME_TRIES = 100;

export interface DiskDirInit {
  readonly dir: OpenDir;
  readonly random: (bytes: Uint8Array) => void;
  /** A directory may have another name from now on, or none. */
  readonly onMove?: () => void;
}

/** DirHandle over a descriptor. */
export class DiskDir implements DirHandle {
  readonly #dir: OpenDir;
  readonly #init: DiskDirInit;
  #isOpen = true;

  constructor(init: DiskDirInit) {
    this.#dir = init.dir.use();
    this.#init = init;
  }

  get #fd(): Fd {
    if (this.#isOpen) return this.#dir.fd;
    throw errorNamed("EBADF", { call: "use", path: "a closed directory" });
  }

  /** For those who make it durable together with others. @throws OsError once disposed */
  get dir(): OpenDir {
    void this.#fd;
    return this.#dir;
  }

  get isInMemory(): boolean {
    return this.#dir.durableBy === "nothing";
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
    const fd = openAt(leaf, { dir: this.#fd, flags });
    const also = new DiskDir(this.#init);
    return DiskSource.of({ fd, path: leaf, lookAgain: () => also.lookClosely(leaf), also });
  }

  list(): Name[] {
    using readable = this.#readable();
    return namesIn(readable);
  }

  enter(leaf: Name): DirHandle {
    const flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
    const dir = new OpenDir(openAt(proper(leaf), { dir: this.#fd, flags }));
    return new DiskDir({ ...this.#init, dir });
  }

  createTemp(forLeaf: Name, name?: Name, { mode = 0o600 } = {}): TempFile {
    if (name !== undefined) return this.#createTemp(proper(name), mode);
    for (let tries = NAME_TRIES;; tries--) {
      try {
        return this.#createTemp(tempName(forLeaf, this.#init.random), mode);
      } catch (error) {
        const isTaken = error instanceof OsError && error.errnoName === "EEXIST";
        if (!isTaken || tries === 0) throw error;
      }
    }
  }

  drawName(forLeaf: Name): Name {
    return tempName(forLeaf, this.#init.random);
  }

  tempName(forLeaf: Name): Name {
    for (let tries = NAME_TRIES;; tries--) {
      const name = tempName(forLeaf, this.#init.random);
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
    this.#init.onMove?.();
  }

  rename(from: Name, to: Name): void {
    this.#rename(from, to, "replace");
  }

  renameNew(from: Name, to: Name): void {
    this.#rename(from, to, "new");
  }

  exchange(a: Name, b: Name): void {
    this.#rename(a, b, "exchange");
    this.#init.onMove?.();
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
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#dir.leave();
  }

  #createTemp(name: Name, mode: number): TempFile {
    const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
    const fd = openAt(name, { dir: this.#fd, flags, mode });
    return new DiskTemp({ fd, dir: this.#dir, name });
  }

  #readable(): Fd {
    return readable(this.#fd);
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

/** The directory open for listing and syncing, which a path descriptor cannot do. @throws OsError */
export function readable(dir: Fd): Fd {
  return openAt(".", { dir, flags: O_RDONLY | O_DIRECTORY });
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
