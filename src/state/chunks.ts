/** Rows for statements that put many at once. Pure. */
import type { Insertion, SqlValue } from "./sql_connection.ts";

/** Rows per statement. PERF: each size is one prepared statement; few are needed for any number of rows. */
const SIZES = [256, 32, 4, 1] as const;

export interface Chunk {
  readonly rows: number;
  readonly values: readonly SqlValue[];
}

/**
 * Cuts tuples into chunks of few sizes, in their order. No chunk has a row twice where the insertion
 * names its keys.
 */
export function* chunks(
  { keys }: Insertion,
  tuples: Iterable<readonly SqlValue[]>,
): Generator<Chunk> {
  const most = SIZES[0];
  let waiting: (readonly SqlValue[])[] = [];
  const seen = new Set<string>();
  for (const tuple of tuples) {
    const key = keys?.map((place) => tuple[place]).join("\n");
    if (waiting.length === most || (key !== undefined && seen.has(key))) {
      yield* pieces(waiting);
      waiting = [];
      seen.clear();
    }
    waiting.push(tuple);
    if (key !== undefined) seen.add(key);
  }
  yield* pieces(waiting);
}

function* pieces(tuples: readonly (readonly SqlValue[])[]): Generator<Chunk> {
  let at = 0;
  for (const rows of SIZES) {
    for (; tuples.length - at >= rows; at += rows) {
      yield { rows, values: tuples.slice(at, at + rows).flat() };
    }
  }
}
