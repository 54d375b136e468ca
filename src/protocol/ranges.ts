/** Listings compared by ranges instead of row by row: what two hosts of ours can ask each other. */
import type { HostName, Key, KeyRange } from "../model/mod.ts";

/** One row of LIST, percent-encoded as databases have it and as it is sent. */
export interface ListedRow {
  /** Of a proper DbName, as percentEncode writes it: rows are ordered and compared by it. */
  readonly key: string;
  /** Check text: `v1%3Amtime=...`. */
  readonly stored: string;
}

/** LIMIT: ranges of one question. */
export const RANGES_MAX = 1_024;
/** LIMIT: a name of 4,096 bytes, all of them encoded. */
export const BOUND_MAX_BYTES = 12_288;

const BOUND_REGEXP = /^[\x21-\x7e\x80-\xff]+$/;

/** The rows of a range in short (reconcile's RangeHasher). */
export interface RangeSum {
  readonly count: number;
  /** Byte string of 32. */
  readonly digest: string;
}

/** Which listing: as LIST has it, with times in nanoseconds. */
export interface ListingOf<K extends string> {
  /** The server's own name in the pair. */
  readonly name: string;
  readonly keys: readonly K[];
}

export interface BoundsOf<K extends string> extends ListingOf<K> {
  /** Ascending: range `n` is `bounds[n] <= key < bounds[n + 1]`. */
  readonly bounds: readonly string[];
}

/** The asking side. Calls may be under way at the same time, also beside the other requests of a Peer. */
export interface RangePeer {
  /** One per range. */
  digests(query: BoundsOf<Key> & { readonly name: HostName }): Promise<readonly RangeSum[]>;
  /** The rows of one range, ascending by key. */
  list(
    query: ListingOf<Key> & { readonly name: HostName; readonly range: KeyRange },
  ): AsyncIterable<readonly ListedRow[]>;
}

/** The answering side. Without groups that the client shares, no range has rows. */
export interface RangeHandler {
  digests(query: BoundsOf<string>): Promise<readonly RangeSum[]>;
  list(
    query: ListingOf<string> & { readonly range: KeyRange },
  ): AsyncIterable<readonly ListedRow[]>;
}

/** Whether bounds that a client sent are what they must be: encoded, ascending, and not too many. */
export function areBounds(bounds: readonly string[]): boolean {
  if (bounds.length < 2 || bounds.length > RANGES_MAX + 1) return false;
  return bounds.every((bound, n) =>
    bound.length <= BOUND_MAX_BYTES && BOUND_REGEXP.test(bound) &&
    (n === 0 || bounds[n - 1]! < bound)
  );
}
