/** What the server does on this host's account before a peer may change a name. */
import { scheduleFor } from "../actions/mod.ts";
import { checkOne } from "../check/mod.ts";
import { type Config, grant } from "../config/mod.ts";
import {
  type DbName,
  type Entry,
  type HostName,
  parent,
  type ScheduledAction,
} from "../model/mod.ts";
import type { Reporter } from "../report/mod.ts";
import type { Workplace } from "./context.ts";

/** Finds what was changed here and nobody knows yet (W 13.1). @returns commands scheduled for it */
export async function checkName(
  { config, state, jail }: Workplace,
  reporter: Reporter,
  { name, seen }: { readonly name: DbName; readonly seen?: Entry | undefined },
): Promise<readonly ScheduledAction[]> {
  const scheduled: ScheduledAction[] = [];
  const actionsFor = (changed: DbName) => {
    const actions = scheduleFor(config, changed, "local");
    scheduled.push(...actions);
    return actions;
  };
  await checkOne({ config, state, jail, reporter, actionsFor }, name, seen);
  return scheduled;
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
