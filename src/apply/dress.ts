/** Owner, permissions and time that a new file gets. */
import {
  type Entry,
  type Meta,
  PERMISSION_BITS,
  type Present,
  type Regular,
  TYPE_BITS,
} from "../model/mod.ts";
import type { TempFile } from "../fs/mod.ts";
import { isSystemError } from "./target.ts";
import type { Workshop } from "./workshop.ts";

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
  { ignored, now }: Pick<Workshop, "ignored" | "now">,
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
  { owner }: Pick<Workshop, "owner">,
  { uid = owner.uid, gid = owner.gid, mode, mtime }: Dress,
  size: number,
): Regular {
  return { kind: "reg", size, meta: { mode: TYPE_BITS.reg | mode, uid, gid, mtime } };
}

/**
 * PERF: new files have our owner, as most should have; that saves a call. Where the system gives them
 * another one (set-group-id directories), it is found out when they are looked at (`redress`); until then
 * the wrong group must not be allowed more than everybody is.
 */
export function dress(
  { owner }: Pick<Workshop, "owner">,
  temp: TempFile,
  wanted: Dress,
): void {
  const { uid = owner.uid, gid = owner.gid, mode } = wanted;
  const groupOnly = (mode >> 3) & ~mode & 0o7, setId = mode & 0o6000;
  const isOurs = uid === owner.uid && gid === owner.gid;
  dressUp(temp, wanted, !isOurs || (groupOnly | setId) !== 0);
}

/** Puts right what a look has shown. @returns whether it was necessary */
export function redress(temp: TempFile, wanted: Dress, { meta }: Present): boolean {
  const { uid = meta.uid, gid = meta.gid } = wanted;
  if (uid === meta.uid && gid === meta.gid) return false;
  dressUp(temp, wanted, true);
  return true;
}

/** Owner first: changing it clears the set-id bits. */
function dressUp(
  temp: TempFile,
  { uid, gid, mode, mtime, strict }: Dress,
  setsOwner: boolean,
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
