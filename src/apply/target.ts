/** What a change is about, and the few facts that every step of it needs. */
import {
  type CheckTime,
  CsyncError,
  type DbName,
  type DiskPath,
  type FileRecord,
  type HostName,
  type Ignored,
  join,
  type Located,
  type Outcome,
  type Present,
  type ScheduledAction,
  storedCheckText,
  storedSubsecond,
} from "../model/mod.ts";

/** Where copies of a file go before it is changed or removed (D 5.8). */
export interface BackupPlace {
  readonly directory: DiskPath;
  /** Copies to keep in all: X, X.1, ..., X.(generations - 1). */
  readonly generations: number;
}

/** One object that a peer wants changed. */
export interface Target {
  readonly name: DbName;
  readonly at: Located;
  /** On whose behalf: its mark for the name is cleared once the change is recorded (W 13.2). */
  readonly peer: HostName;
  /** Of all groups that match the name and ask for copies. */
  readonly backups: readonly BackupPlace[];
  /** Scheduled together with the record, if content or existence changed (D 7.7.3). */
  readonly actions: readonly ScheduledAction[];
}

/** How a change ended. */
export interface Applied {
  readonly outcome: Outcome;
  /** Whether content or existence of the object was changed; metadata alone does not count (W 11.9). */
  readonly changed: boolean;
}

/** Where an object is on this host. */
export function pathOf(at: Located): DiskPath {
  return at.below === "" ? at.anchor : join(at.anchor, at.below);
}

/** The row that describes `entry` in the database. */
export function recordOf(
  name: DbName,
  entry: Present,
  { timeUnit, ignored }: { timeUnit: Exclude<CheckTime, "zero">; ignored: Ignored },
): FileRecord {
  const stored = storedCheckText(entry, { time: timeUnit, ignored });
  const fraction = storedSubsecond(entry, timeUnit);
  return fraction === undefined ? { name, stored } : { name, stored, subsecond: fraction };
}

/** The parts of os's OsError that this folder looks at; it may not import os. */
export interface SystemError extends CsyncError {
  readonly call: string;
  readonly errnoName: string;
  /** C-locale text, as peers expect it (W 3). */
  readonly text: string;
}

/** Whether a system call failed; with `names`, in one of these ways. */
export function isSystemError(error: unknown, ...names: string[]): error is SystemError {
  return error instanceof CsyncError && error.code.startsWith("os/") && "errnoName" in error &&
    "text" in error && (names.length === 0 || names.includes(error.errnoName as string));
}
