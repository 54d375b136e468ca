/** What is compared instead of the rows of a listing: their number and their hash, range by range. */
import { createHash } from "node:crypto";
import { fromBytes } from "../model/mod.ts";
import type { ListingRow } from "./listing_diff.ts";

export interface RangeDigest {
  /** Rows. */
  readonly count: number;
  /** SHA-256 as a byte string. Rows are hashed as LIST has them: check text, tab, name, LF. */
  readonly digest: string;
}

/** PERF: pieces of 64 KiB and more are hashed at the speed of memory; a call per row takes 1 us. */
const PIECE_CHARS = 65_536;

/** Digests of one range after the other. */
export class RangeHasher {
  #hash = createHash("sha256");
  #text = "";
  #count = 0;

  /** Rows since the last `end`. */
  get count(): number {
    return this.#count;
  }

  /** Encoded texts have neither tab nor LF, so no two lists of rows are hashed alike. */
  add({ key, stored }: ListingRow): void {
    this.#count++;
    this.#text += `${stored}\t${key}\n`;
    if (this.#text.length >= PIECE_CHARS) this.#flush();
  }

  /** The digest of the rows so far; the next range begins. */
  end(): RangeDigest {
    this.#flush();
    const result = { count: this.#count, digest: fromBytes(this.#hash.digest()) };
    this.#hash = createHash("sha256");
    this.#count = 0;
    return result;
  }

  #flush(): void {
    this.#hash.update(this.#text);
    this.#text = "";
  }
}

export const NO_ROWS: RangeDigest = new RangeHasher().end();

/**
 * The digests of a listing within bounds: range `n` is `bounds[n] <= key < bounds[n + 1]`.
 *
 * @param listing rows between the first and the last bound, ascending by key
 */
export async function digestRanges(
  listing: AsyncIterable<readonly ListingRow[]>,
  bounds: readonly string[],
): Promise<RangeDigest[]> {
  const hasher = new RangeHasher(), digests: RangeDigest[] = [];
  let before = bounds[1] ?? "";
  for await (const rows of listing) {
    for (const row of rows) {
      while (row.key >= before && digests.length < bounds.length - 2) {
        digests.push(hasher.end());
        before = bounds[digests.length + 1] ?? "";
      }
      hasher.add(row);
    }
  }
  while (digests.length < bounds.length - 1) digests.push(hasher.end());
  return digests;
}
