/** Two listings of one pair, compared as they stream (W 17.1). The one function here with promises. */
import { byteOrder, CsyncError, type DbName, percentEncode, sameCheckText } from "../model/mod.ts";

/** One row of a listing. */
export interface ListingRow {
  readonly name: DbName;
  /** Decoded once: `v1:mtime=...`. */
  readonly checkText: string;
}

/** L: only ours; R: only theirs; X: both, different. */
export interface ListingDifference {
  readonly kind: "L" | "R" | "X";
  readonly name: DbName;
}

type Side = "our" | "peer's";

/**
 * The differences, in the order of encoded names, in which both listings must come. Check texts are
 * compared field by field, times in whole seconds if one side has only those (W 18.4).
 *
 * @throws CsyncError `listing/order` when a listing is not in order: what follows would be nonsense
 */
export async function* listingDiff(
  ours: AsyncIterable<ListingRow>,
  theirs: AsyncIterable<ListingRow>,
): AsyncGenerator<ListingDifference, void, void> {
  await using left = new Cursor(ours, "our");
  await using right = new Cursor(theirs, "peer's");
  await Promise.all([left.advance(), right.advance()]);
  while (left.row !== undefined || right.row !== undefined) {
    const order = left.row === undefined
      ? 1
      : right.row === undefined
      ? -1
      : byteOrder(left.key, right.key);
    if (order < 0) {
      yield { kind: "L", name: left.row!.name };
      await left.advance();
    } else if (order > 0) {
      yield { kind: "R", name: right.row!.name };
      await right.advance();
    } else {
      const { name, checkText } = left.row!;
      if (!sameCheckText(checkText, right.row!.checkText)) yield { kind: "X", name };
      await Promise.all([left.advance(), right.advance()]);
    }
  }
}

/** One listing and its current row. */
class Cursor implements AsyncDisposable {
  readonly #rows: AsyncIterator<ListingRow>;
  readonly #side: Side;
  row: ListingRow | undefined;
  /** The encoded name of `row`. */
  key = "";

  constructor(rows: AsyncIterable<ListingRow>, side: Side) {
    this.#rows = rows[Symbol.asyncIterator]();
    this.#side = side;
  }

  async advance(): Promise<void> {
    const isFirst = this.key === "";
    const { done, value } = await this.#rows.next();
    this.row = done ? undefined : value;
    if (this.row === undefined) return;
    const key = percentEncode(this.row.name);
    if (!isFirst && key <= this.key) {
      throw new CsyncError("listing/order", {
        message:
          `Cannot compare: the ${this.#side} list is not in order, "${key}" follows "${this.key}"`,
      });
    }
    this.key = key;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rows.return?.();
  }
}
