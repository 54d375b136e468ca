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
const AHEAD_FILES = 64;
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
    const wanted = new Map<Offered, { readonly at: Located; readonly into: Uint8Array }>();
    let to = from;
    for (let bytes = 0; to < rows.length; to++) {
      const one = rows[to]!, size = sizeOf(one);
      if (size === undefined) continue;
      const isFull = wanted.size >= AHEAD_FILES || bytes + size > most;
      if (isFull && wanted.size > 0) break;
      const at = locate(config, one.row.name);
      if (at === undefined) continue;
      wanted.set(one, { at, into: slab.take(size) });
      bytes += size;
    }
    // By the time when it is read: later nobody knows whether it was written again in the same tick.
    const nowMs = Date.now();
    const found = jail.readSmallEach([...wanted.values()])
      .map((file) => isSettled(file, nowMs) ? file : undefined);
    let n = 0;
    for (const one of rows.slice(from, to)) {
      const into = wanted.get(one)?.into;
      if (into === undefined || one.seen === undefined) yield one;
      else yield { ...one, seen: { ...one.seen, small: { file: found[n++], bytes: into } } };
    }
    from = to;
  }
}

function isSettled(file: SmallContent["file"], nowMs: number): boolean {
  return file === undefined || file instanceof Error || !isWithinTick(file.fingerprint, nowMs);
}

function sizeOf({ seen }: Offered): number | undefined {
  return seen?.here.kind === "reg" && seen.here.size <= SMALL_BYTES ? seen.here.size : undefined;
}
