/** Rows for statements that put many at once. Pure. */
import type { Insertion, Query, SqlValue } from "./sql_connection.ts";

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

/** Queries in one statement. PERF: a question to a server takes longer than its answer. */
const TOGETHER = [64, 8, 1] as const;

/** The same query for several tuples in one text: `UNION ALL` of them, each with its place. */
export interface Together {
  readonly sql: string;
  readonly values: readonly SqlValue[];
  /** How many tuples. */
  readonly count: number;
}

/**
 * Cuts tuples into statements of few sizes. The first column of a row tells its tuple within one. Values
 * are `$n` in the query, and get numbers of their own for each tuple.
 */
export function* together(
  { columns, rest }: Query,
  tuples: readonly (readonly SqlValue[])[],
): Generator<Together> {
  let at = 0;
  for (const count of TOGETHER) {
    for (; tuples.length - at >= count; at += count) {
      const some = tuples.slice(at, at + count);
      const parts = some.map((values, n) => {
        const own = rest.replace(/\$(\d+)/g, (_, place) => `$${n * values.length + Number(place)}`);
        return `(SELECT ${[n, ...columns].map((c, m) => `${c} AS c${m}`).join(", ")} ${own})`;
      });
      yield { sql: parts.join(" UNION ALL "), values: some.flat(), count };
    }
  }
}

/** Rows of a `Together`, by tuple. */
export function apart(count: number, rows: readonly (readonly string[])[]): string[][][] {
  const found: string[][][] = Array.from({ length: count }, () => []);
  for (const [n = "", ...columns] of rows) found[Number(n)]?.push(columns);
  return found;
}

/** Numbers one after the other from here on are a run. */
const RUN_MIN = 8;

/** Cuts numbers, each of them there once, into runs without a gap (first, last) and all others. */
export function runsOf(
  numbers: readonly number[],
): { readonly runs: readonly [number, number][]; readonly others: readonly number[] } {
  const sorted = Float64Array.from(numbers).sort();
  const runs: [number, number][] = [], others: number[] = [];
  for (let from = 0, to = 0; from < sorted.length; from = to) {
    for (to = from + 1; sorted[to] === sorted[to - 1]! + 1;) to++;
    if (to - from >= RUN_MIN) runs.push([sorted[from]!, sorted[to - 1]!]);
    else others.push(...sorted.subarray(from, to));
  }
  return { runs, others };
}
