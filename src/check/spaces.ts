/** Which names a path has: the plain one, and one for each prefix it lies at, below or above. */
import { type Config, locate, namesFor, prefixesBelow } from "../config/mod.ts";
import type { DbName, DiskPath, Located } from "../model/mod.ts";
import { isBelow, nameOrder } from "../model/mod.ts";

/** A path that somebody asked to check. */
export interface CheckTarget {
  readonly path: DiskPath;
  readonly recursive: boolean;
}

/** One name under which a target is checked; the spaces of a target do not overlap. */
export interface NameSpace {
  readonly name: DbName;
  readonly at: Located;
  readonly recursive: boolean;
}

/**
 * The name spaces of a target in the order of the C program as far as it can be kept: prefixes whose
 * directory is the path or lies below it, the plain name, prefixes whose directory lies above (D 3.1,
 * 3.3; below: D 7.3.6).
 */
export function nameSpaces(config: Config, { path, recursive }: CheckTarget): NameSpace[] {
  const names = namesFor(config, path);
  const below = recursive ? prefixesBelow(config, path).map((p) => p.name) : [];
  const [plain, ...encoded] = names;
  const ordered = [
    ...encoded.filter((name) => !name.includes("/")),
    ...below,
    ...(plain === undefined ? [] : [plain]),
    ...encoded,
  ];
  return [...new Set(ordered)].flatMap((name) => {
    const at = locate(config, name);
    return at === undefined ? [] : [{ name, at, recursive }];
  });
}

/** In descending order of encoded names: that of one pass over all records. */
export function inRecordOrder(spaces: readonly NameSpace[]): NameSpace[] {
  return spaces.toSorted((a, b) => nameOrder(b.name, a.name));
}

/** Whether a recursive check of `space` answers for the record `name`. */
export function covers(space: NameSpace, name: DbName): boolean {
  return name === space.name || isBelow(name, space.name);
}

/** The prefix of `%p%` and `%p%/a`, or undefined for a plain name. */
export function prefixOf(name: DbName): string | undefined {
  return name.startsWith("%") ? name.slice(1, name.indexOf("%", 1)) : undefined;
}
