/**
 * The C library: the only file that opens it, and the only one that sees a pointer.
 *
 * Calls are grouped by when they are needed, since opening one costs 0.2 ms. Arguments that point to
 * memory are typed arrays owned by this folder. Every call blocks, so errno belongs to it; but for those
 * named "Aside", which run in another thread, take no memory and have no errno.
 */
import { CsyncError } from "../model/mod.ts";

const READING = {
  __errno_location: { parameters: [], result: "pointer" },
  close: { parameters: ["i32"], result: "i32" },
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  openat: { parameters: ["i32", "buffer", "i32", "u32"], result: "i32" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  readlinkat: { parameters: ["i32", "buffer", "buffer", "usize"], result: "i32" },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  /** Number of the call first. */
  openat2: {
    name: "syscall",
    parameters: ["usize", "i32", "buffer", "buffer", "usize"],
    result: "i32",
  },
} as const satisfies Deno.ForeignLibraryInterface;

const CHANGING = {
  copy_file_range: {
    parameters: ["i32", "buffer", "i32", "buffer", "usize", "u32"],
    result: "i32",
  },
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  fchmodat: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  /** Number of the call first. */
  fchmodat2: {
    name: "syscall",
    parameters: ["usize", "i32", "buffer", "u32", "i32"],
    result: "i32",
  },
  fchown: { parameters: ["i32", "u32", "u32"], result: "i32" },
  fchownat: { parameters: ["i32", "buffer", "u32", "u32", "i32"], result: "i32" },
  fdatasync: { parameters: ["i32"], result: "i32" },
  fsync: { parameters: ["i32"], result: "i32" },
  fsyncAside: { name: "fsync", parameters: ["i32"], result: "i32", nonblocking: true },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  futimens: { parameters: ["i32", "buffer"], result: "i32" },
  ioctlNumber: { name: "ioctl", parameters: ["i32", "usize", "i32"], result: "i32" },
  linkat: { parameters: ["i32", "buffer", "i32", "buffer", "i32"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  mkdirat: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  mknodat: { parameters: ["i32", "buffer", "u32", "u64"], result: "i32" },
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  renameat2: { parameters: ["i32", "buffer", "i32", "buffer", "u32"], result: "i32" },
  symlinkat: { parameters: ["buffer", "i32", "buffer"], result: "i32" },
  syncfs: { parameters: ["i32"], result: "i32" },
  syncfsAside: { name: "syncfs", parameters: ["i32"], result: "i32", nonblocking: true },
  unlinkat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  utimensat: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const RARE = {
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i64"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  fstatfs: { parameters: ["i32", "buffer"], result: "i32" },
  getcwd: { parameters: ["buffer", "usize"], result: "pointer" },
  gethostname: { parameters: ["buffer", "usize"], result: "i32" },
  ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
  mallopt: { parameters: ["i32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const LOGGING = {
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The calls of a table; 64-bit arguments are numbers below 2^53, which Deno takes as well as bigint. */
type Calls<T extends Deno.ForeignLibraryInterface> = {
  -readonly [K in keyof T]: Deno.DynamicLibrary<T>["symbols"][K] extends
    (...args: infer A extends unknown[]) => infer R ? (...args: Numbers<A>) => R
    : never;
};
type Numbers<A extends unknown[]> = { [I in keyof A]: A[I] extends bigint ? number : A[I] };

let readingCalls: Calls<typeof READING> | undefined;
let changingCalls: Calls<typeof CHANGING> | undefined;
let rareCalls: Calls<typeof RARE> | undefined;
let loggingCalls: Calls<typeof LOGGING> | undefined;
let errnoCell: Int32Array | undefined;

/** What every look at the disk needs. */
export function reading(): Calls<typeof READING> {
  return readingCalls ??= open(READING);
}

/** What changes the disk. */
export function changing(): Calls<typeof CHANGING> {
  return changingCalls ??= open(CHANGING);
}

/** What a program needs once. */
export function rare(): Calls<typeof RARE> {
  return rareCalls ??= open(RARE);
}

/** What `-l` needs. */
export function logging(): Calls<typeof LOGGING> {
  return loggingCalls ??= open(LOGGING);
}

/**
 * A view of this thread's errno. It may be read directly after a call that failed, and nowhere else.
 *
 * PERF: the address never changes within a thread, so reading it costs a load instead of a call.
 */
export function errnoView(): Int32Array {
  return errnoCell ??= viewErrno();
}

export function lastErrno(): number {
  return errnoView()[0]!;
}

function viewErrno(): Int32Array {
  const where = reading().__errno_location();
  if (where === null) throw new Error("Cannot find errno: the C library gave no address");
  return new Int32Array(Deno.UnsafePointerView.getArrayBuffer(where, 4));
}

function open<const T extends Deno.ForeignLibraryInterface>(table: T): Calls<T> {
  try {
    // A plain copy: tests replace single calls in it to make them fail (tests/support/fault.ts).
    const calls = { ...Deno.dlopen("libc.so.6", table).symbols } as unknown as Calls<T>;
    return calls;
  } catch (cause) {
    throw new CsyncError("os/libc", {
      message: `Cannot use the C library "libc.so.6" on ${Deno.build.os} ${Deno.build.arch}`,
      advice: "Linux with glibc 2.30 or newer is needed, and the permission --allow-ffi",
      cause,
    });
  }
}
