/** Writes down where the roots are that a check has found in order. */
import { type Config, includeRoots, locate, resolveName, rootsOver } from "../config/mod.ts";
import type { ReadJail } from "../fs/mod.ts";
import type { DbName, DirectoryPlace, RootRecord } from "../model/mod.ts";
import type { StateStore } from "../state/mod.ts";
import { isSystemError } from "./root_guard.ts";

/** Where a root was seen; undefined for what is none, or was not there. */
export type Sighting = RootRecord | undefined | "unknown";

export interface RecordOptions {
  readonly config: Config;
  readonly state: StateStore;
  readonly jail: ReadJail;
  /** Roots of which something was held stay as they are recorded. */
  readonly isHeld: (root: DbName) => boolean;
}

export interface CoveredOptions extends RecordOptions {
  /** Whether the check has seen everything at and below the name. */
  readonly isCovered: (name: DbName) => boolean;
  /** Where the roots were before the check looked at anything else. */
  readonly before: ReadonlyMap<DbName, Sighting>;
  /** Mount points that the walk has come to, and where they were then. */
  readonly mountPoints: ReadonlyMap<DbName, DirectoryPlace | undefined>;
  /** `--allow-removals`: a root that is gone may be. */
  readonly allowsRemovals: boolean;
}

/** Where the wanted ones of the roots and of the recorded mount points are now. */
export async function sightRoots(
  { config, state, jail }: Pick<RecordOptions, "config" | "state" | "jail">,
  isWanted: (name: DbName) => boolean,
): Promise<Map<DbName, Sighting>> {
  const roots = includeRoots(config);
  const known = (await state.roots()).map(({ name }) => name);
  const names = [...new Set([...roots, ...known])].filter(isWanted);
  return new Map(names.map((name) => [name, sight({ config, jail }, name)]));
}

/** Where an include root is, or a mount point below one. */
export function sight({ config, jail }: Pick<RecordOptions, "config" | "jail">, name: DbName) {
  return sightingOf({ config, jail }, name, {
    isRoot: includeRoots(config).has(name),
    isMount: false,
  });
}

/**
 * After a check of everything below some roots, nothing of which was held: wherever they are now is where
 * they belong, unless they were elsewhere when the check began. A disk that went behind the back of the
 * walk has been seen complete, and what is left is its bare mount point. Nothing is written when nothing
 * has changed.
 */
export async function recordCovered(options: CoveredOptions): Promise<void> {
  const { config, state, isHeld, isCovered, before, mountPoints, allowsRemovals } = options;
  const roots = includeRoots(config);
  const known = new Map((await state.roots()).map((row) => [row.name, row]));
  for (const name of new Set([...roots, ...known.keys(), ...mountPoints.keys()])) {
    if (!isCovered(name) || isHeld(name) || rootsOver(roots, name).length === 0) continue;
    const row = known.get(name), place = mountPoints.get(name);
    const isMount = mountPoints.has(name);
    const now = sightingOf(options, name, { isRoot: roots.has(name), isMount });
    const then: Sighting = place ? { name, of: "itself", place } : before.get(name);
    if (now === "unknown") continue;
    if (!isSame(then, now)) {
      if (row === undefined && then !== undefined && then !== "unknown") {
        await write(state, row, then);
      }
      continue;
    }
    const isGoneForGood = now === undefined && roots.has(name) &&
      (allowsRemovals || row?.of === "nothing");
    await write(state, row, isGoneForGood ? { name, of: "nothing" } : now);
  }
}

/**
 * Roots in which something was found that is recorded: where they are is written down, if nothing is
 * known of it yet.
 * @param confirmed with where they were before that was found
 */
export async function recordMissing(
  options: RecordOptions,
  confirmed: ReadonlyMap<DbName, Sighting>,
): Promise<void> {
  const { state, isHeld } = options;
  if (confirmed.size === 0) return;
  const known = new Map((await state.roots()).map((row) => [row.name, row]));
  for (const [root, then] of confirmed) {
    const before = known.get(root);
    if ((before !== undefined && before.of !== "nothing") || isHeld(root)) continue;
    const now = sightingOf(options, root, { isRoot: true, isMount: false });
    if (now === "unknown" || now === undefined || !isSame(then, now)) continue;
    await write(state, before, now);
  }
}

/**
 * A peer has removed the object in the place of a root, with all that was known below it: like a removal
 * that was allowed here. Else marks below it, which other hosts are still owed, would be held for ever.
 */
export async function recordRemoved(
  { config, state, jail }: Pick<RecordOptions, "config" | "state" | "jail">,
  name: DbName,
): Promise<void> {
  if (!includeRoots(config).has(name) || sight({ config, jail }, name) !== undefined) return;
  await state.transaction((tx) => tx.putRoot({ name, of: "nothing" }));
}

function sightingOf(
  { config, jail }: Pick<RecordOptions, "config" | "jail">,
  name: DbName,
  { isRoot, isMount }: { isRoot: boolean; isMount: boolean },
): Sighting {
  const at = locate(config, name);
  if (at === undefined) return undefined;
  try {
    const place = jail.placeOf(at);
    if (place !== undefined) {
      const isStill = isRoot || isMount || place.mountPoint === resolveName(config, name);
      return isStill ? { name, of: "itself", place } : undefined;
    }
    if (!isRoot || at.below === "" || jail.look(at).kind === "absent") return undefined;
    const slash = Math.max(0, at.below.lastIndexOf("/"));
    const holder = jail.placeOf({ anchor: at.anchor, below: at.below.slice(0, slash) });
    return holder && { name, of: "holder", place: holder };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return "unknown";
  }
}

function isSame(one: Sighting, other: Sighting): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

async function write(
  state: StateStore,
  before: RootRecord | undefined,
  now: RootRecord | undefined,
): Promise<void> {
  if (isSame(before, now)) return;
  await state.transaction(async (tx) => {
    if (now !== undefined) await tx.putRoot(now);
    else if (before !== undefined) await tx.deleteRoot(before.name);
  });
}
