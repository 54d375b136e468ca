/** What the process was given by whoever started it: descriptors, host name, directory; file locks. */
import { fromBytes } from "../model/mod.ts";
import { readSome } from "./content.ts";
import { openAt } from "./directory.ts";
import { ERRNO, errorNamed, errorOf, failure } from "./errno.ts";
import { Fd } from "./fd.ts";
import {
  F_GETFD,
  F_SETFD,
  FD_CLOEXEC,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  O_RDONLY,
  SIGKILL,
  SIGTERM,
} from "./flags.ts";
import { lastErrno, rare } from "./libc.ts";
import { closeLookOf, entryOf } from "./stat.ts";

const RECORD_BYTES = 4_096;
const record = new Uint8Array(RECORD_BYTES);
const recordView = new DataView(record.buffer);
const lengthCell = new Uint32Array(1);
const COMMAND_LINE = "/proc/self/cmdline";
/** LIMIT: Linux takes 6 MiB of arguments and environment at most. */
const COMMAND_LINE_MAX_BYTES = 8_388_608;
const PIECE_BYTES = 65_536;
const AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10;

/** The system's name of this host, unchanged. @throws OsError */
export function hostName(): string {
  record.fill(0);
  if (rare().gethostname(record, RECORD_BYTES) < 0) throw failure("gethostname", "this host");
  return upToNul(record);
}

/** The real path of the current directory, as bytes. @throws OsError, `ENOENT` when it was removed */
export function currentDirectory(): string {
  if (rare().getcwd(record, RECORD_BYTES) === null) throw failure("getcwd", ".");
  const path = upToNul(record);
  // Linux says "(unreachable)/..." for a directory outside our root.
  if (!path.startsWith("/")) throw errorNamed("ENOENT", { call: "getcwd", path: "." });
  return path;
}

/** The words that the process was started with, each with a NUL behind it. @throws OsError */
export function commandLine(): Uint8Array {
  // Not by the runtime, which opens this one only for programs that may do everything.
  using file = openAt(COMMAND_LINE, { flags: O_RDONLY });
  const pieces: Uint8Array[] = [];
  for (let bytes = 0; bytes < COMMAND_LINE_MAX_BYTES;) {
    const piece = new Uint8Array(PIECE_BYTES);
    const n = readSome(file, piece, COMMAND_LINE);
    if (n === 0) return joined(pieces, bytes);
    pieces.push(piece.subarray(0, n));
    bytes += n;
  }
  throw errorNamed("E2BIG", { call: "read", path: COMMAND_LINE });
}

function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Who is at the other end of a socket. */
export type PeerAddress =
  /** `host` in numbers; an IPv4 address within IPv6 is given as IPv4. */
  | { readonly family: "inet" | "inet6"; readonly host: string; readonly port: number }
  | { readonly family: "unix" };

/** The other end of a connected socket; undefined for a descriptor that is none. @throws OsError */
export function peerAddress(fd: number): PeerAddress | undefined {
  lengthCell[0] = RECORD_BYTES;
  if (rare().getpeername(fd, record, lengthCell) < 0) {
    const errno = lastErrno();
    if (errno === ERRNO.ENOTSOCK || errno === ERRNO.ENOTCONN) return undefined;
    throw errorOf(errno, { call: "getpeername", path: `descriptor ${fd}` });
  }
  const family = recordView.getUint16(0, true);
  const port = recordView.getUint16(2, false);
  switch (family) {
    case AF_UNIX:
      return { family: "unix" };
    case AF_INET:
      return { family: "inet", host: record.subarray(4, 8).join("."), port };
    case AF_INET6:
      return inet6(port);
    default:
      throw errorNamed("EAFNOSUPPORT", { call: "getpeername", path: `descriptor ${fd}` });
  }
}

/** The struct sockaddr_in6 in `record`. */
function inet6(port: number): PeerAddress {
  const words = Array.from({ length: 8 }, (_, i) => recordView.getUint16(8 + 2 * i, false));
  const isMapped = words.slice(0, 5).every((w) => w === 0) && words[5] === 0xffff;
  if (isMapped) return { family: "inet", host: record.subarray(20, 24).join("."), port };
  const plain = words.map((w) => w.toString(16)).join(":");
  const host = new URL(`http://[${plain}]/`).hostname.slice(1, -1); // shortens zeros as usual
  const scope = recordView.getUint32(24, true);
  return { family: "inet6", host: scope === 0 ? host : `${host}%${scope}`, port };
}

/** What kind of thing a descriptor is: `sock`, `fifo` (a pipe), `reg`, `chr`, ... @throws OsError */
export function descriptorKind(
  fd: number,
): "reg" | "dir" | "lnk" | "chr" | "blk" | "fifo" | "sock" {
  const borrowed = new Fd(fd);
  try {
    return entryOf(borrowed, `descriptor ${fd}`).kind;
  } finally {
    borrowed.release();
  }
}

/** Whether two descriptors that we were given are open on one object. @throws OsError */
export function isSameObject(a: number, b: number): boolean {
  const [one, other] = [a, b].map((fd) => {
    const borrowed = new Fd(fd);
    try {
      return closeLookOf(borrowed, `descriptor ${fd}`).fingerprint;
    } finally {
      borrowed.release();
    }
  });
  return one!.dev === other!.dev && one!.ino === other!.ino;
}

/** Checks that a descriptor we were given by number is open. @throws OsError `EBADF` */
export function checkDescriptor(fd: number): void {
  if (rare().fcntl(fd, F_GETFD, 0) < 0) throw failure("fcntl", `descriptor ${fd}`);
}

/** Keeps a descriptor that we were given from the programs we start. @throws OsError */
export function closeOnExec(fd: number): void {
  const flags = rare().fcntl(fd, F_GETFD, 0);
  if (flags < 0 || rare().fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0) {
    throw failure("fcntl", `descriptor ${fd}`);
  }
}

/** flock(2) without waiting: false when somebody else has it. Released by unlock or closing. */
export function tryLock(fd: Fd, path: string, { shared = false } = {}): boolean {
  while (rare().flock(fd.number, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0) {
    const errno = lastErrno();
    if (errno === ERRNO.EAGAIN) return false;
    if (errno !== ERRNO.EINTR) throw errorOf(errno, { call: "flock", path });
  }
  return true;
}

/** Gives back what tryLock got. @throws OsError */
export function unlock(fd: Fd, path: string): void {
  if (rare().flock(fd.number, LOCK_UN) < 0) throw failure("flock", path);
}

/**
 * Sends a signal to a process that we started as a leader of its own, and to all that it started. The
 * runtime's own call is only for programs that may run everything.
 *
 * @returns false when all of them have ended
 */
export function signalGroup(leader: number, signal: "SIGTERM" | "SIGKILL"): boolean {
  if (!(leader > 1)) throw new RangeError(`Cannot signal a group: ${leader} leads none of ours`);
  if (rare().kill(-leader, signal === "SIGTERM" ? SIGTERM : SIGKILL) === 0) return true;
  const errno = lastErrno();
  if (errno === ERRNO.ESRCH) return false;
  throw errorOf(errno, { call: "kill", path: `process group ${leader}` });
}

function upToNul(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return fromBytes(end < 0 ? bytes : bytes.subarray(0, end));
}
