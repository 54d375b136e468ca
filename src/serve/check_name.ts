/** What the server does on this host's account before a peer may change a name. */
import { scheduleFor } from "../actions/mod.ts";
import { checkOne, isAsRecorded, type KnownOfName } from "../check/mod.ts";
import { type Config, grant } from "../config/mod.ts";
import { type DbName, type HostName, parent, type ScheduledAction } from "../model/mod.ts";
import type { Reporter } from "../report/mod.ts";
import type { Workplace } from "./context.ts";

/** What a check has found: anything at all, and commands scheduled for it. */
export interface Checked {
  readonly found: boolean;
  readonly scheduled: readonly ScheduledAction[];
}

/** Finds what was changed here and nobody knows yet (W 13.1). */
export function checkName(
  { config, state, jail }: Workplace,
  reporter: Reporter,
  { name, known }: { readonly name: DbName; readonly known?: KnownOfName | undefined },
): Checked | Promise<Checked> {
  const scheduled: ScheduledAction[] = [];
  const actionsFor = (changed: DbName) => {
    const actions = scheduleFor(config, changed, "local");
    scheduled.push(...actions);
    return actions;
  };
  const found = checkOne({ config, state, jail, reporter, actionsFor }, name, known);
  return typeof found === "boolean"
    ? { found, scheduled }
    : found.then((found) => ({ found, scheduled }));
}

/** Whether `checkName` would find nothing, as far as that can be told without a wait. */
export function isInOrder(
  { config, state, jail }: Workplace,
  reporter: Reporter,
): (name: DbName, known: KnownOfName) => boolean {
  const context = { config, state, jail, reporter, actionsFor: () => [] };
  return (name, known) => isAsRecorded(context, name, known);
}

/**
 * `--create-parents`: whether the directory above may be made here, because the peer cannot send it: no
 * group that both are in has it (D 7.2.11).
 */
export function makesParents(
  { createsParents }: Workplace,
  config: Config,
  { name, key, peer }: { name: DbName; key: string; peer: HostName },
): boolean {
  const dir = parent(name);
  return createsParents && dir !== undefined &&
    grant(config, { name: dir, key, peer }) === "denied";
}
