/** `-c`, `-I` and the checking half of `-x`: roots or hints -> walk -> decide -> write. */
import { classifier, isUselessArgument, locate } from "../config/mod.ts";
import type { DbName } from "../model/mod.ts";
import { deletionGuard, mostRemovals, type RemovalLimit } from "../reconcile/mod.ts";
import { recordCovered, recordMissing, type Sighting, sightRoots } from "../roots/mod.ts";
import { Batch, type CheckCounts } from "./batch.ts";
import type { CheckContext } from "./context.ts";
import { countRemovals, overlap } from "./count_removals.ts";
import type { FindingSink } from "./finding.ts";
import { HeldRemovals } from "./held_removals.ts";
import type { Pass } from "./join.ts";
import * as say from "./messages.ts";
import { Mounts } from "./mounts.ts";
import { checkTarget } from "./pass.ts";
import { type CheckTarget, covers, nameSpaces } from "./spaces.ts";
import { StrayPartials } from "./stray_partials.ts";
import { Unseen } from "./unseen.ts";

export interface CheckOptions extends CheckContext {
  /** In this order; `hints`: all hints, the last first, each deleted after its check (D 3.1). */
  readonly targets: readonly CheckTarget[] | "hints";
  /** Told the directories that hold something, in recursive checks only (`-W`). */
  readonly dump?: (name: DbName) => void;
  /** `--max-removals`: more removals than this are held, all of them. */
  readonly maxRemovals?: RemovalLimit;
  /** `--one-file-system`: no directory on another one than its include root is entered. @default {false} */
  readonly oneFileSystem?: boolean;
}

/**
 * Compares the disk with the records, updates the records, and marks what changed for the peers.
 *
 * What cannot be examined is reported as an error and left as it was, and so are removals below a root
 * that is gone or lies on another file system than recorded. Findings are written in batches, each in
 * one transaction; whatever ends the check early, the next one finds the rest.
 *
 * RACE: a change after the look at a hinted file whose hint is added again before the old hint is
 * deleted waits for the next check of that file.
 */
export async function check(options: CheckOptions): Promise<CheckCounts> {
  const { state, reporter, init = false } = options;
  const hints = options.targets === "hints" ? (await state.hints()).toReversed() : undefined;
  const targets = hints ?? (options.targets as readonly CheckTarget[]);
  const held = new HeldRemovals(options, { overlap: overlap(targets) });
  await limit(options, held, targets);
  const batch = new Batch(options, { held, commits: await state.foreignCommits() });
  const strays = await StrayPartials.of(options), unseen = await Unseen.of(options);
  const pass: Pass = { ...passOf(options, batch), strays };
  for (const [at, target] of targets.entries()) {
    if (hints === undefined) warnUseless(options, [target]);
    const before = target.recursive
      ? await sightRoots(options, coveredBy(options, target))
      : undefined;
    await checkTarget(pass, held, target);
    await unseen?.find(pass, coveredBy(options, target));
    await batch.endTarget(hints?.[at]);
    if (before !== undefined) await recordRoots(options, { pass, held, target, before });
  }
  await batch.flush();
  await strays?.settle(pass.locate);
  await unseen?.settle();
  const isHeld = (root: DbName) => held.isHeld(root);
  await recordMissing({ ...options, isHeld }, pass.confirmed);
  held.tell(reporter);
  if (init) reporter.note(say.initialised(batch.counts.written, batch.counts.removed));
  return batch.counts;
}

/** Says of each argument that can have no effect that it has none (D 2.6). */
export function warnUseless(
  { config, reporter }: Pick<CheckContext, "config" | "reporter">,
  targets: readonly CheckTarget[],
): void {
  for (const { path, recursive } of targets) {
    if (isUselessArgument(config, path, recursive)) reporter.note(say.uselessArgument(path));
  }
}

function passOf(options: Omit<CheckOptions, "targets">, batch: FindingSink): Pass {
  const { config, dump } = options;
  return {
    context: options,
    batch,
    mounts: new Mounts(options),
    hasKnown: false,
    sighted: new Map(),
    confirmed: new Map(),
    classify: classifier(config),
    locate: (name) => locate(config, name),
    ...(dump && { dump }),
  };
}

/** Counts before anything is written, so that too many removals are held from the first to the last. */
async function limit(
  options: CheckOptions,
  held: HeldRemovals,
  targets: readonly CheckTarget[],
): Promise<void> {
  const { maxRemovals } = options;
  if (maxRemovals === undefined) return;
  const { dump: _dump, ...silent } = options;
  const { vanished, known } = await countRemovals(silent, {
    targets,
    passFor: (batch, context) => passOf(context, batch),
    countsKnown: maxRemovals.kind === "percent",
  });
  const isFine = deletionGuard({ vanished, known }, maxRemovals) === "go-on";
  // What vanishes from now on is counted as it comes.
  const most = isFine ? mostRemovals(maxRemovals, known) : -1;
  held.limitTo(most, { count: vanished, known, limit: maxRemovals });
}

async function recordRoots(
  options: CheckOptions,
  { pass, held, target, before }: {
    pass: Pass;
    held: HeldRemovals;
    target: CheckTarget;
    before: ReadonlyMap<DbName, Sighting>;
  },
): Promise<void> {
  const { config, state, jail, allowsRemovals = false } = options;
  const isCovered = coveredBy(options, target);
  await recordCovered({
    config,
    state,
    jail,
    allowsRemovals,
    isHeld: (root) => held.isHeld(root),
    isCovered: (root) => isCovered(root) && !pass.mounts.isShut(root),
    before,
    mountPoints: pass.mounts.found,
  });
}

/** Whether a recursive check of the target answers for a name. */
function coveredBy(
  { config }: Pick<CheckOptions, "config">,
  target: CheckTarget,
): (name: DbName) => boolean {
  const spaces = nameSpaces(config, target);
  return (name) => spaces.some((space) => covers(space, name));
}
