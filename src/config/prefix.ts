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

/** What names with one prefix have in common. */
interface Split {
  readonly config: Config;
  /** `%p%` */
  readonly head: string;
  readonly path: DiskPath;
  /** Where its directory is: the directory above, and its own name. */
  readonly anchor: DiskPath;
  readonly leaf: string;
}

/** PERF: of the last name; neighbours have the same. */
let last: Split | undefined;

/** Undefined when no prefix of that name has a path, and when the name goes on in another way. */
function split(config: Config, name: DbName): Split | undefined {
  const head = last?.head ?? "";
  const isLast = last?.config === config && name.startsWith(head) && isEnd(name, head.length);
  return isLast ? last : splitAnew(config, name);
}

function splitAnew(config: Config, name: DbName): Split | undefined {
  const head = name.slice(0, name.indexOf("%", 1) + 1);
  const path = reachablePrefixes(config).find((known) => known.name === head)?.path;
  if (path === undefined || !isEnd(name, head.length)) return undefined;
  const slash = path.lastIndexOf("/");
  const anchor = (slash === 0 ? "/" : path.slice(0, slash)) as DiskPath;
  return last = { config, head, path, anchor, leaf: path.slice(slash + 1) };
}

function isEnd(name: DbName, at: number): boolean {
  return name.length === at || name.charCodeAt(at) === SLASH;
}

const SLASH = 0x2f;

/** The path of a name here; undefined when its prefix has none (D 7.1.16). */
export function resolveName(config: Config, name: DbName): DiskPath | undefined {
  if (!name.startsWith("%")) return name as string as DiskPath;
  const found = split(config, name);
  if (found === undefined) return undefined;
  const rest = name.slice(found.head.length);
  if (found.path === "/") return (rest === "" ? "/" : rest) as DiskPath;
  return found.path + rest as DiskPath;
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
  const { head, path, anchor, leaf } = found;
  if (path === "/") return { anchor: path, below: name.slice(head.length + 1) };
  return { anchor, below: leaf + name.slice(head.length) };
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
  const names = [path as string as DbName];
  // PERF: asked for every name of a peer: no list but the result.
  for (const prefix of reachablePrefixes(config)) {
    if (isAtOrBelow(path, prefix.path)) names.push(nameBelow(path, prefix));
  }
  return names;
}

/** Prefixes whose directory is `path` or lies below it, last declared first. */
export function prefixesBelow(config: Config, path: DiskPath): ReachablePrefix[] {
  return reachablePrefixes(config).filter((prefix) => isAtOrBelow(prefix.path, path));
}
