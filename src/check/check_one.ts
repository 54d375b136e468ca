/** The check of one name before a peer may change it (W 13.1). */
import { classifier, locate, namesFor, resolveName } from "../config/mod.ts";
import type { DbName, Entry, FileRecord, Located } from "../model/mod.ts";
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
export function checkOne(
  context: CheckOneContext,
  name: DbName,
  known?: KnownOfName,
): boolean | Promise<boolean> {
  const { config } = context;
  const path = resolveName(config, name);
  if (path === undefined) return false;
  // PERF: nearly always, and then there is nothing to wait for.
  if (known !== undefined && isAsRecorded(context, name, known)) return false;
  const aliases = new Set([name, ...namesFor(config, path)]);
  return checkAliases(context, { name, aliases, known });
}

/**
 * Whether nothing can be found by `checkOne`, as far as that can be told at once. False: ask it. As with
 * that, the lock of the path is held.
 */
export function isAsRecorded(
  context: CheckOneContext,
  name: DbName,
  known: KnownOfName,
): boolean {
  const { config } = context;
  const path = resolveName(config, name);
  if (path === undefined) return true;
  for (const alias of namesFor(config, path)) {
    if (alias !== name && placeOf(context, alias) !== undefined) return false;
  }
  return !isFound(context, name, known);
}

function isFound(context: CheckOneContext, name: DbName, known: KnownOfName): boolean {
  const at = placeOf(context, name);
  return at !== undefined && find(context, { name, at }, known) !== undefined;
}

/** Undefined for a name that is none of ours. */
function placeOf({ config }: CheckOneContext, name: DbName): Located | undefined {
  return classifierOf(config)(name) === 0 ? undefined : locate(config, name);
}

function find(
  { config, state }: CheckOneContext,
  { name, at }: { readonly name: DbName; readonly at: Located },
  { seen, record }: KnownOfName,
): Finding | undefined {
  // Class 1 is entered only: its record goes when the object goes, but it never gets one.
  if (seen.kind !== "absent" && classifierOf(config)(name) !== 2) return undefined;
  const options = { name, time: state.timeUnit, ignored: config.ignored };
  return findingOf(checkStep(seen, record, options), { name, at });
}

async function checkAliases(
  context: CheckOneContext,
  { name, aliases, known }: {
    readonly name: DbName;
    readonly aliases: ReadonlySet<DbName>;
    readonly known: KnownOfName | undefined;
  },
): Promise<boolean> {
  const { state, jail } = context;
  const findings: Finding[] = [];
  for (const alias of aliases) {
    const at = placeOf(context, alias);
    if (at === undefined) continue;
    try {
      const of = known !== undefined && alias === name
        ? known
        : { record: await state.record(alias), seen: jail.look(at) };
      const finding = find(context, { name: alias, at }, of);
      if (finding !== undefined) findings.push(finding);
    } catch (error) {
      reportUnknown(context, alias, error);
    }
  }
  if (findings.length === 0) return false;
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
