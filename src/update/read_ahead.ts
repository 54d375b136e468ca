/** Contents of small files, read some at a time before their rows are pushed. */
import { locate } from "../config/mod.ts";
import { isWithinTick } from "../fs/mod.ts";
import type { Located, Part } from "../model/mod.ts";
import type { PushContext } from "./context.ts";
import type { Offered, SmallContent } from "./offered.ts";
import { Slab } from "./slab.ts";

/** LIMIT: larger files are read while they are sent. */
const SMALL_BYTES = 256 * 1_024;
/** LIMIT: read at once, of one piece of memory; one file always is. */
const AHEAD_BYTES = 1_048_576;
const AHEAD_FILES = 256;
/** Of what contents to a peer may take, so much is read before there is room for it. */
const AHEAD_SHARE = 4;

const slab = new Slab();

/** Nobody looks at what was read of the row any more. */
export function readIsOver({ bytes }: SmallContent): void {
  slab.giveBack(bytes);
}

/**
 * PERF: neighbours share a directory, which is opened once for all that are read together.
 * @param memory what contents to the peer may take
 */
export function* readAhead(
  { config, jail }: Pick<PushContext, "config" | "jail">,
  rows: readonly Offered[],
  memory?: Pick<Part, "bytes">,
): Generator<Offered, void, void> {
  for (let from = 0; from < rows.length;) {
    const most = Math.min(AHEAD_BYTES, (memory?.bytes ?? Infinity) / AHEAD_SHARE);
    const wanted: Wanted[] = [];
    let to = from;
    for (let bytes = 0; to < rows.length; to++) {
      const size = sizeOf(rows[to]!);
      if (size === undefined) continue;
      const isFull = wanted.length >= AHEAD_FILES || bytes + size > most;
      if (isFull && wanted.length > 0) break;
      const at = locate(config, rows[to]!.row.name);
      if (at === undefined) continue;
      wanted.push({ place: to, at, into: slab.take(size) });
      bytes += size;
    }
    // By the time when it is read: later nobody knows whether it was written again in the same tick.
    const nowMs = Date.now();
    const found = wanted.length === 0 ? [] : jail.readSmallEach(wanted);
    for (let place = from, n = 0; place < to; place++) {
      const one = rows[place]!;
      if (wanted[n]?.place !== place) {
        yield one;
        continue;
      }
      const { at, into: bytes } = wanted[n]!, file = found[n++];
      const small = { file: isSettled(file, nowMs) ? file : undefined, bytes, at };
      const { here, there } = one.seen!;
      yield { row: one.row, seen: { here, there, small } };
    }
    from = to;
  }
}

/** A file to be read. */
interface Wanted {
  /** Among the rows. */
  readonly place: number;
  readonly at: Located;
  readonly into: Uint8Array;
}

function isSettled(file: SmallContent["file"], nowMs: number): boolean {
  return file === undefined || file instanceof Error || !isWithinTick(file.fingerprint, nowMs);
}

function sizeOf({ seen }: Offered): number | undefined {
  return seen?.here.kind === "reg" && seen.here.size <= SMALL_BYTES ? seen.here.size : undefined;
}
