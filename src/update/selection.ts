/** Which marks a run takes: paths of the command line against stored names. */
import { type Config, namesFor, prefixesBelow } from "../config/mod.ts";
import { type DbName, type DiskPath, isBelow } from "../model/mod.ts";

/** A path given to `-u`. */
export interface UpdateTarget {
  readonly path: DiskPath;
  readonly recursive: boolean;
}

/**
 * Whether a row is taken. Every name that a path has counts, those under a prefix too (D 7.3.7);
 * with `recursive` everything below it, and below prefixes that lie there; `/` stands for all rows.
 */
export function selection(
  config: Config,
  targets: readonly UpdateTarget[] | undefined,
): (name: DbName) => boolean {
  if (targets === undefined || targets.some(({ path }) => path === "/")) return () => true;
  const exact = new Set<DbName>();
  const tops: DbName[] = [];
  for (const { path, recursive } of targets) {
    const names = namesFor(config, path);
    for (const name of names) exact.add(name);
    if (!recursive) continue;
    const below = prefixesBelow(config, path).map((p) => p.name);
    for (const name of below) exact.add(name);
    tops.push(...names, ...below);
  }
  return (name) => exact.has(name) || tops.some((top) => isBelow(name, top));
}
