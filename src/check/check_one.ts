/** The check of one name before a peer may change it (W 13.1). */
import { classifier, locate, namesFor, resolveName } from "../config/mod.ts";
import type { DbName, Entry, FileRecord } from "../model/mod.ts";
import { checkStep } from "../reconcile/mod.ts";
import { Batch } from "./batch.ts";
import { type CheckContext, reportUnknown } from "./context.ts";
import { type Finding, findingOf } from "./finding.ts";
import { HeldRemovals } from "./held_removals.ts";

/** As for `check`, without locks: the caller holds the lock of the path. */
export type CheckOneContext = Omit<CheckContext, "locks" | "init">;

/** What the caller has found out about the name under the lock of its path, the state after the disk. */
export interface KnownOfName {
  readonly seen: Entry;
  readonly record: FileRecord | undefined;
}

/**
 * Compares one object with its record under each name that it has, and marks it when a change made
 * here is still unknown. Never recursive. Call it with the lock of the object's path held.
 *
 * @returns whether something was found that may have been written
 */
export async function checkOne(
  context: CheckOneContext,
  name: DbName,
  known?: KnownOfName,
): Promise<boolean> {
  const { config, state, jail } = context;
  const path = resolveName(config, name);
  if (path === undefined) return false;
  const classify = classifierOf(config);
  const findings: Finding[] = [];
  for (const alias of new Set([name, ...namesFor(config, path)])) {
    const at = classify(alias) === 0 ? undefined : locate(config, alias);
    if (at === undefined) continue;
    try {
      const isKnown = known !== undefined && alias === name;
      const record = isKnown ? known.record : await state.record(alias);
      const entry = isKnown ? known.seen : jail.look(at);
      // Class 1 is entered only: its record goes when the object goes, but it never gets one.
      if (entry.kind !== "absent" && classify(alias) !== 2) continue;
      const step = checkStep(entry, record, {
        name: alias,
        time: state.timeUnit,
        ignored: config.ignored,
      });
      const finding = findingOf(step, { name: alias, at });
      if (finding !== undefined) findings.push(finding);
    } catch (error) {
      reportUnknown(context, alias, error);
    }
  }
  if (findings.length === 0) return false; // PERF: nearly always
  const held = new HeldRemovals(context);
  const batch = new Batch({ ...context, locks: undefined }, { held });
  for (const finding of findings) batch.add(finding);
  await batch.flush();
  held.tell(context.reporter);
  return true;
}

/** Compiled once per configuration: a server asks for every name it is sent. */
const classifiers = new WeakMap<CheckContext["config"], ReturnType<typeof classifier>>();
function classifierOf(config: CheckContext["config"]): ReturnType<typeof classifier> {
  const known = classifiers.get(config) ?? classifier(config);
  classifiers.set(config, known);
  return known;
}
