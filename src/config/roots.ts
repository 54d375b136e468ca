/** The roots of a configuration: what stands before the first wildcard of its includes (D 2.3). */
import { type DbName, isDbName, parent } from "../model/mod.ts";
import type { Config } from "./config.ts";
import { isPathPattern } from "./pattern.ts";
import { reachablePrefixes } from "./prefix.ts";
import { compileProgram, literal } from "./shell_match.ts";

const ROOTS = new WeakMap<Config, ReadonlySet<DbName>>();

/**
 * Include roots and prefix directories. Of an include without wildcards that is the object itself,
 * which may be a single file; of one with wildcards the directory in which the first of them stands. A
 * prefix directory is one when an include uses the prefix and it has a path here. Compare patterns
 * make none: nothing of theirs is recorded.
 */
export function includeRoots(config: Config): ReadonlySet<DbName> {
  let roots = ROOTS.get(config);
  if (roots === undefined) ROOTS.set(config, roots = findRoots(config));
  return roots;
}

function findRoots(config: Config): ReadonlySet<DbName> {
  const prefixes = new Set(reachablePrefixes(config).map(({ name }) => name));
  const roots = new Set<DbName>();
  for (const { kind, text } of config.groups.flatMap(({ patterns }) => patterns)) {
    const root = kind === "include" && isPathPattern(text) ? rootOf(text) : undefined;
    if (root === undefined) continue;
    if (!root.startsWith("%")) {
      roots.add(root);
      continue;
    }
    const prefix = root.slice(0, root.indexOf("%", 1) + 1) as DbName;
    if (!prefixes.has(prefix)) continue;
    roots.add(prefix);
    roots.add(root);
  }
  return roots;
}

/** Undefined for a pattern that matches nothing, or nothing that is a name. */
function rootOf(pattern: string): DbName | undefined {
  const ops = compileProgram(pattern)?.ops;
  if (ops === undefined) return undefined;
  const wild = ops.findIndex((op) => op < 0);
  if (wild < 0) {
    const name = literal(ops);
    return isDbName(name) ? name : undefined;
  }
  // The component with the wildcard is not fixed.
  const head = literal(ops.slice(0, wild));
  const dir = head.slice(0, Math.max(0, head.lastIndexOf("/"))) || "/";
  return isDbName(dir) && (dir !== "/" || head.startsWith("/")) ? dir : undefined;
}

/** The roots at and above `name`, the outermost first. `among`: any names, not only those of a config. */
export function rootsOver(among: { has(name: DbName): boolean }, name: DbName): DbName[] {
  const found: DbName[] = [];
  for (let dir: DbName | undefined = name; dir !== undefined; dir = parent(dir)) {
    if (among.has(dir)) found.push(dir);
  }
  return found.reverse();
}
