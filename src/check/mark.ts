/** `-m`, `-f` and `-h`: marks, force flags and hints, without a look at any file. */
import { type Config, encodePath } from "../config/mod.ts";
import type { DbName } from "../model/mod.ts";
import type { Reporter } from "../report/mod.ts";
import type { StateStore } from "../state/mod.ts";
import { warnUseless } from "./check.ts";
import type { CheckContext } from "./context.ts";
import { planMarks } from "./plan_marks.ts";
import type { CheckTarget } from "./spaces.ts";

export type MarkOptions = Omit<CheckContext, "jail" | "init" | "locks"> & {
  readonly targets: readonly CheckTarget[];
};

/** Names per transaction. */
const MARK_BATCH_NAMES = 2_000;

/**
 * Marks each target under its encoded name, whether it exists or not, and with `recursive` everything
 * known below it (D 4.4).
 */
export async function markPaths(options: MarkOptions): Promise<void> {
  const { config, state } = options;
  for (const target of options.targets) {
    warnUseless(options, [target]);
    const name = encodePath(config, target.path);
    await markNames(options, [name]);
    if (!target.recursive) continue;
    for await (const rows of state.records("ascending", { name, below: true })) {
      const names = rows.map((row) => row.name).filter((known) => known !== name);
      for (let at = 0; at < names.length; at += MARK_BATCH_NAMES) {
        await markNames(options, names.slice(at, at + MARK_BATCH_NAMES));
      }
    }
  }
}

async function markNames(options: MarkOptions, names: readonly DbName[]): Promise<void> {
  const plan = planMarks(options, names);
  if (plan.marks.length > 0 || plan.actions.length > 0) {
    await options.state.transaction(async (tx) => {
      await tx.mark(plan.marks);
      await tx.schedule(plan.actions);
    });
  }
  plan.tell();
}

export interface ForceOptions {
  readonly config: Config;
  readonly state: StateStore;
  readonly targets: readonly CheckTarget[];
}

/** Sets the force flag on existing marks of the encoded names; never says anything (D 4.4). */
export async function forcePaths({ config, state, targets }: ForceOptions): Promise<void> {
  await state.transaction(async (tx) => {
    for (const { path, recursive } of targets) {
      await tx.force({ name: encodePath(config, path), below: recursive });
    }
  });
}

export interface HintOptions extends ForceOptions {
  readonly reporter: Reporter;
}

/** Stores the targets as they are, for a later check (D 3.8). */
export async function addHints(options: HintOptions): Promise<void> {
  warnUseless(options, options.targets);
  if (options.targets.length === 0) return;
  await options.state.transaction(async (tx) => {
    for (const hint of options.targets) await tx.addHint(hint);
  });
}
