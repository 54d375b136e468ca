/** Two listings compared by digests of their ranges: only rows of ranges that differ are told. */
import { CsyncError, EVERY_KEY, type KeyRange } from "../model/mod.ts";
import { BOUND_MAX_BYTES, type ListedRow } from "../protocol/mod.ts";
import {
  listingDiff,
  type ListingDifference,
  NO_ROWS,
  type RangeDigest,
  RangeHasher,
} from "../reconcile/mod.ts";

type Listing = AsyncIterable<readonly ListedRow[]>;

/** Both sides' rows, ascending by key. */
export interface RangeSides {
  ours(range: KeyRange): Listing;
  /** Of the peer: range `n` is `bounds[n] <= key < bounds[n + 1]`. */
  digests(bounds: readonly string[]): Promise<readonly RangeDigest[]>;
  theirs(range: KeyRange): Listing;
}

export interface RangeSizes {
  /** Our rows in a range. @default {1_000} */
  readonly rows?: number;
  /** The same in parts of a range that differs; ranges that are not longer are listed. @default {64} */
  readonly parts?: number;
  /** Ranges of a question. @default {8} */
  readonly ranges?: number;
  /**
   * Questions that are not answered yet. PERF: a server that reads for eight at once has so many rows
   * in hand that it needs half as much time and memory again (183 MB for 112 MB). @default {3}
   */
  readonly questions?: number;
}

/** LIMIT: rows that may have been added to a range since its digest was made. */
const ADDED_ROWS_MAX = 100_000;

/**
 * The differences, exactly as listingDiff finds them in the two listings, in its order. Our rows are
 * read once where the peer has the same, and never held as a whole.
 *
 * @throws CsyncError `listing/order`, `listing/range` when the peer's answers cannot be
 */
export function rangeDiff(
  sides: RangeSides,
  { rows = 1_000, parts = 64, ranges = 8, questions = 3 }: RangeSizes = {},
): AsyncGenerator<readonly ListingDifference[]> {
  return new RangeDiff(sides, { rows, parts, ranges, questions }).within(EVERY_KEY, rows);
}

/** Neighbouring ranges of ours, as they are asked for. */
interface Question {
  readonly bounds: readonly string[];
  readonly digests: readonly RangeDigest[];
}

interface Asked {
  readonly question: Question;
  readonly answer: Promise<readonly RangeDigest[]>;
}

/** Neighbouring ranges that differ, as one; and how many rows each side says it has there. */
interface Differing extends KeyRange {
  readonly here: number;
  readonly there: number;
}

class RangeDiff {
  readonly #sides: RangeSides;
  readonly #sizes: Required<RangeSizes>;

  constructor(sides: RangeSides, sizes: Required<RangeSizes>) {
    this.#sides = sides;
    this.#sizes = sizes;
  }

  /** @param rows of ours in a range */
  async *within(range: KeyRange, rows: number): AsyncGenerator<readonly ListingDifference[]> {
    const waiting: Asked[] = [];
    for await (const question of this.#cut(range, rows)) {
      const answer = this.#sides.digests(question.bounds);
      answer.catch(() => {}); // awaited in its turn
      waiting.push({ question, answer });
      if (waiting.length >= this.#sizes.questions) yield* this.#settle(waiting.shift()!, rows);
    }
    for (const asked of waiting) yield* this.#settle(asked, rows);
  }

  /** Reads ours; the questions together cover the whole range, also where we have nothing. */
  async *#cut(range: KeyRange, rows: number): AsyncGenerator<Question> {
    const hasher = new RangeHasher();
    let bounds = [range.from], digests: RangeDigest[] = [];
    for await (const batch of this.#sides.ours(range)) {
      for (const row of batch) {
        if (hasher.count >= rows && row.key.length <= BOUND_MAX_BYTES) {
          bounds.push(row.key);
          digests.push(hasher.end());
          if (digests.length >= this.#sizes.ranges) {
            yield { bounds, digests };
            bounds = [row.key], digests = [];
          }
        }
        hasher.add(row);
      }
    }
    yield { bounds: [...bounds, range.before], digests: [...digests, hasher.end()] };
  }

  /** @param rows of ours in each of the ranges */
  async *#settle(
    { question, answer }: Asked,
    rows: number,
  ): AsyncGenerator<readonly ListingDifference[]> {
    const { parts } = this.#sizes;
    const { runs, count } = differing(question, await answer);
    // Where nearly everything differs, digests of parts would only come on top of the rows.
    const isSparse = count === 1 || count * 2 <= question.digests.length;
    for (const run of runs) {
      const isLong = rows > parts && run.here > parts && run.there > 0;
      if (isSparse && isLong) yield* this.within(run, parts);
      else yield* this.#listed(run);
    }
  }

  async *#listed(run: Differing): AsyncGenerator<readonly ListingDifference[]> {
    const theirs = run.there === 0 ? nothing() : inside(run, this.#sides.theirs(run));
    yield* listingDiff(this.#sides.ours(run), theirs);
  }
}

/** @throws CsyncError `listing/range` */
function differing(
  { bounds, digests }: Question,
  answer: readonly RangeDigest[],
): { runs: Differing[]; count: number } {
  if (answer.length !== digests.length) {
    throw wrong(`the peer answered ${answer.length} of ${digests.length} ranges`);
  }
  const runs: Differing[] = [];
  let count = 0;
  digests.forEach((ours, n) => {
    const theirs = answer[n]!;
    if (isSame(ours, theirs)) return;
    count++;
    const from = bounds[n]!, before = bounds[n + 1]!;
    const last = runs.at(-1);
    const isNeighbour = last?.before === from;
    const start = isNeighbour ? runs.pop()! : { from, here: 0, there: 0 };
    const here = start.here + ours.count, there = start.there + theirs.count;
    runs.push({ from: start.from, before, here, there });
  });
  return { runs, count };
}

function isSame(ours: RangeDigest, theirs: RangeDigest): boolean {
  const isSameDigest = ours.digest === theirs.digest;
  const isEmpty = theirs.digest === NO_ROWS.digest;
  if ((isSameDigest && ours.count !== theirs.count) || isEmpty !== (theirs.count === 0)) {
    throw wrong(`the peer's digest is not that of ${theirs.count} rows`);
  }
  return isSameDigest;
}

/** Rows of the range that was asked for, and not many more than were told before. */
async function* inside(run: Differing, listing: Listing): Listing {
  const most = run.there + ADDED_ROWS_MAX;
  let count = 0;
  for await (const rows of listing) {
    count += rows.length;
    if (count > most) throw wrong(`the peer lists more than ${most} rows in place of ${run.there}`);
    for (const { key } of rows) {
      if (key >= run.from && key < run.before) continue;
      throw wrong(`the peer lists "${key}", which is not in the range that it was asked for`);
    }
    yield rows;
  }
}

async function* nothing(): Listing {}

function wrong(why: string): CsyncError {
  return new CsyncError("listing/range", { message: `Cannot compare: ${why}` });
}
