/** statx and readlink -> Entry and Fingerprint. */
import {
  ABSENT,
  type Absent,
  type Entry,
  type Fingerprint,
  fromBytes,
  type Nanos,
  NOT_A_DIRECTORY,
  type Present,
} from "../model/mod.ts";
import { cstring, EMPTY } from "./cstring.ts";
import { ERRNO, errorNamed, errorOf, failure, type OsError } from "./errno.ts";
import type { Fd } from "./fd.ts";
import { AT_EMPTY_PATH, AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW } from "./flags.ts";
import { lastErrno, reading } from "./libc.ts";

/** An entry, and how to recognise the state it was seen in. */
export interface CloseLook {
  readonly entry: Entry;
  /** Missing when the entry is absent. */
  readonly fingerprint?: Fingerprint;
}

const STATX_BASIC_STATS = 0x7ff;
/** A link that changes between stat and readlink is looked at again, this often. */
const LINK_TRIES = 16;

// PERF: one struct statx for all calls, read through views: no allocation but the result itself.
const stat = new Uint8Array(256);
const u16 = new Uint16Array(stat.buffer);
const u32 = new Uint32Array(stat.buffer);
const i32 = new Int32Array(stat.buffer);
const i64 = new BigInt64Array(stat.buffer);
const u64 = new BigUint64Array(stat.buffer);
/** LIMIT: Linux links have at most 4095 bytes; a full buffer is an error, never a cut target. */
const target = new Uint8Array(65_536);

const KINDS: Readonly<Record<number, Present["kind"]>> = {
  0o010000: "fifo",
  0o020000: "chr",
  0o040000: "dir",
  0o060000: "blk",
  0o100000: "reg",
  0o120000: "lnk",
  0o140000: "sock",
};

/**
 * The object `name` in `dir` itself; a name that leads through a file is Absent with `ENOTDIR`.
 * @throws OsError for everything but ENOENT and ENOTDIR
 */
export function entryAt(dir: Fd, name: string): Entry {
  for (let tries = LINK_TRIES;; tries--) {
    const absent = statAt(dir, name);
    if (absent !== undefined) return absent;
    const entry = decode(dir, name);
    if (entry !== undefined) return entry;
    if (tries === 0) throw errorNamed("EAGAIN", { call: "readlinkat", path: name });
  }
}

/** As entryAt(), with the fingerprint. @throws OsError */
export function closeLookAt(dir: Fd, name: string): CloseLook {
  for (let tries = LINK_TRIES;; tries--) {
    const absent = statAt(dir, name);
    if (absent !== undefined) return { entry: absent };
    const fingerprint = decodeFingerprint();
    const entry = decode(dir, name);
    if (entry !== undefined) return { entry, fingerprint };
    if (tries === 0) throw errorNamed("EAGAIN", { call: "readlinkat", path: name });
  }
}

/** The open object itself, also of a link opened as a path. @throws OsError */
export function entryOf(fd: Fd, path: string): Present {
  statOf(fd, path);
  const entry = decode(fd, "");
  if (entry === undefined) throw errorNamed("EINVAL", { call: "readlinkat", path });
  return entry;
}

/** As entryOf(), with the fingerprint. @throws OsError */
export function closeLookOf(
  fd: Fd,
  path: string,
): { readonly entry: Present; readonly fingerprint: Fingerprint } {
  statOf(fd, path);
  const fingerprint = decodeFingerprint();
  const entry = decode(fd, "");
  if (entry === undefined) throw errorNamed("EINVAL", { call: "readlinkat", path });
  return { entry, fingerprint };
}

/** Whether the open object is still in the state of `fingerprint`, which was taken of it. @throws OsError */
export function isStill(
  fd: Fd,
  { ino, size, mtime, ctime }: Fingerprint,
  path: string,
): boolean {
  statOf(fd, path);
  return size === sizeNow() && ino === u64[4] && mtime === timeAt(14) && ctime === timeAt(12);
}

/** How many names the open object has. @throws OsError */
export function linksOf(fd: Fd, path: string): number {
  statOf(fd, path);
  return u32[4]!;
}

/** The text in the link `name` in `dir`; undefined when there is no link. @throws OsError */
export function readLink(dir: Fd, name: string): string | undefined {
  const n = reading().readlinkat(
    dir.number,
    name === "" ? EMPTY : cstring(name, "readlinkat"),
    target,
    target.length,
  );
  if (n < 0) {
    const errno = lastErrno();
    if (errno === ERRNO.EINVAL || errno === ERRNO.ENOENT || errno === ERRNO.ENOTDIR) {
      return undefined;
    }
    throw errorOf(errno, { call: "readlinkat", path: name });
  }
  if (n === target.length) throw errorNamed("ENAMETOOLONG", { call: "readlinkat", path: name });
  return fromBytes(target.subarray(0, n));
}

/** Fills `stat`; tells when there is nothing. */
function statAt(dir: Fd, name: string): Absent | undefined {
  const done = reading().statx(
    dir.number,
    cstring(name, "statx"),
    AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
    STATX_BASIC_STATS,
    stat,
  );
  if (done === 0) return undefined;
  const errno = lastErrno();
  if (errno === ERRNO.ENOENT) return ABSENT;
  if (errno === ERRNO.ENOTDIR) return NOT_A_DIRECTORY;
  throw errorOf(errno, { call: "statx", path: name });
}

function statOf(fd: Fd, path: string): void {
  const done = reading().statx(fd.number, EMPTY, AT_EMPTY_PATH, STATX_BASIC_STATS, stat);
  if (done !== 0) throw failure("statx", path);
}

/** `stat` as an entry; undefined when it is of a link that is no link any more. */
function decode(dir: Fd, name: string): Present | undefined {
  const mode = u16[14]!;
  const meta = { mode, uid: u32[5]!, gid: u32[6]!, mtime: timeAt(14) };
  const kind = KINDS[mode & 0o170000];
  switch (kind) {
    case "reg":
      return { kind, meta, size: sizeNow() };
    case "dir":
    case "fifo":
    case "sock":
      return { kind, meta };
    case "lnk": {
      const text = readLink(dir, name);
      return text === undefined ? undefined : { kind, meta, target: text };
    }
    case "chr":
    case "blk":
      return { kind, meta, rdev: Number(BigInt.asUintN(32, deviceAt(32))) };
    default:
      throw unknownKind(name);
  }
}

function unknownKind(path: string): OsError {
  return errorNamed("EINVAL", { call: "tell the type of", path });
}

function decodeFingerprint(): Fingerprint {
  return {
    dev: deviceAt(34),
    ino: u64[4]!,
    size: sizeNow(),
    mtime: timeAt(14),
    ctime: timeAt(12),
  };
}

function sizeNow(): number {
  return u32[11]! * 0x1_0000_0000 + u32[10]!;
}

/** The struct statx_timestamp that begins at the 64-bit word `word`. */
function timeAt(word: number): Nanos {
  const high = i32[word * 2 + 1]!;
  if (high < -2 || high > 1) { // beyond the years 1697 to 2242: may need more than 64 bits
    return i64[word]! * 1_000_000_000n + BigInt(u32[word * 2 + 2]!) as Nanos;
  }
  // PERF: asIntN lets the compiler stay in machine words.
  return BigInt.asIntN(64, i64[word]! * 1_000_000_000n + BigInt(u32[word * 2 + 2]!)) as Nanos;
}

/** The last number that was made. */
let device = { major: -1, minor: -1, number: 0n };

/** Major and minor at the 32-bit word `word` -> dev_t as glibc's makedev has it. */
function deviceAt(word: number): bigint {
  // PERF: neighbours are on one device, and a dozen big integers are not for nothing.
  const major = u32[word]!, minor = u32[word + 1]!;
  if (device.major !== major || device.minor !== minor) {
    device = { major, minor, number: deviceOf(BigInt(major), BigInt(minor)) };
  }
  return device.number;
}

function deviceOf(major: bigint, minor: bigint): bigint {
  return ((major & 0xfffff000n) << 32n) | ((major & 0xfffn) << 8n) |
    ((minor & 0xffffff00n) << 12n) | (minor & 0xffn);
}
