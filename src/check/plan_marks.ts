/** Which rows a local change makes, and what is said about them. */
import { marksFor } from "../reconcile/mod.ts";
import type { DbName, DirtyMark, HostName, ScheduledAction } from "../model/mod.ts";
import type { Reporter } from "../report/mod.ts";
import type { CheckContext } from "./context.ts";
import * as say from "./messages.ts";

export interface MarkPlan {
  readonly marks: readonly DirtyMark[];
  readonly actions: readonly ScheduledAction[];
  /** Reports what was marked, in the order of the names. */
  tell(): void;
}

/** Marks and actions for names that changed here, and the lines about them (D 3.5). */
export function planMarks(
  { config, reporter, forced = false, onlyPeers, actionsFor }: Omit<CheckContext, "jail" | "state">,
  names: readonly DbName[],
): MarkPlan {
  const marks: DirtyMark[] = [];
  const actions: ScheduledAction[] = [];
  const told: { name: DbName; isMarked: boolean; passed: readonly HostName[] }[] = [];
  const keepsLines = reporter.wants(1);
  for (const name of names) {
    const all = marksFor(config, name, { forced });
    const some = onlyPeers === undefined ? all : all.filter((m) => onlyPeers.includes(m.peer));
    for (const mark of some) marks.push(mark);
    if (actionsFor !== undefined) actions.push(...actionsFor(name));
    if (!keepsLines) continue;
    const passed = all.length === some.length
      ? []
      : all.filter((m) => !some.includes(m)).map((m) => m.peer);
    told.push({ name, isMarked: all.length > 0, passed });
  }
  return { marks, actions, tell: () => tell(reporter, told) };
}

function tell(
  reporter: Reporter,
  told: readonly { name: DbName; isMarked: boolean; passed: readonly HostName[] }[],
): void {
  for (const { name, isMarked, passed } of told) {
    reporter.note(isMarked ? say.marked(name) : say.inNoGroup(name));
    for (const peer of passed) reporter.note(say.notMarkingHost(peer));
  }
}
