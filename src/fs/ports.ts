/** The jail as the other folders see it: who holds none touches no file. */
import type {
  DbName,
  DirectoryPlace,
  Entry,
  Fingerprint,
  Located,
  Meta,
  Name,
  Present,
  Regular,
} from "../model/mod.ts";
import type { OsError } from "../os/mod.ts";

/** What a walk finds. */
export interface WalkStep {
  readonly name: DbName;
  readonly entry: Present;
}

/** 0: neither looked at nor entered; 1: entered if it is a directory, not yielded; 2: both (D 2.5). */
export type WalkClass = 0 | 1 | 2;

export interface WalkOptions {
  /** Name that the start has in the database; names below are built from it. */
  readonly name: DbName;
  /**
   * `after`: contents before their directory, in strictly descending order of encoded names, which is
   * the reverse of what the database yields ascending. `before`: directory first, then its entries in
   * descending byte order: the order of the C programs (D 3.3).
   */
  readonly directories: "before" | "after";
  /** Asked once per name, before the object is examined. */
  classify(name: DbName): WalkClass;
  /**
   * An object or a directory cannot be examined or read. What lies there is unknown, not gone.
   * Objects that vanish during the walk are left out silently.
   */
  onError(name: DbName, error: OsError): void;
  /**
   * Asked for each directory that lies on another mount than the one above it, before it is read.
   * @param isForeign whether it is another file system too, not only another part of the same
   * @returns false leaves out everything below it
   */
  crosses?(name: DbName, isForeign: boolean): boolean;
}

/** Reads below its anchors. No symbolic link is followed below an anchor, on no component. */
export interface ReadJail extends Disposable {
  /**
   * The object itself, links not followed. ENOENT and ENOTDIR are Absent, so is everything behind a
   * link; every other failure throws.
   * @throws OsError
   */
  look(at: Located): Entry;
  /** As `look`, with the fingerprint of what was seen. */
  lookClosely(at: Located): { readonly entry: Entry; readonly fingerprint?: Fingerprint };
  /**
   * As `look`, for many: an answer for each, in their order, an OsError where `look` would throw one.
   * PERF: places that share a directory share its descriptor; it is never kept for longer than the call.
   */
  lookEach(ats: readonly Located[]): (Entry | OsError)[];
  /**
   * Whether there is nothing: what `lookEach` says, and no more than that. PERF: a fifth of its time where
   * many places in one directory follow one another.
   */
  absentEach(ats: readonly Located[]): (boolean | OsError)[];
  /** Opens a regular file for sending. @throws OsError, `ELOOP` for links, `EINVAL` for other types */
  open(at: Located): SourceFile;
  /**
   * Reads a whole regular file to the beginning of `into`, in one state of it. To be called for what
   * was seen as a regular file just before.
   *
   * RACE: if a device took the place since then, it is opened and closed again unread.
   *
   * @returns undefined when it is longer than `into` or was written at the same time: `open` it then
   * @throws OsError as `open`
   */
  readSmall(at: Located, into: Uint8Array): SmallFile | undefined;
  /** As `readSmall`, for many, as `lookEach` does it. */
  readSmallEach(
    wanted: readonly { readonly at: Located; readonly into: Uint8Array }[],
  ): (SmallFile | undefined | OsError)[];
  /**
   * On which file system a directory lies; undefined when there is no directory. @throws OsError
   */
  placeOf(at: Located): DirectoryPlace | undefined;
  /** Lazy: holds one listing per level. Never throws for what a tree can contain. */
  walk(at: Located, options: WalkOptions): Generator<WalkStep, void, void>;
}

/** A regular file whose content was read; its bytes are as many as `entry.size`. */
export interface SmallFile {
  readonly entry: Regular;
  readonly fingerprint: Fingerprint;
}

/** A regular file open for reading. */
export interface SourceFile extends Disposable {
  readonly fingerprint: Fingerprint;
  readonly meta: Meta;
  /** Bytes, at the time of opening. */
  readonly size: number;
  /** Reads up to `into.length` bytes at `offset`; 0 at the end. @throws OsError */
  readAt(into: Uint8Array, offset: number): number;
  /** Whether the open file and what the name leads to now are still in the state of `fingerprint`. */
  isUnchanged(): boolean;
}

/** Reads and changes below its anchors. */
export interface Jail extends ReadJail {
  /**
   * The open directory that holds the object, and the object's component in it. For an anchor itself
   * that is the anchor and `.`: looking and metadata work, the system refuses everything else.
   * @throws OsError `ENOENT`, `ENOTDIR`, `ELOOP` (a parent is a link)
   */
  parentOf(at: Located): { readonly dir: DirHandle; readonly leaf: Name };
  /**
   * Makes the contents of files of its own durable, together where that is faster, without blocking this
   * thread. None of them may be disposed meanwhile.
   * @returns for each, in their order, why it may not be durable
   */
  syncContents(files: readonly TempFile[]): Promise<(OsError | undefined)[]>;
  /** The same for the entries of directories. */
  syncDirectories(dirs: readonly DirHandle[]): Promise<(OsError | undefined)[]>;
}

/** One open directory. Its verbs take one component, never a path, and follow no link. */
export interface DirHandle extends Disposable {
  look(leaf: Name): Entry;
  lookClosely(leaf: Name): { readonly entry: Entry; readonly fingerprint?: Fingerprint };
  open(leaf: Name): SourceFile;
  /** Entries except `.` and `..`, in no order. */
  list(): Name[];
  /** The directory `leaf` in it. @throws OsError `ENOTDIR`, also for a link */
  enter(leaf: Name): DirHandle;
  /**
   * A new, unlinkable-by-dispose temporary regular file, named by temp_name, or `name`: one that tempName
   * gave, so that an intent can tell of it before it exists.
   * @param options `mode`: of which the umask, or the directory, takes what it likes. @default {0o600}
   * @throws OsError `EEXIST`
   */
  createTemp(forLeaf: Name, name?: Name, options?: { readonly mode?: number }): TempFile;
  /** A temporary name that is free but for a rare chance: what is made under it may say `EEXIST`. */
  drawName(forLeaf: Name): Name;
  /** A free temporary name, for other kinds and for createTemp. */
  tempName(forLeaf: Name): Name;
  /** The umask cuts the mode of new objects: setMode() makes it exact. */
  mkdir(leaf: Name, mode: number): void;
  mknod(leaf: Name, kind: "chr" | "blk" | "fifo", mode: number, rdev: number): void;
  symlink(leaf: Name, target: string): void;
  /** A second name for the object itself. @throws OsError `EEXIST`, `EPERM` and `EMLINK` where there are none */
  link(from: Name, to: Name): void;
  unlink(leaf: Name): void;
  rmdir(leaf: Name): void;
  /** Atomic; replaces what is there like rename(2). */
  rename(from: Name, to: Name): void;
  /** As rename, but replaces nothing. @throws OsError `EEXIST`; `EINVAL` when the file system cannot */
  renameNew(from: Name, to: Name): void;
  /** Atomic exchange; falls back to nothing: EINVAL when the file system cannot. */
  exchange(a: Name, b: Name): void;
  /**
   * The object itself, whatever it is, to change its metadata: who owns the directory can put another
   * one in its place at any moment. @throws OsError `ENOENT`
   */
  hold(leaf: Name): HeldObject;
  /** Makes the directory's entries durable. */
  sync(): void;
  /** Nothing in it needs to be made durable, or can be. @throws OsError */
  readonly isInMemory: boolean;
}

/** One object, not its name: look at it, then change exactly what was seen. */
export interface HeldObject extends Disposable {
  lookClosely(): { readonly entry: Present; readonly fingerprint: Fingerprint };
  /** Entries of a directory. @throws OsError `ENOTDIR` for everything else */
  list(): Name[];
  /** undefined leaves the part alone. */
  setOwner(uid: number | undefined, gid: number | undefined): void;
  /** Low 12 bits. @throws OsError `EOPNOTSUPP` for a link */
  setMode(mode: number): void;
  /** atime and mtime. */
  setTime(mtime: bigint): void;
}

/** A file that is being made. Disposing removes it unless it was installed. */
export interface TempFile extends Disposable {
  readonly name: Name;
  /** Appends; long runs of zeros become holes. @throws OsError `ENOSPC`, `EDQUOT`, ... */
  write(bytes: Uint8Array): void;
  /**
   * Appends a piece of `source`, within the kernel where it can.
   * @returns bytes copied, less than `length` only at the end of the source. @throws OsError
   */
  copyFrom(source: SourceFile, range: { offset: number; length: number }): number;
  /**
   * What is written next takes the place of what was written, from the beginning; what is not reached
   * goes. @throws OsError
   */
  rewind(): void;
  /** After `rewind`: so many bytes stay as they are. @throws RangeError for more than there are */
  pass(bytes: number): void;
  /**
   * Shares all blocks of `source`, if nothing was written yet.
   * @returns false when the file system cannot do it. @throws OsError
   */
  cloneFrom(source: SourceFile): boolean;
  setOwner(uid: number | undefined, gid: number | undefined): void;
  setMode(mode: number): void;
  setTime(mtime: bigint): void;
  /** Makes the content durable. */
  sync(): void;
  /** There is nothing to be made durable. @throws OsError */
  readonly isInMemory: boolean;
  /** The entry as it is now. */
  look(): Entry;
  /** Renames it over `leaf` in its directory: the one moment at which the change is visible. */
  installAs(leaf: Name): void;
  /** As installAs, but replaces nothing. @throws OsError `EEXIST`; `EINVAL`, `ENOSYS` when the file system cannot */
  installNew(leaf: Name): void;
  /** Its name is not its own any more: disposing removes nothing. */
  settle(): void;
}
