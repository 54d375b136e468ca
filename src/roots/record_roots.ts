/** Writes down where the roots are that a check has found in order. */
import { type Config, includeRoots, locate, resolveName, rootsOver } from "../config/mod.ts";
import type { ReadJail } from "../fs/mod.ts";
import type { DbName, RootRecord } from "../model/mod.ts";
import type { StateStore } from "../state/mod.ts";
import { isSystemError } from "./root_guard.ts";

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
  /** Mount points that the walk has come to. */
  readonly mountPoints: Iterable<DbName>;
  /** `--allow-removals`: a root that is gone may be. */
  readonly allowsRemovals: boolean;
}

/**
 * After a check of everything below some roots, nothing of which was held: wherever they are now is where
 * they belong. Nothing is written when nothing has changed.
 */
export async function recordCovered(options: CoveredOptions): Promise<void> {
  const { config, state, isHeld, isCovered, mountPoints, allowsRemovals } = options;
  const roots = includeRoots(config);
  const known = new Map((await state.roots()).map((row) => [row.name, row]));
  const mounts = new Set(mountPoints);
  for (const name of new Set([...roots, ...known.keys(), ...mounts])) {
    if (!isCovered(name) || isHeld(name) || rootsOver(roots, name).length === 0) continue;
    const before = known.get(name);
    const now = rowOf(options, name, { isRoot: roots.has(name), isMount: mounts.has(name) });
    if (now === "unknown") continue;
    const isGoneForGood = now === undefined && roots.has(name) &&
      (allowsRemovals || before?.of === "nothing");
    await write(state, before, isGoneForGood ? { name, of: "nothing" } : now);
  }
}

/**
 * Roots in which something was found that is recorded: where they are is written down, if nothing is
 * known of it yet.
 */
export async function recordMissing(
  options: RecordOptions,
  confirmed: Iterable<DbName>,
): Promise<void> {
  const { state, isHeld } = options;
  const wanted = [...confirmed];
  if (wanted.length === 0) return;
  const known = new Map((await state.roots()).map((row) => [row.name, row]));
  for (const root of wanted) {
    const before = known.get(root);
    if ((before !== undefined && before.of !== "nothing") || isHeld(root)) continue;
    const now = rowOf(options, root, { isRoot: true, isMount: false });
    if (now !== "unknown" && now !== undefined) await write(state, before, now);
  }
}

/** What to record of a root; undefined for what is none, or is not there. */
function rowOf(
  { config, jail }: RecordOptions,
  name: DbName,
  { isRoot, isMount }: { isRoot: boolean; isMount: boolean },
): RootRecord | undefined | "unknown" {
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

async function write(
  state: StateStore,
  before: RootRecord | undefined,
  now: RootRecord | undefined,
): Promise<void> {
  if (JSON.stringify(before) === JSON.stringify(now)) return;
  await state.transaction(async (tx) => {
    if (now !== undefined) await tx.putRoot(now);
    else if (before !== undefined) await tx.deleteRoot(before.name);
  });
}
