/** The order in which the C program walks, for lines about a batch. */
import type { DbName } from "../model/mod.ts";

/**
 * Order in which the C program walks: a directory, then what is in it, its entries descending. Lines
 * about one batch come in this order.
 */
export function walkOrder(a: DbName, b: DbName): number {
  if (a === "/" || b === "/") return a === b ? 0 : a === "/" ? -1 : 1;
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  if (at === a.length && at === b.length) return 0;
  if (at === a.length && b[at] === "/") return -1;
  if (at === b.length && a[at] === "/") return 1;
  return componentByte(b, at) - componentByte(a, at);
}

function componentByte(name: DbName, at: number): number {
  return at >= name.length || name[at] === "/" ? -1 : name.charCodeAt(at);
}
