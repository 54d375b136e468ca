/** What every kind of check needs. */
import type { Config } from "../config/mod.ts";
import type { ReadJail } from "../fs/mod.ts";
import { CsyncError, type DbName, type DiskPath, type ScheduledAction } from "../model/mod.ts";
import type { Reporter } from "../report/mod.ts";
import type { StateStore } from "../state/mod.ts";
import * as say from "./messages.ts";

/** Locks shared with apply and send in the same process (N 7.8). */
export interface Locks {
  take(path: DiskPath, o?: { readonly below?: boolean }): Promise<Disposable>;
}

/** Owners of the disk, the state and the lines, and how names that changed are marked. */
export interface CheckContext {
  readonly config: Config;
  readonly state: StateStore;
  readonly jail: ReadJail;
  readonly reporter: Reporter;
  /** Rows are written, nothing is marked (D 3.7). @default {false} */
  readonly init?: boolean;
  /** Marks are made with the force flag (`-F`). @default {false} */
  readonly forced?: boolean;
  /** Only these peers are marked (`-P` of 2.1.1). */
  readonly onlyPeers?: readonly string[];
  /** Local actions of a name; none are scheduled without it (D 5.7). */
  readonly actionsFor?: (name: DbName) => readonly ScheduledAction[];
  /** `--allow-removals`: what vanished below a root that is gone counts as removed. @default {false} */
  readonly allowsRemovals?: boolean;
  /** When given, every finding is verified under its lock before it is written. */
  readonly locks?: Locks | undefined;
}

/** Failures of system calls are told by their code; the folder of their class is out of our rank. */
export function isSystemError(error: unknown): error is CsyncError {
  return error instanceof CsyncError && error.code.startsWith("os/");
}

/** An object that cannot be examined is reported and left alone. Rethrows what is no system error. */
export function reportUnknown(
  { reporter }: Pick<CheckContext, "reporter">,
  name: DbName,
  error: unknown,
): undefined {
  if (!isSystemError(error)) throw error;
  reporter.note(say.cannotExamine(name, error));
  return undefined;
}
