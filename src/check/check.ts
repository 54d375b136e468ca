/** `-c`, `-I` and the checking half of `-x`: roots or hints -> walk -> decide -> write. */
import { classifier, isUselessArgument, locate } from "../config/mod.ts";
import { type DbName, type Hint, nameOrder } from "../model/mod.ts";
import { Batch, type CheckCounts } from "./batch.ts";
import type { CheckContext } from "./context.ts";
import { joinSpace, lookAtOne, type Pass } from "./join.ts";
import * as say from "./messages.ts";
import { RowCursor } from "./row_cursor.ts";
import {
  type CheckTarget,
  covers,
  inRecordOrder,
  type NameSpace,
  nameSpaces,
  prefixOf,
} from "./spaces.ts";

export interface CheckOptions extends CheckContext {
  /** In this order; `hints`: all hints, the last first, each deleted after its check (D 3.1). */
  readonly targets: readonly CheckTarget[] | "hints";
  /** Told the directories that hold something, in recursive checks only (`-W`). */
  readonly dump?: (name: DbName) => void;
}

/**
 * Compares the disk with the records, updates the records, and marks what changed for the peers.
 *
 * What cannot be examined is reported as an error and left as it was. Findings are written in
 * batches, each in one transaction; whatever ends the check early, the next one finds the rest.
 *
 * RACE: a change after the look at a hinted file whose hint is added again before the old hint is
 * deleted waits for the next check of that file.
 */
export async function check(options: CheckOptions): Promise<CheckCounts> {
  const { config, state, reporter, init = false } = options;
  const batch = new Batch(options, await state.foreignCommits());
  const pass: Pass = {
    context: options,
    batch,
    classify: classifier(config),
    locate: (name) => locate(config, name),
    ...(options.dump && { dump: options.dump }),
  };
  if (options.targets === "hints") {
    for (const hint of (await state.hints()).toReversed()) await checkTarget(pass, hint, hint);
  } else {
    for (const target of options.targets) {
      warnUseless(options, [target]);
      await checkTarget(pass, target);
    }
  }
  await batch.flush();
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

async function checkTarget(pass: Pass, target: CheckTarget, hint?: Hint): Promise<void> {
  const spaces = nameSpaces(pass.context.config, target);
  if (target.recursive && target.path === "/") {
    await checkEverything(pass, inRecordOrder(spaces));
  } else {
    for (const space of spaces) await checkSpace(pass, space);
  }
  await pass.batch.endTarget(hint);
}

async function checkSpace(pass: Pass, space: NameSpace): Promise<void> {
  const { reporter, state } = pass.context;
  if (reporter.wants(2)) reporter.note(say.runningCheck(space.name, space.recursive));
  const rows = (name: DbName) => new RowCursor(state.records("descending", { name, below: true }));
  if (!space.recursive) return await lookAtOne(pass, space, rows);
  await joinSpace(pass, space, rows(space.name));
}

/** `-cr /`: one pass over all records, those of prefixes included. */
async function checkEverything(pass: Pass, spaces: readonly NameSpace[]): Promise<void> {
  const { reporter, state, config } = pass.context;
  const rows = new RowCursor(state.records("descending"));
  const strange = new Set<string>();
  const skipped = (name: DbName) => {
    const prefix = prefixOf(name);
    if (prefix !== undefined) strange.add(prefix);
  };
  for (const space of spaces) {
    if (reporter.wants(2)) reporter.note(say.runningCheck(space.name, space.recursive));
    // Rows before the space belong to prefixes that have no path here.
    await rows.skipTo((name) => isAtOrBehind(space, name), skipped);
    await joinSpace(pass, space, rows);
  }
  await rows.skipTo(() => false, skipped);
  for (const prefix of strange) reporter.note(say.undefinedPrefix(prefix, config.hostName));
}

function isAtOrBehind(space: NameSpace, name: DbName): boolean {
  return covers(space, name) || nameOrder(name, space.name) <= 0;
}
