/**
 * The order of the system calls that count for durability, on a disk of one's choice. Like fault.ts it
 * replaces functions in the tables of os/libc.ts and puts them back.
 */
import { ERRNO } from "../../src/os/mod.ts";
import { changing, errnoView, rare, reading } from "../../src/os/libc.ts";

/** What fstatfs says: one that syncfs is trusted on, one that it is not, one in memory. */
export type Disk = "ext4" | "other" | "tmpfs";

const MAGIC: Readonly<Record<Disk, bigint>> = {
  ext4: 0xef53n,
  other: 0x6969n, // nfs
  tmpfs: 0x0102_1994n,
};

export interface TraceOptions {
  readonly disk: Disk;
  /**
   * Gets a line per call when it has returned: `open NAME`, `write NAME`, `rename NEWNAME`, and
   * `fsync NAME`, `fsyncAside NAME`, `syncfsAside` where they succeed.
   */
  readonly log: string[];
  /** Syncs that are to fail with EIO, by call and name. */
  readonly fails?: (call: string, name: string) => boolean;
}

type AnyCall = (...args: unknown[]) => unknown;

/** Runs `work` and tells its calls. */
export async function tracing<T>(
  { disk, log, fails = () => false }: TraceOptions,
  work: () => Promise<T>,
): Promise<T> {
  const names = new Map<unknown, string>();
  const opened = (call: AnyCall, nameAt: number): AnyCall => (...args) => {
    const name = text(args[nameAt]), fd = call(...args);
    if (typeof fd === "number" && fd >= 0) {
      names.set(fd, name);
      log.push(`open ${name}`);
    }
    return fd;
  };
  const synced = (call: AnyCall, verb: string): AnyCall => (fd) => {
    const name = verb === "syncfsAside" ? "" : ` ${names.get(fd)}`;
    const tell = (result: unknown) => {
      if (result === 0) log.push(`${verb}${name}`);
      return result;
    };
    if (fails(verb, name.slice(1))) {
      errnoView()[0] = ERRNO.EIO;
      return verb.endsWith("Aside") ? Promise.resolve(-1) : -1;
    }
    const result = call(fd);
    return result instanceof Promise ? result.then(tell) : tell(result);
  };
  errnoView();
  const restore = [
    replace(reading(), { openat: (call) => opened(call, 1), openat2: (call) => opened(call, 2) }),
    replace(rare(), {
      fstatfs: (call) => (fd, into) => {
        const result = call(fd, into);
        if (result === 0) (into as BigInt64Array)[0] = MAGIC[disk];
        return result;
      },
    }),
    replace(changing(), {
      write: (call) => (fd, ...rest) => {
        log.push(`write ${names.get(fd)}`);
        return call(fd, ...rest);
      },
      renameat2: (call) => (...args) => {
        const name = text(args[3]), result = call(...args);
        if (result === 0) log.push(`rename ${name}`);
        return result;
      },
      fsync: (call) => synced(call, "fsync"),
      fsyncAside: (call) => synced(call, "fsyncAside"),
      syncfsAside: (call) => synced(call, "syncfsAside"),
    }),
  ];
  try {
    return await work();
  } finally {
    for (const put of restore) put();
  }
}

/** @returns puts back what was there */
function replace(
  table: object,
  wrap: Readonly<Record<string, (call: AnyCall) => AnyCall>>,
): () => void {
  const calls = table as Record<string, AnyCall>;
  const originals = Object.fromEntries(Object.keys(wrap).map((name) => [name, calls[name]!]));
  for (const [name, make] of Object.entries(wrap)) calls[name] = make(originals[name]!);
  return () => void Object.assign(calls, originals);
}

/** The C string in a buffer. */
function text(buffer: unknown): string {
  const bytes = buffer as Uint8Array;
  return String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0)));
}
