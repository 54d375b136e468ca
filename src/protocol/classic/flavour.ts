/** The two flavours of the classic dialect: units and argument forms, nothing else (W 18; pure). */
import {
  type DbName,
  fromEitherUnit,
  fromSeconds,
  type Key,
  type Nanos,
  nanos,
  type Present,
  toSeconds,
  unitOf,
} from "../../model/mod.ts";
import { commandLine } from "./codec.ts";

/** `seconds`: 2.1-0rc1 and older. `nanos`: 2.1.1, and our own programs. */
export type TimeUnit = "seconds" | "nanos";

/** What a client knows of its server. */
export interface ServerKind {
  readonly timeUnit: TimeUnit;
  /** Our own program: it never executes content, and takes streams that nobody asked for (W 20.1). */
  readonly isOurs: boolean;
}

/** A time as the flavour counts it. */
export function timeArgument(unit: TimeUnit, mtime: Nanos): bigint {
  return unit === "nanos" ? mtime : toSeconds(mtime);
}

/**
 * A time that a server of the flavour sent. The flavour decides: magnitude would take a file of the
 * epoch's first 100 seconds for one of the year 2001. Only where seconds are due and nobody can mean
 * them, magnitude decides.
 */
export function timeFromServer(unit: TimeUnit, value: bigint): Nanos {
  if (unit === "nanos" || unitOf(value) === "nanos") return nanos(value);
  return fromSeconds(value);
}

/** The line that tells the flavour before HELLO (W 18.3); it changes nothing on any server. */
export const PROBE = "ATOMICPATCH";

/** The command that makes the object; for a regular file the one that asks for its content. */
export function creationLine(unit: TimeUnit, key: Key, name: DbName, want: Present): string {
  const { uid, gid, mode, mtime } = want.meta;
  const dressed = [uid | 0, gid | 0, mode, timeArgument(unit, mtime)];
  switch (want.kind) {
    case "reg":
      return unit === "nanos"
        ? commandLine("ATOMICPATCH", key, name, ...dressed)
        : commandLine("PATCH", key, name);
    case "dir":
      return commandLine("MKDIR", key, name, ...dressed);
    case "chr":
      return commandLine("MKCHR", key, name, want.rdev | 0);
    case "blk":
      return commandLine("MKBLK", key, name, want.rdev | 0);
    case "fifo":
      return commandLine("MKFIFO", key, name);
    case "lnk":
      return commandLine("MKLINK", key, name, want.target);
    case "sock":
      return commandLine("MKSOCK", key, name);
  }
}

const SET_ID_BITS = 0o6000;
/** Seconds that fit in the 32 bits of ATOMICPATCH in 2.1.1 (W 12). */
const ATOMIC_SECONDS_MAX = 2n ** 31n - 1n;

/**
 * The commands that give the object its owner, mode and time, in batches: those of one batch may be
 * sent in one write, the next batch only after all of the last succeeded.
 *
 * A mode with set-id bits waits for the owner: should SETOWN fail, SETMOD would make a set-uid
 * program of whoever owns the file now. Without these bits a SETMOD and SETIME behind a failed
 * SETOWN are harmless: the object has the mode it is going to have, and the next attempt repairs it.
 */
export function followUps(unit: TimeUnit, key: Key, name: DbName, want: Present): string[][] {
  const { uid, gid, mode, mtime } = want.meta;
  const own = commandLine("SETOWN", key, name, uid | 0, gid | 0);
  const time = commandLine("SETIME", key, name, timeArgument(unit, mtime));
  if (want.kind === "sock") return []; // COMPAT: no server makes sockets (W 12 MKSOCK)
  if (want.kind === "lnk") return [[own]]; // COMPAT: the others follow the link on C servers (W 20.18)
  if (want.kind === "reg" && unit === "nanos") {
    return toSeconds(mtime) > ATOMIC_SECONDS_MAX ? [[time]] : [];
  }
  const rest = [commandLine("SETMOD", key, name, mode), time];
  return (mode & SET_ID_BITS) !== 0 ? [[own], rest] : [[own, ...rest]];
}

/**
 * What a server knows of its client's flavour. Our own client says so exactly, by the probe; others
 * show it with their first changing command, and until then an earlier connection may have told.
 */
export class ClientFlavour {
  #unit: TimeUnit | undefined;
  #exact = false;

  /** The client sent the bare probe before HELLO: it is one of ours. */
  isOurs(): void {
    this.#unit = "nanos";
    this.#exact = true;
  }

  /** Whether it is one of ours. */
  get isOurClient(): boolean {
    return this.#exact;
  }

  /** The client's changing command is of this flavour; only the first one counts. */
  shows(unit: TimeUnit): void {
    this.#unit ??= unit;
  }

  /** What the client showed, or undefined. */
  get shown(): TimeUnit | undefined {
    return this.#unit;
  }

  /** A time of the client: exact for ours, by its magnitude for others (W 18.4). */
  timeFrom(value: bigint): Nanos {
    return this.#exact ? nanos(value) : fromEitherUnit(value);
  }
}
