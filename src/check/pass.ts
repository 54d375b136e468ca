/** One target of a check: each of its name spaces, by walk or by a single look. */
import { includeRoots, rootsOver } from "../config/mod.ts";
import { type DbName, nameOrder } from "../model/mod.ts";
import { sight } from "../roots/mod.ts";
import type { HeldRemovals } from "./held_removals.ts";
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

/** Finds what has changed at one target; nothing is written yet but what did not fit into a batch. */
export async function checkTarget(
  pass: Pass,
  held: HeldRemovals,
  target: CheckTarget,
): Promise<void> {
  const spaces = nameSpaces(pass.context.config, target);
  for (const space of spaces) await held.lookBefore(space);
  if (target.recursive && target.path === "/") {
    await checkEverything(pass, inRecordOrder(spaces));
  } else {
    for (const space of spaces) await checkSpace(pass, space);
  }
}

async function checkSpace(pass: Pass, asked: NameSpace): Promise<void> {
  const { context: { config, jail, reporter, state }, mounts, sighted } = pass;
  if (reporter.wants(2)) reporter.note(say.runningCheck(asked.name, asked.recursive));
  const space = mounts.open(asked);
  if (space === undefined) return reporter.note(say.otherFileSystem(asked.name));
  const roots = rootsOver(includeRoots(config), space.name);
  for (const root of roots) {
    if (!sighted.has(root)) sighted.set(root, sight({ config, jail }, root));
  }
  pass.hasKnown = false;
  const rows = (name: DbName) => new RowCursor(state.records("descending", { name, below: true }));
  if (space.recursive) await joinSpace(pass, space, rows(space.name));
  else await lookAtOne(pass, space, rows);
  if (!pass.hasKnown) return;
  for (const root of roots) pass.confirmed.set(root, sighted.get(root));
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
