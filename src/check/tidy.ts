/** `-R`: rows that no group covers any more. */
import {
  type Config,
  includeRoots,
  matchingGroups,
  resolveName,
  rootsOver,
} from "../config/mod.ts";
import type { DbName, DirtyRow } from "../model/mod.ts";
import type { Reporter } from "../report/mod.ts";
import type { StateStore } from "../state/mod.ts";
import * as say from "./messages.ts";

export interface TidyOptions {
  readonly config: Config;
  readonly state: StateStore;
  readonly reporter: Reporter;
}

/** Rows per transaction. */
const TIDY_BATCH_ROWS = 2_000;

/**
 * Deletes marks unless a group with the mark's own name matches the name and has the peer, and
 * records that no group matches; names whose prefix has no path here go too (D 7.1.16). Hints,
 * actions and pins stay.
 */
export async function tidy({ config, state, reporter }: TidyOptions): Promise<void> {
  const marks: DirtyRow[] = [];
  for await (const rows of state.dirtyRows()) {
    for (const row of rows) if (!isOwed(config, row)) marks.push(row);
  }
  marks.reverse(); // COMPAT: descending, as the C program lists them (D 4.4).
  for (const some of slices(marks)) {
    await state.transaction(async (tx) => {
      for (const row of some) await tx.settle(row);
    });
    for (const { name, peer } of some) reporter.note(say.rowForgotten(name, peer));
  }
  const names: DbName[] = [];
  for await (const rows of state.records("descending")) {
    for (const { name } of rows) if (!isCovered(config, name)) names.push(name);
  }
  for (const some of slices(names)) {
    await state.transaction((tx) => tx.deleteRecords(some));
    for (const name of some) reporter.note(say.rowForgotten(name));
  }
  await forgetRoots(config, state);
}

/** What was recorded of roots that are none any more. */
async function forgetRoots(config: Config, state: StateStore): Promise<void> {
  const roots = includeRoots(config);
  const stale = (await state.roots()).filter(({ name }) => rootsOver(roots, name).length === 0);
  if (stale.length === 0) return;
  await state.transaction(async (tx) => {
    for (const { name } of stale) await tx.deleteRoot(name);
  });
}

/** D 7.4.14: own names are compared decoded, so that one with a colon keeps its marks. */
function isOwed(config: Config, { name, myName, peer }: DirtyRow): boolean {
  return resolveName(config, name) !== undefined &&
    matchingGroups(config, name).some((group) =>
      group.myName === myName && group.peers.some((p) => p.name === peer)
    );
}

function isCovered(config: Config, name: DbName): boolean {
  return resolveName(config, name) !== undefined && matchingGroups(config, name).length > 0;
}

function* slices<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < rows.length; at += TIDY_BATCH_ROWS) {
    yield rows.slice(at, at + TIDY_BATCH_ROWS);
  }
}
