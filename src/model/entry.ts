/** What one object of the file system is, as csync2 sees it. */
import type { Nanos } from "./time.ts";

/** Owner, permissions and time of an object. */
export interface Meta {
  /** Complete `st_mode`, file type bits included (0o100644 for a regular file). */
  readonly mode: number;
  /** Unsigned 32 bit. */
  readonly uid: number;
  /** Unsigned 32 bit. */
  readonly gid: number;
  readonly mtime: Nanos;
}

export interface Regular {
  readonly kind: "reg";
  readonly meta: Meta;
  /** Bytes. */
  readonly size: number;
}
export interface Directory {
  readonly kind: "dir";
  readonly meta: Meta;
}
export interface Symlink {
  readonly kind: "lnk";
  readonly meta: Meta;
  /** Byte string, as it stands in the link. */
  readonly target: string;
}
export interface Device {
  readonly kind: "chr" | "blk";
  readonly meta: Meta;
  /** Device number as the C library encodes it in st_rdev, unsigned (1:3 is 259). */
  readonly rdev: number;
}
export interface Special {
  readonly kind: "fifo" | "sock";
  readonly meta: Meta;
}
/** Nothing is there. `behindLink`: something may be there, but a parent directory is a symbolic link. */
export interface Absent {
  readonly kind: "absent";
  /** `parent`: the directory above is missing too; `link`: a directory of the path is a symbolic link. */
  readonly because: "leaf" | "parent" | "link";
  /** With `parent`: something that is no directory is in the place of one. */
  readonly errno?: "ENOTDIR";
}

export type Present = Regular | Directory | Symlink | Device | Special;
export type Entry = Present | Absent;

export const ABSENT: Absent = { kind: "absent", because: "leaf" };
export const PARENT_ABSENT: Absent = { kind: "absent", because: "parent" };
/** A parent is a file or the like: where C answers `Not a directory`. */
export const NOT_A_DIRECTORY: Absent = { kind: "absent", because: "parent", errno: "ENOTDIR" };
export const BEHIND_LINK: Absent = { kind: "absent", because: "link" };

/** Identifies one state of one object: equal fingerprints mean that nobody touched it in between. */
export interface Fingerprint {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: number;
  readonly mtime: Nanos;
  readonly ctime: Nanos;
}

export function sameFingerprint(a: Fingerprint, b: Fingerprint): boolean {
  return a.ino === b.ino && a.ctime === b.ctime && a.mtime === b.mtime && a.size === b.size &&
    a.dev === b.dev;
}

/** File type bits of `st_mode` by kind. */
export const TYPE_BITS: Readonly<Record<Present["kind"], number>> = {
  fifo: 0o010000,
  chr: 0o020000,
  dir: 0o040000,
  blk: 0o060000,
  reg: 0o100000,
  lnk: 0o120000,
  sock: 0o140000,
};
/** The bits of a mode that chmod can set. */
export const PERMISSION_BITS = 0o7777;
