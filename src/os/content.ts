/** Bytes of open files. */
import { ERRNO, errorOf, failure } from "./errno.ts";
import type { Fd } from "./fd.ts";
import { FALLOC_PUNCH_HOLE, FICLONE, SEEK_CUR, SEEK_DATA, SEEK_HOLE, SEEK_SET } from "./flags.ts";
import { changing, lastErrno, rare, reading } from "./libc.ts";

/** LIMIT: one call of Linux moves at most this much; results fit an int. */
const CALL_MAX_BYTES = 0x4000_0000;

/** pread(2): fills `into` from `offset` as far as the file goes; 0 at its end. @throws OsError */
export function readAt(
  fd: Fd,
  into: Uint8Array,
  { offset, path }: { offset: number; path: string },
): number {
  let done = 0;
  while (done < into.length) {
    const rest = done === 0 ? into : into.subarray(done);
    const size = Math.min(rest.length, CALL_MAX_BYTES);
    const n = reading().pread(fd.number, rest as Uint8Array<ArrayBuffer>, size, offset + done);
    if (n === 0) break;
    if (n > 0) {
      done += n;
      continue;
    }
    const errno = lastErrno();
    if (errno === ERRNO.EINTR) continue;
    throw errorOf(errno, { call: "pread", path });
  }
  return done;
}

/** write(2) until all is written. @throws OsError `ENOSPC`, `EPIPE`, ... */
export function writeAll(fd: Fd | number, bytes: Uint8Array, path: string): void {
  const number = typeof fd === "number" ? fd : fd.number;
  for (let done = 0; done < bytes.length;) {
    const rest = done === 0 ? bytes : bytes.subarray(done);
    const size = Math.min(rest.length, CALL_MAX_BYTES);
    const n = changing().write(number, rest as Uint8Array<ArrayBuffer>, size);
    if (n >= 0) {
      done += n;
      continue;
    }
    const errno = lastErrno();
    if (errno === ERRNO.EINTR) continue;
    throw errorOf(errno, { call: "write", path });
  }
}

/** ftruncate(2). @throws OsError */
export function truncate(fd: Fd, sizeBytes: number, path: string): void {
  if (changing().ftruncate(fd.number, sizeBytes) < 0) throw failure("ftruncate", path);
}

/** A piece of one file that is to be appended to another. */
export interface CopyRange {
  readonly from: Fd;
  readonly offset: number;
  readonly lengthBytes: number;
  /** Of the file that is written. */
  readonly path: string;
}

/** Failures that mean: these two files cannot be copied within the kernel. */
const CANNOT_COPY: ReadonlySet<number> = new Set([
  ERRNO.EXDEV,
  ERRNO.EINVAL,
  ERRNO.ENOSYS,
  ERRNO.EOPNOTSUPP,
  ERRNO.EPERM,
  ERRNO.EBADF,
]);
const offsetCell = new BigInt64Array(1);

/**
 * copy_file_range(2) to the current position of `to`; shares blocks where the file system can.
 *
 * @returns bytes copied: less than asked for at the end of the source, or where the kernel cannot do
 * it; the caller copies the rest by reading and writing
 * @throws OsError `ENOSPC`, `EIO`, ...
 */
export function copyRange(to: Fd, { from, offset, lengthBytes, path }: CopyRange): number {
  let done = 0;
  while (done < lengthBytes) {
    offsetCell[0] = BigInt(offset + done);
    const size = Math.min(lengthBytes - done, CALL_MAX_BYTES);
    const n = changing().copy_file_range(from.number, offsetCell, to.number, null, size, 0);
    if (n === 0) break;
    if (n > 0) {
      done += n;
      continue;
    }
    const errno = lastErrno();
    if (CANNOT_COPY.has(errno)) break;
    if (errno !== ERRNO.EINTR) throw errorOf(errno, { call: "copy_file_range", path });
  }
  return done;
}

/**
 * FICLONE: makes an empty file share all blocks of another one.
 * @returns false where the kernel cannot do it; the caller copies then. @throws OsError
 */
export function cloneAll(to: Fd, from: Fd, path: string): boolean {
  while (changing().ioctlNumber(to.number, FICLONE, from.number) < 0) {
    const errno = lastErrno();
    if (CANNOT_COPY.has(errno) || errno === ERRNO.ENOTTY) return false;
    if (errno !== ERRNO.EINTR) throw errorOf(errno, { call: "ioctl", path });
  }
  return true;
}

/** lseek(2): the next bytes are written so much further; what is left out is a hole. @throws OsError */
export function skip(fd: Fd, bytes: number, path: string): void {
  if (changing().lseek(fd.number, bytes, SEEK_CUR) < 0) throw failure("lseek", path);
}

/**
 * fallocate(2): a piece of a file becomes a hole; its length stays.
 * @returns false where the kernel cannot do it. @throws OsError
 */
export function punchHole(
  fd: Fd,
  { offset, bytes }: { offset: number; bytes: number },
  path: string,
): boolean {
  while (changing().fallocate(fd.number, FALLOC_PUNCH_HOLE, offset, bytes) < 0) {
    const errno = lastErrno();
    if (CANNOT_COPY.has(errno)) return false;
    if (errno !== ERRNO.EINTR) throw errorOf(errno, { call: "fallocate", path });
  }
  return true;
}

/** lseek(2): the next bytes are written at the beginning. @throws OsError */
export function seekStart(fd: Fd, path: string): void {
  if (changing().lseek(fd.number, 0, SEEK_SET) < 0) throw failure("lseek", path);
}

/**
 * Where the next data of a file begin, at `offset` or behind a hole there, and where they end.
 * Undefined: there are none, it is a hole up to its end. The position of `fd` changes. @throws OsError
 */
export function nextData(
  fd: Fd,
  offset: number,
  path: string,
): { readonly start: number; readonly end: number } | undefined {
  const start = Number(changing().lseek(fd.number, offset, SEEK_DATA));
  if (start < 0) {
    if (lastErrno() === ERRNO.ENXIO) return undefined;
    throw failure("lseek", path);
  }
  const end = Number(changing().lseek(fd.number, start, SEEK_HOLE));
  if (end < 0) throw failure("lseek", path);
  return { start, end };
}

/** read(2) from the current position, for descriptors without one. 0 at the end. @throws OsError */
export function readSome(fd: Fd | number, into: Uint8Array, path: string): number {
  const number = typeof fd === "number" ? fd : fd.number;
  while (true) {
    const size = Math.min(into.length, CALL_MAX_BYTES);
    const n = rare().read(number, into as Uint8Array<ArrayBuffer>, size);
    if (n >= 0) return n;
    const errno = lastErrno();
    if (errno !== ERRNO.EINTR) throw errorOf(errno, { call: "read", path });
  }
}
