/** Owner, permissions and time that a new file gets. */
import {
  type Entry,
  type Ignored,
  type Meta,
  type Nanos,
  PERMISSION_BITS,
  type Present,
  type Regular,
  TYPE_BITS,
} from "../model/mod.ts";
import type { TempFile } from "../fs/mod.ts";
import { isSystemError } from "./target.ts";

const ID_UNCHANGED = 0xffff_ffff;

export interface Dress {
  /** Undefined: whatever it has. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly mode: number;
  readonly mtime: Meta["mtime"];
  /** Whether the owner was asked for; one that is merely copied from the old file may fail. */
  readonly strict: boolean;
}

/**
 * Without `meta` a file keeps the owner and mode of the regular file it replaces (W 14.1.6), and a new
 * one is 0600 until SETOWN and SETMOD arrive (W 20.20). What is ignored stays as it is.
 */
export function dressOf(
  { ignored, now }: { readonly ignored: Ignored; readonly now: () => Nanos },
  old: Entry,
  meta: Meta | undefined,
): Dress {
  const before = old.kind === "reg" ? old.meta : undefined;
  const mode = meta === undefined || ignored.mod ? before?.mode ?? 0o600 : meta.mode;
  return {
    uid: idOf(ignored.uid ? undefined : meta?.uid) ?? before?.uid,
    gid: idOf(ignored.gid ? undefined : meta?.gid) ?? before?.gid,
    mode: mode & PERMISSION_BITS,
    mtime: meta?.mtime ?? now(),
    strict: meta !== undefined && !(ignored.uid && ignored.gid),
  };
}

function idOf(id: number | undefined): number | undefined {
  const value = id === undefined ? undefined : id >>> 0;
  return value === ID_UNCHANGED ? undefined : value;
}

/** What a file with so many bytes will be. */
export function dressedFile(
  { owner }: Makes,
  { uid = owner.uid, gid = owner.gid, mode, mtime }: Dress,
  size: number,
): Regular {
  return { kind: "reg", size, meta: { mode: TYPE_BITS.reg | mode, uid, gid, mtime } };
}

/** What the system makes of new files; what it takes from their modes is learned from the first one. */
export interface Makes {
  /** Of new objects; only a guess that saves a transaction when right. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Bits that a file did not get that should have had them: they are set afterwards from then on. */
  readonly masked: { bits: number };
}

/**
 * PERF: new files have our owner, as most should have, and their mode from the beginning; that saves two
 * calls. Where the system gives them another one (set-group-id directories, umask, access lists), it is
 * found out when they are looked at (`redress`); until then the wrong group must not be allowed more than
 * everybody is.
 */
function isGiven({ owner }: Makes, { uid = owner.uid, gid = owner.gid, mode }: Dress): boolean {
  const groupOnly = (mode >> 3) & ~mode & 0o7, setId = mode & 0o6000;
  return uid === owner.uid && gid === owner.gid && (groupOnly | setId) === 0;
}

/** The mode with which a file is made. */
export function firstMode(makes: Makes, wanted: Dress): number {
  const { mode } = wanted;
  return isGiven(makes, wanted) && (mode & (makes.masked.bits | 0o1000)) === 0 ? mode : 0o600;
}

/** @param made the mode with which it was made */
export function dress(makes: Makes, temp: TempFile, wanted: Dress, { made = 0o600 } = {}): void {
  const setsOwner = !isGiven(makes, wanted);
  if (setsOwner || made !== wanted.mode) dressUp(temp, wanted, { setsOwner });
  else temp.setTime(wanted.mtime);
}

/** Puts right what a look has shown. @returns whether it was necessary */
export function redress({ masked }: Makes, temp: TempFile, wanted: Dress, found: Present): boolean {
  const { meta } = found, { uid = meta.uid, gid = meta.gid, mode } = wanted;
  const isOwned = uid === meta.uid && gid === meta.gid, lost = mode & ~meta.mode;
  if (isOwned && mode === (meta.mode & PERMISSION_BITS)) return false;
  masked.bits |= lost & 0o777;
  dressUp(temp, wanted, { setsOwner: !isOwned });
  return true;
}

/** Owner first: changing it clears the set-id bits. */
function dressUp(
  temp: TempFile,
  { uid, gid, mode, mtime, strict }: Dress,
  { setsOwner }: { setsOwner: boolean },
): void {
  let isOwned = true;
  if (setsOwner) {
    try {
      temp.setOwner(uid, gid);
    } catch (error) {
      if (strict || !isSystemError(error)) throw error;
      isOwned = false;
    }
  }
  temp.setMode(isOwned ? mode : mode & 0o1777); // never set-id bits for somebody else
  temp.setTime(mtime);
}
