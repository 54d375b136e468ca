/** Database value -> StateStore (D 5.1). */
import process from "node:process";
import { databaseTarget, type OtherTarget } from "./database_url.ts";
import { type BusyRetryOptions, retryBusy } from "./retry.ts";
import { otherUser, prepareSchema, timeUnit } from "./schema.ts";
import { SqlStore } from "./sql_store.ts";
import { sqliteFile } from "./sqlite_file.ts";
import type { SqliteConnection, SqliteDatabase } from "./sqlite.ts";
import { StateError } from "./state_error.ts";
import type { StateStore } from "./store.ts";

/** How long a start waits for a moment without readers and writers to switch to a log. */
const USE_LOG_MS = 1_000;

export interface OpenStateOptions {
  /** `-D`, else the first `database` statement. Byte string; undefined or empty: `defaultDir`. */
  readonly database: string | undefined;
  readonly hostName: string;
  /** `-C`, or empty. */
  readonly configName: string;
  readonly lockTimeoutSeconds: number;
  /** `/var/lib/csync2`. */
  readonly defaultDir: string;
  /** `-A`: false does not wait for the disk. @default {true} */
  readonly synchronous?: boolean;
  /**
   * Seconds to wait beyond the lock time-out, so that waiting processes do not give up together.
   * @default {process number modulo 7, plus 1} as the C program
   */
  readonly graceSeconds?: number;
  /** Byte strings for messages, `Database-File: %s` being the first. */
  readonly onNote?: (level: 0 | 1 | 2, text: string) => void;
}

/**
 * Opens the state of this host, and makes it where it is missing.
 *
 * @throws StateError, its message being the C program's text where there is one
 */
export async function openState(options: OpenStateOptions): Promise<StateStore> {
  const target = databaseTarget(options);
  options.onNote?.(2, `Database-File: ${target.label}`);
  if (target.kind !== "sqlite") throw notSupported(target);
  const path = await sqliteFile(target);
  const { SqliteDatabase } = await import("./sqlite.ts"); // only who uses it pays for it
  const database = new SqliteDatabase({
    path,
    label: target.label,
    synchronous: options.synchronous ?? true,
  });
  const isNamedByUser = path.endsWith(`/${target.user}.db3`);
  return await openSqlite(database, { ...options, user: isNamedByUser ? undefined : target.user });
}

async function openSqlite(
  database: SqliteDatabase,
  options: OpenStateOptions & { user: string | undefined },
): Promise<StateStore> {
  const { onNote, lockTimeoutSeconds, graceSeconds = process.pid % 7 + 1 } = options;
  const retry = {
    timeoutMs: 1_000 * (lockTimeoutSeconds + graceSeconds),
    onBusy: () => onNote?.(2, "Database is busy, sleeping a sec."),
  };
  const writer = await retryBusy(() => database.connect("write"), retry);
  try {
    await useLog(writer, retry);
    const sql = database.statements;
    const isNew = await retryBusy(() => prepareSchema(writer, sql), retry);
    if (isNew) onNote?.(2, "Upgrading database schema to version 0.");
    const unit = await retryBusy(() => timeUnit(writer, sql), retry);
    const { user } = options;
    if (user !== undefined) {
      const other = await retryBusy(() => otherUser(writer, { sql, user }), retry);
      if (other !== undefined) onNote?.(1, sharedText(database.label, { user, other }));
    }
    return new SqlStore(database, writer, { ...retry, timeUnit: unit });
  } catch (error) {
    await writer.close();
    throw error;
  }
}

function sharedText(label: string, { user, other }: { user: string; other: string }): string {
  return `WARNING: Database ${label} of ${user} is also used by ${other}.`;
}

/** A C program in a long transaction is no reason to fail: the next transaction tries again. */
async function useLog(writer: SqliteConnection, retry: BusyRetryOptions): Promise<void> {
  const timeoutMs = Math.min(USE_LOG_MS, retry.timeoutMs);
  try {
    await retryBusy(() => writer.useLog(), { timeoutMs });
  } catch (error) {
    if (!(error instanceof StateError && error.code === "state/busy")) throw error;
  }
}

function notSupported({ kind, label }: OtherTarget): StateError {
  switch (kind) {
    case "sqlite2":
      return new StateError("state/open", { message: `Can't open database: ${label}` });
    case "unknown":
      return new StateError("state/scheme", { message: `Unknown database scheme: ${label}` });
    case "mysql":
      return noServer("Mysql");
    case "pgsql":
      return noServer("Postgres SQL");
  }
}

function noServer(what: string): StateError {
  return new StateError("state/scheme", {
    message: `No ${what} support configured`,
    advice: "use a SQLite database",
  });
}
