/** New files with the content of another one that the peer has: found among the records by their size. */
import { setImmediate } from "node:timers/promises";
import { keyFor, locate } from "../config/mod.ts";
import {
  type DbName,
  isDbName,
  type Key,
  type Located,
  type Nanos,
  nanos,
  percentDecode,
  percentEncode,
} from "../model/mod.ts";
import { Alike, type FileSketch } from "../reconcile/mod.ts";
import type { StateStore } from "../state/mod.ts";
import { isSystemError, type PushContext } from "./context.ts";
import type { CopiedFile } from "./copying.ts";
import type { Offered } from "./offered.ts";

/** New files above this are looked for: of less it is cheaper to send the content. */
export const COPY_BYTES = 256 * 1_024;
/** LIMIT: files that are remembered. */
const KNOWN_MAX = 16_384;
/** LIMIT: of one size, that are looked at for one file. */
const LOOKED_AT_MAX = 32;
/** PERF: some 2 ms of reading records; then others have their turn. */
const TURN_TEXTS = 4_000;
/** Looked at in the beginning, the middle and the end of a file, before all of it is read. */
const SAMPLE_BYTES = 4_096;
const SECOND_NANOS = 1_000_000_000n;
const TYPE = "%3Atype=reg%3Asize";
const SECONDS_REGEXP = /^v1%3Amtime=(\d{1,11})%3A/;
/** Of a file whose time does not count. */
const NO_TIME: Nanos = nanos(0n);

export type KnownContext = Pick<PushContext, "config" | "jail" | "peerName">;

/** Files above `COPY_BYTES` that the peer has been told of, as far as is known here. */
export class KnownContents {
  readonly #context: KnownContext;
  readonly #guesses: Guesses;

  private constructor(context: KnownContext, guesses: Guesses) {
    this.#context = context;
    this.#guesses = guesses;
  }

  /** @throws StateError */
  static async read(context: KnownContext, recorded: RecordedFiles): Promise<KnownContents> {
    const { config, peerName } = context;
    const known = await recorded.large(), guesses = new Guesses();
    const marked = await recorded.state.dirtyAmong(known.map(({ name }) => name));
    for (const file of known) {
      const isThere = !marked.get(file.name)?.includes(peerName);
      if (isThere && keyFor(config, file.name, peerName) !== undefined) guesses.add(file);
    }
    return new KnownContents(context, guesses);
  }

  /** Whether there is a file of this size. */
  has(size: number): boolean {
    return this.#guesses.has(size);
  }

  /**
   * Those of the new files for which there is one of the same size, with the same bytes where both are
   * looked at. Of several one with the same time, then one with the same end of its name. Whether all of it
   * is equal, at the peer too, is for whoever copies.
   */
  find(rows: readonly Offered[]): CopiedFile[] {
    const { config, peerName } = this.#context;
    return rows.flatMap((one) => wantedOf(this.#context, one)).flatMap(({ sketch, ...file }) => {
      for (const name of this.#guesses.for(sketch)) {
        const key = keyFor(config, name, peerName);
        if (key !== undefined && looksEqual(this.#context, file, name)) {
          return [{ ...file, like: { key, name } }];
        }
      }
      return [];
    });
  }
}

/** Files that may be like a new one. */
class Guesses {
  readonly #byTime = new Alike();
  readonly #bySize = new Alike();
  /** Some of each size. */
  readonly #some = new Map<number, DbName[]>();

  add(file: FileSketch): void {
    this.#byTime.add(file);
    this.#bySize.add({ ...file, mtime: NO_TIME });
    const some = this.#some.get(file.size);
    if (some === undefined) this.#some.set(file.size, [file.name]);
    else if (some.length < LOOKED_AT_MAX) some.push(file.name);
  }

  has(size: number): boolean {
    return this.#some.has(size);
  }

  /** The best one first. */
  for(file: FileSketch): ReadonlySet<DbName> {
    const best = [this.#byTime.for(file), this.#bySize.for({ ...file, mtime: NO_TIME })];
    const known = best.filter((name) => name !== undefined);
    return new Set([...known, ...this.#some.get(file.size) ?? []]);
  }
}

interface Wanted extends Omit<CopiedFile, "like"> {
  readonly sketch: FileSketch;
}

function wantedOf({ config, peerName }: KnownContext, { row, seen }: Offered): Wanted[] {
  const key: Key | undefined = keyFor(config, row.name, peerName), at = locate(config, row.name);
  if (seen?.here.kind !== "reg" || key === undefined || at === undefined) return [];
  const { size, meta: { mtime } } = seen.here;
  return [{ row, key, at, size, sketch: { name: row.name, size, mtime: inSeconds(mtime) } }];
}

/** Files above `COPY_BYTES` among the records; read when they are asked for, and once for all peers of a run. */
export class RecordedFiles {
  #large: Promise<readonly FileSketch[]> | undefined;

  constructor(readonly state: StateStore) {}

  /** At most `KNOWN_MAX` of them. @throws StateError */
  large(): Promise<readonly FileSketch[]> {
    return this.#large ??= largeFiles(this.state);
  }
}

/** PERF: one pass over all records, some 1 us for each. */
async function largeFiles(state: StateStore): Promise<readonly FileSketch[]> {
  const found: FileSketch[] = [];
  let turn = TURN_TEXTS;
  for await (const texts of storedTexts(state)) {
    for (let at = 0; at + 1 < texts.length; at += 2) {
      const size = sizeOf(texts[at + 1]!);
      if (!(size > COPY_BYTES)) continue;
      const name = percentDecode(texts[at]!);
      if (!isDbName(name)) continue;
      const [, seconds = "0"] = SECONDS_REGEXP.exec(texts[at + 1]!) ?? [];
      found.push({ name, size, mtime: nanos(BigInt(seconds) * SECOND_NANOS) });
      if (found.length >= KNOWN_MAX) return found;
    }
    turn -= texts.length;
    if (turn > 0) continue;
    turn = TURN_TEXTS;
    await setImmediate();
  }
  return found;
}

async function* storedTexts(state: StateStore): AsyncGenerator<readonly string[]> {
  if (state.storedRecords !== undefined) return yield* state.storedRecords();
  for await (const records of state.records("ascending")) {
    yield records.flatMap(({ name, stored }) => [percentEncode(name), stored]);
  }
}

/** Of a regular file; 0 for everything else. */
function sizeOf(text: string): number {
  const nul = text.indexOf("\0"), end = nul < 0 ? text.length : nul;
  const at = text.lastIndexOf("=", end);
  const isFile = at >= TYPE.length && text.startsWith(TYPE, at - TYPE.length);
  return isFile ? Number(text.slice(at + 1, end)) : 0;
}

/** A database may have no fractions of seconds. */
function inSeconds(mtime: Nanos): Nanos {
  return nanos(mtime - mtime % SECOND_NANOS);
}

/** What cannot be read is like nothing. */
function looksEqual(
  { config, jail }: KnownContext,
  { at, size }: Pick<Wanted, "at" | "size">,
  name: DbName,
): boolean {
  const other: Located | undefined = locate(config, name);
  if (other === undefined) return false;
  try {
    using one = jail.open(at), two = jail.open(other);
    if (one.size !== size || two.size !== size) return false;
    const a = new Uint8Array(SAMPLE_BYTES), b = new Uint8Array(SAMPLE_BYTES);
    for (const offset of [0, Math.floor(size / 2), Math.max(0, size - SAMPLE_BYTES)]) {
      const count = one.readAt(a, offset);
      if (two.readAt(b, offset) !== count) return false;
      for (let n = 0; n < count; n++) if (a[n] !== b[n]) return false;
    }
    return true;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}
