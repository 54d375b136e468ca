/** DbName <-> DiskPath. `%prefix%` is expanded nowhere else (D 2.1). */
import type { DbName, DiskPath, Located } from "../model/mod.ts";
import { isBelow } from "../model/mod.ts";
import type { Config } from "./config.ts";

/** A prefix that has a path on this host. */
export interface ReachablePrefix {
  /** `%p%` */
  readonly name: DbName;
  readonly path: DiskPath;
}

const REACHABLE = new WeakMap<Config, readonly ReachablePrefix[]>();

/** Prefixes with a path here, last declared first; of several with one name the last declared. */
export function reachablePrefixes(config: Config): readonly ReachablePrefix[] {
  let found = REACHABLE.get(config);
  if (found === undefined) {
    const byName = new Map<string, DiskPath>();
    for (const { name, path } of config.prefixes.toReversed()) {
      if (path !== undefined && !byName.has(name)) byName.set(name, path);
    }
    found = [...byName].map(([name, path]) => ({ name: `%${name}%` as DbName, path }));
    REACHABLE.set(config, found);
  }
  return found;
}

/** Prefix and rest (empty or `/...`) of a name; undefined when no prefix of that name has a path. */
function split(config: Config, name: DbName): { path: DiskPath; rest: string } | undefined {
  const end = name.indexOf("%", 1) + 1;
  const head = name.slice(0, end);
  const prefix = reachablePrefixes(config).find((known) => known.name === head);
  const rest = name.slice(end);
  return prefix && (rest === "" || rest.startsWith("/")) ? { path: prefix.path, rest } : undefined;
}

/** The path of a name here; undefined when its prefix has none (D 7.1.16). */
export function resolveName(config: Config, name: DbName): DiskPath | undefined {
  if (!name.startsWith("%")) return name as string as DiskPath;
  const found = split(config, name);
  if (found === undefined) return undefined;
  if (found.path === "/") return (found.rest === "" ? "/" : found.rest) as DiskPath;
  return found.path + found.rest as DiskPath;
}

/**
 * Where a name is, for the jail: below an anchor no symbolic link is followed. A plain name is anchored
 * at `/`, a name with a prefix at the directory above the prefix directory, whose way there is the
 * administrator's business (D 3.2). Undefined when the prefix has no path here.
 */
export function locate(config: Config, name: DbName): Located | undefined {
  if (!name.startsWith("%")) return { anchor: "/" as DiskPath, below: name.slice(1) };
  const found = split(config, name);
  if (found === undefined) return undefined;
  if (found.path === "/") return { anchor: found.path, below: found.rest.slice(1) };
  const slash = found.path.lastIndexOf("/");
  return {
    anchor: (slash === 0 ? "/" : found.path.slice(0, slash)) as DiskPath,
    below: found.path.slice(slash + 1) + found.rest,
  };
}

function isAtOrBelow(path: DiskPath, dir: DiskPath): boolean {
  return path === dir || isBelow(path, dir);
}

function nameBelow(path: DiskPath, prefix: ReachablePrefix): DbName {
  if (prefix.path === "/") return (path === "/" ? prefix.name : prefix.name + path) as DbName;
  return prefix.name + path.slice(prefix.path.length) as DbName;
}

/** The name of a path: with the last declared prefix that it is at or below, else the path (D 2.1). */
export function encodePath(config: Config, path: DiskPath): DbName {
  return namesFor(config, path)[1] ?? path as string as DbName;
}

/** All names of a path: the plain one, then one for each prefix it is at or below, last declared first. */
export function namesFor(config: Config, path: DiskPath): DbName[] {
  const prefixes = reachablePrefixes(config);
  if (prefixes.length === 0) return [path as string as DbName]; // PERF: asked for every name of a peer
  const prefixed = prefixes
    .filter((prefix) => isAtOrBelow(path, prefix.path))
    .map((prefix) => nameBelow(path, prefix));
  return [path as string as DbName, ...prefixed];
}

/** Prefixes whose directory is `path` or lies below it, last declared first. */
export function prefixesBelow(config: Config, path: DiskPath): ReachablePrefix[] {
  return reachablePrefixes(config).filter((prefix) => isAtOrBelow(prefix.path, path));
}
