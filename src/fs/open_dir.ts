/** An open directory with several owners, and what is known of its file system. */
import { type Located, type Name } from "../model/mod.ts";
import { closeLookOf, type DiskRoom, diskRoom, errorNamed, type Fd } from "../os/mod.ts";

/**
 * LIMIT: a hundredth of the file system, at most 1 GiB, is never filled: a few bytes of delta can ask
 * for any amount of content, and a full disk stops everybody else.
 */
const RESERVED_SHARE = 0.01;
const RESERVED_MAX_BYTES = 1_073_741_824;
/** PERF: asked once per so many bytes. */
const CLAIM_BYTES = 8_388_608;

/** A directory that is closed when the last of its users has gone. */
export class OpenDir {
  readonly #fd: Fd;
  #users = 0;
  #disk: DiskRoom | undefined;
  #device: bigint | undefined;
  /** May be written without asking for room again. */
  #claimed = 0;

  /** @param fd a path descriptor is enough; owned from now on */
  constructor(fd: Fd) {
    this.#fd = fd;
  }

  /** For the next call only. @throws OsError `EBADF` once everybody has gone */
  get fd(): Fd {
    return this.#fd;
  }

  get isOpen(): boolean {
    return this.#fd.isOpen;
  }

  /** One more user, who calls leave() once. */
  use(): this {
    this.#users++;
    return this;
  }

  leave(): void {
    if (--this.#users === 0) this.#fd[Symbol.dispose]();
  }

  /** How what is in it becomes durable. @throws OsError */
  get durableBy(): DiskRoom["durableBy"] {
    return (this.#disk ??= diskRoom(this.#fd, ".")).durableBy;
  }

  /** Number of its file system. @throws OsError */
  get device(): bigint {
    return this.#device ??= closeLookOf(this.#fd, ".").fingerprint.dev;
  }

  /** Before `bytes` are written to a file in it. @throws OsError ENOSPC when less than the reserve would be left */
  claim(bytes: number, path: Name): void {
    if (bytes > this.#claimed) {
      const { free, total } = this.#disk = diskRoom(this.#fd, path);
      const reserved = Math.min(total * RESERVED_SHARE, RESERVED_MAX_BYTES);
      const room = total === 0 ? Infinity : free - reserved;
      if (bytes > room) throw errorNamed("ENOSPC", { call: "write", path });
      this.#claimed = Math.min(room, Math.max(bytes, CLAIM_BYTES));
    }
    this.#claimed -= bytes;
  }
}

/**
 * LIMIT: how long after its opening a directory is shared. RACE: who moves it away and puts another one in
 * its place finds changes that begin within this time in the one that was moved, as if they had begun
 * before; it was reached without a link, so nothing gets out of the jail.
 */
const SHARED_MS = 10;
const KNOWN_MAX = 64;

/**
 * Directories that somebody has open at the moment, for others who need the same at the same time. PERF:
 * two system calls less for each of many changes side by side. It keeps none open by itself.
 */
export class SharedDirs {
  readonly #now: () => number;
  readonly #known = new Map<string, { readonly dir: OpenDir; readonly since: number }>();

  /** @param now milliseconds that only go forward */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** @param open called unless the directory is open; throws OsError */
  take({ anchor, below }: Located, open: () => Fd): OpenDir {
    const key = `${anchor}\0${below}`, now = this.#now();
    const known = this.#known.get(key);
    if (known !== undefined && known.dir.isOpen && now - known.since < SHARED_MS) return known.dir;
    const dir = new OpenDir(open());
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.set(key, { dir, since: now });
    return dir;
  }

  /** A directory was removed, or has another name now. */
  forget(): void {
    this.#known.clear();
  }
}
