/** Ranges of names as ranges of stored (percent-encoded) text. Pure. */
import { EVERY_KEY, type KeyRange, percentEncode } from "../model/mod.ts";
import type { NameRange } from "./store.ts";

export type { KeyRange };

/**
 * The stored texts of a range, in ascending order: the name itself and what is below it are two
 * ranges, because `/a-x` sorts between `/a` and `/a/b`.
 */
export function keyRanges(range?: NameRange): readonly KeyRange[] {
  if (range === undefined) return [EVERY_KEY];
  if ("from" in range) return [range];
  if (range.below && range.name === "/") return [EVERY_KEY];
  const key = percentEncode(range.name);
  const own = { from: key, before: after(key) };
  return range.below ? [own, { from: `${key}/`, before: `${key}0` }] : [own];
}

/**
 * The least text that follows `key` among encoded texts: they have no bytes up to 0x20, so nothing
 * lies between `key` and `key` with 0x01 behind it.
 */
export function after(key: string): string {
  return `${key}\x01`;
}
