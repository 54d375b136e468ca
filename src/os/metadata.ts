/** Owner, permissions and times, without following links; durability. */
import { type Nanos, subsecond, toSeconds } from "../model/mod.ts";
import { cstring, EMPTY } from "./cstring.ts";
import { ERRNO, errorNamed, errorOf, failure } from "./errno.ts";
import type { Fd } from "./fd.ts";
import { AT_EMPTY_PATH, AT_FDCWD, SYS_FACCESSAT2, SYS_FCHMODAT2 } from "./flags.ts";
import { changing, lastErrno, rare } from "./libc.ts";
import { entryOf } from "./stat.ts";

/** The uid or gid that chown leaves alone. */
const UNCHANGED = 0xffff_ffff;

/** `undefined` leaves that part alone. */
export interface Owner {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/**
 * fchownat(2) of the object that a descriptor holds, a path descriptor or a link's too: whatever its name
 * leads to by now, nothing else is changed. @throws OsError
 */
export function setOwnerHeld(held: Fd, { uid, gid }: Owner, path: string): void {
  const done = changing().fchownat(
    held.number,
    EMPTY,
    uid ?? UNCHANGED,
    gid ?? UNCHANGED,
    AT_EMPTY_PATH,
  );
  if (done < 0) throw failure("fchownat", path);
}

/** fchown(2). @throws OsError */
export function setOwnerOf(fd: Fd, { uid, gid }: Owner, path: string): void {
  if (changing().fchown(fd.number, uid ?? UNCHANGED, gid ?? UNCHANGED) < 0) {
    throw failure("fchown", path);
  }
}

/** fchmod(2). @throws OsError */
export function setModeOf(fd: Fd, mode: number, path: string): void {
  if (changing().fchmod(fd.number, mode) < 0) throw failure("fchmod", path);
}

let hasFchmodat2: boolean | undefined;

/** chmod of the object that a descriptor holds. @throws OsError, `EOPNOTSUPP` for a link */
export function setModeHeld(held: Fd, mode: number, path: string): void {
  hasFchmodat2 ??= probeFchmodat2();
  if (!hasFchmodat2) return setModeByProc(held, mode, path);
  const done = changing().fchmodat2(SYS_FCHMODAT2, held.number, EMPTY, mode, AT_EMPTY_PATH);
  if (done < 0) throw failure("fchmodat2", path);
}

/** Kernels before 6.6 lack the call, and sandboxes forbid it; a bad descriptor tells. */
function probeFchmodat2(): boolean {
  const done = changing().fchmodat2(SYS_FCHMODAT2, -1, cstring("x", "fchmodat2"), 0, 0);
  return done < 0 && lastErrno() === ERRNO.EBADF;
}

/** The same for older kernels: the kernel's own link in /proc leads to exactly the held object. */
export function setModeByProc(held: Fd, mode: number, path: string): void {
  if (entryOf(held, path).kind === "lnk") {
    throw errorNamed("EOPNOTSUPP", { call: "fchmodat", path });
  }
  if (changing().fchmodat(AT_FDCWD, procPath(held, "fchmodat"), mode, 0) < 0) {
    throw failure("fchmodat", path);
  }
}

function procPath(held: Fd, call: string): Uint8Array<ArrayBuffer> {
  return cstring(`/proc/self/fd/${held.number}`, call);
}

const times = new BigInt64Array(4);
const timesBytes = new Uint8Array(times.buffer);

/** Two struct timespec, both of this time. */
function timespecs(mtime: Nanos): Uint8Array<ArrayBuffer> {
  const seconds = toSeconds(mtime);
  const rest = BigInt(subsecond(mtime));
  times.set([seconds, rest, seconds, rest]);
  return timesBytes;
}

/** utimensat(2) of the object that a descriptor holds, access time included. @throws OsError */
export function setTimeHeld(held: Fd, mtime: Nanos, path: string): void {
  if (changing().utimensat(held.number, EMPTY, timespecs(mtime), AT_EMPTY_PATH) === 0) return;
  if (lastErrno() !== ERRNO.EINVAL) throw failure("utimensat", path);
  setTimeByProc(held, mtime, path);
}

/** The same for kernels before 5.8. */
export function setTimeByProc(held: Fd, mtime: Nanos, path: string): void {
  if (changing().utimensat(AT_FDCWD, procPath(held, "utimensat"), timespecs(mtime), 0) < 0) {
    throw failure("utimensat", path);
  }
}

/** futimens(3), access time included. @throws OsError */
export function setTimeOf(fd: Fd, mtime: Nanos, path: string): void {
  if (changing().futimens(fd.number, timespecs(mtime)) < 0) throw failure("futimens", path);
}

/** fsync(2) of a file or an open directory. @throws OsError */
export function sync(fd: Fd, path: string): void {
  while (changing().fsync(fd.number) < 0) {
    const errno = lastErrno();
    if (errno === ERRNO.EINVAL || errno === ERRNO.EOPNOTSUPP) return; // nothing to make durable
    if (errno !== ERRNO.EINTR) throw errorOf(errno, { call: "fsync", path });
  }
}

/** syncfs(2): everything on the file system of `fd`. @throws OsError */
export function syncFileSystem(fd: Fd, path: string): void {
  if (changing().syncfs(fd.number) < 0) throw failure("syncfs", path);
}

/**
 * As sync(), in another thread: a disk may take long, and nobody else has to wait for it. The descriptor
 * must stay open until then. @throws OsError
 */
export async function syncAside(fd: Fd, path: string): Promise<void> {
  if (await changing().fsyncAside(fd.number) === 0) return;
  // Its errno stayed in the other thread. Failures that last are told again; one of the disk is told once
  // per descriptor, so success now means nothing.
  let isSyncable = true;
  if (changing().fsync(fd.number) < 0) {
    const errno = lastErrno();
    isSyncable = errno !== ERRNO.EINVAL && errno !== ERRNO.EOPNOTSUPP;
    if (isSyncable && errno !== ERRNO.EINTR) throw errorOf(errno, { call: "fsync", path });
  }
  if (isSyncable) throw errorNamed("EIO", { call: "fsync", path });
}

/**
 * syncfs(2) in another thread, for descriptors that were opened before everything that is to be durable
 * was written. The descriptor must stay open until then.
 *
 * @returns false when anything on the file system may not be durable, for whatever reason: ask for each
 */
export async function syncFileSystemAside(fd: Fd): Promise<boolean> {
  tellsErrors ??= probeErrors();
  return tellsErrors && await changing().syncfsAside(fd.number) === 0;
}

let tellsErrors: boolean | undefined;

/** Kernels before 5.8 say that all is well whatever the disk said; they lack faccessat2 too. */
function probeErrors(): boolean {
  const done = changing().fchmodat2(SYS_FACCESSAT2, -1, cstring("x", "faccessat2"), 0, 0);
  return done < 0 && lastErrno() === ERRNO.EBADF;
}

const statfs = new BigInt64Array(16);

/** What is known of a file system. */
export interface DiskRoom {
  /** For an unprivileged program, bytes. */
  readonly free: number;
  /** Bytes; zero when it does not say. */
  readonly total: number;
  /**
   * What makes its files durable. `nothing`: it is in memory. `together`: syncfs does it for all at once
   * and is known to mean it. `each`: every file and directory by itself.
   */
  readonly durableBy: "nothing" | "together" | "each";
}

/** By f_type. On others syncfs may leave out the server or the layer below (FUSE, overlay). */
const DURABLE_BY: ReadonlyMap<bigint, DiskRoom["durableBy"]> = new Map([
  [0x0102_1994n, "nothing"], // tmpfs
  [0x8584_58f6n, "nothing"], // ramfs
  [0xef53n, "together"], // ext2, ext3, ext4
  [0x5846_5342n, "together"], // xfs
  [0x9123_683en, "together"], // btrfs
  [0xf2f5_2010n, "together"], // f2fs
]);

/** fstatfs(2); a path descriptor is enough. @throws OsError */
export function diskRoom(fd: Fd, path: string): DiskRoom {
  if (rare().fstatfs(fd.number, statfs) < 0) throw failure("fstatfs", path);
  const block = statfs[1]!; // f_type, f_bsize, f_blocks, f_bavail
  return {
    free: Number(block * statfs[4]!),
    total: Number(block * statfs[2]!),
    durableBy: DURABLE_BY.get(BigInt.asUintN(32, statfs[0]!)) ?? "each",
  };
}
