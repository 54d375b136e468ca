/** Directories by (descriptor, component): opening, listing, and changing their entries. */
import { Buffer } from "node:buffer";
import { cstring, secondCstring } from "./cstring.ts";
import { ERRNO, errorOf, failure } from "./errno.ts";
import { Fd } from "./fd.ts";
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  DT_DIR,
  DT_UNKNOWN,
  O_CLOEXEC,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  SYS_OPENAT2,
} from "./flags.ts";
import { changing, lastErrno, reading } from "./libc.ts";
import type { OsError } from "./errno.ts";

/** What a directory says about an entry without looking at it. */
export type ListedKind = "dir" | "other" | "unknown";

type Visit = (name: string, kind: ListedKind) => void | boolean;

/** open(2). `path` is absolute, or relative to `dir`; links are followed unless a flag forbids it. */
export interface OpenOptions {
  readonly dir?: Fd;
  /** O_CLOEXEC is always added. */
  readonly flags: number;
  /** Permissions of a new file. @default {0} */
  readonly mode?: number;
}

/** openat(2). @throws OsError */
export function openAt(path: string, { dir, flags, mode = 0 }: OpenOptions): Fd {
  const at = dir === undefined ? AT_FDCWD : dir.number;
  while (true) {
    const n = reading().openat(at, cstring(path, "openat"), flags | O_CLOEXEC, mode);
    if (n >= 0) return new Fd(n);
    const errno = lastErrno();
    if (errno !== ERRNO.EINTR) throw errorOf(errno, { call: "openat", path });
  }
}

const how = new BigUint64Array(3);
const howBytes = new Uint8Array(how.buffer);

/** openat2(2), relative to `dir`, restricted by `resolve`. @throws OsError `ENOSYS` on old kernels */
export function openAt2(
  path: string,
  { dir, flags, mode = 0, resolve }: OpenOptions & { readonly dir: Fd; readonly resolve: number },
): Fd {
  how[0] = BigInt(flags | O_CLOEXEC);
  how[1] = BigInt(mode);
  how[2] = BigInt(resolve);
  while (true) {
    const n = reading().openat2(
      SYS_OPENAT2,
      dir.number,
      cstring(path, "openat2"),
      howBytes,
      howBytes.length,
    );
    if (n >= 0) return new Fd(n);
    const errno = lastErrno();
    if (errno !== ERRNO.EINTR) throw errorOf(errno, { call: "openat2", path });
  }
}

const RECORDS_BYTES = 65_536;
const records = new Uint8Array(RECORDS_BYTES);
/** Buffer has the decoder we need, but its types do not say so: one code unit per byte, all 256. */
const recordsAsBuffer = Buffer.from(records.buffer) as unknown as {
  latin1Slice(from: number, to: number): string;
};
/** struct linux_dirent64: where the record's length, the type and the name begin. */
const LENGTH_AT = 16, TYPE_AT = 18, NAME_AT = 19;

/**
 * Calls `visit` for every entry but `.` and `..`, in the order of the file system, until it says false.
 *
 * PERF: one decoding per 64 KiB of records; names are slices of it. 128,000 names take 40 ms.
 *
 * @returns the error that ended the listing early; what was visited before is valid. A directory
 * that was removed while open is empty, not an error.
 */
export function list(dir: Fd, visit: Visit): OsError | undefined {
  while (true) {
    const filled = reading().getdents64(dir.number, records, RECORDS_BYTES);
    if (filled < 0) {
      const errno = lastErrno();
      if (errno === ERRNO.EINTR) continue;
      if (errno === ERRNO.ENOENT) return undefined;
      return errorOf(errno, { call: "getdents64", path: "." });
    }
    if (filled === 0) return undefined;
    if (!visitRecords(recordsAsBuffer.latin1Slice(0, filled), visit)) return undefined;
  }
}

/** @returns whether it goes on */
function visitRecords(text: string, visit: Visit): boolean {
  for (let at = 0; at < text.length;) {
    const length = text.charCodeAt(at + LENGTH_AT) | text.charCodeAt(at + LENGTH_AT + 1) << 8;
    const type = text.charCodeAt(at + TYPE_AT);
    let end = at + NAME_AT;
    while (text.charCodeAt(end) !== 0) end++;
    const name = text.substring(at + NAME_AT, end);
    at += length;
    if (name === "." || name === "..") continue;
    const kind = type === DT_DIR ? "dir" : type === DT_UNKNOWN ? "unknown" : "other";
    if (visit(name, kind) === false) return false;
  }
  return true;
}

/** mkdirat(2); the umask cuts `mode`. @throws OsError */
export function makeDirectory(dir: Fd, name: string, mode: number): void {
  const done = changing().mkdirat(dir.number, cstring(name, "mkdirat"), mode);
  if (done < 0) throw failure("mkdirat", name);
}

/** mknodat(2); `mode` has the type bits, and the umask cuts it. @throws OsError */
export function makeNode(dir: Fd, name: string, node: { mode: number; rdev: number }): void {
  const done = changing().mknodat(dir.number, cstring(name, "mknodat"), node.mode, node.rdev);
  if (done < 0) throw failure("mknodat", name);
}

/** symlinkat(2). @throws OsError */
export function makeSymlink(dir: Fd, name: string, target: string): void {
  const done = changing().symlinkat(
    secondCstring(target, "symlinkat"),
    dir.number,
    cstring(name, "symlinkat"),
  );
  if (done < 0) throw failure("symlinkat", name);
}

/** One name in a directory. */
export interface Place {
  readonly dir: Fd;
  readonly name: string;
}

/** linkat(2): a second name for the object itself, also for a link. @throws OsError */
export function makeLink(from: Place, to: Place): void {
  const done = changing().linkat(
    from.dir.number,
    cstring(from.name, "linkat"),
    to.dir.number,
    secondCstring(to.name, "linkat"),
    0,
  );
  if (done < 0) throw failure("linkat", to.name);
}

const RENAME_FLAGS = { replace: 0, new: RENAME_NOREPLACE, exchange: RENAME_EXCHANGE } as const;

/** renameat2(2). @throws OsError, `EINVAL` or `ENOSYS` when the file system has no such mode */
export function rename(from: Place, to: Place, mode: keyof typeof RENAME_FLAGS): void {
  const done = changing().renameat2(
    from.dir.number,
    cstring(from.name, "renameat2"),
    to.dir.number,
    secondCstring(to.name, "renameat2"),
    RENAME_FLAGS[mode],
  );
  if (done < 0) throw failure("renameat2", to.name);
}

/** unlinkat(2) of anything but a directory. @throws OsError */
export function unlink(dir: Fd, name: string): void {
  if (changing().unlinkat(dir.number, cstring(name, "unlinkat"), 0) < 0) {
    throw failure("unlinkat", name);
  }
}

/** unlinkat(2) of an empty directory. @throws OsError */
export function removeDirectory(dir: Fd, name: string): void {
  if (changing().unlinkat(dir.number, cstring(name, "unlinkat"), AT_REMOVEDIR) < 0) {
    throw failure("unlinkat", name);
  }
}
