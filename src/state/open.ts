/** Database value -> StateStore (D 5.1). */
import process from "node:process";
import {
  databaseTarget,
  type OtherTarget,
  type ServerTarget,
  type SqliteTarget,
} from "./database_url.ts";
import { type BusyRetryOptions, retryBusy } from "./retry.ts";
import { otherUser, prepareSchema, timeUnit } from "./schema.ts";
import { SqlStore } from "./sql_store.ts";
import { sqliteFile } from "./sqlite_file.ts";
import type { SqlConnection, SqlDatabase } from "./sql_connection.ts";
import type { SqliteConnection } from "./sqlite.ts";
import type { Login, OpenServerOptions } from "./server_login.ts";
import { StateError } from "./state_error.ts";
import type { StateStore } from "./store.ts";

/** How long a start waits for a moment without readers and writers to switch to a log. */
const USE_LOG_MS = 1_000;
/** LIMIT: how long a server may take until it is ready for statements. */
const CONNECT_MS = 10_000;

export interface OpenStateOptions {
  /** `-D`, else the first `database` statement. Byte string; undefined or empty: `defaultDir`. */
  readonly database: string | undefined;
  readonly hostName: string;
  /** `-C`, or empty. */
  readonly configName: string;
  readonly lockTimeoutSeconds: number;
  /** Byte string for a server, where neither the URL nor a file that it names has one. */
  readonly password?: string | undefined;
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
  switch (target.kind) {
    case "sqlite":
      return await openSqlite(target, options);
    case "mysql":
    case "pgsql":
      return await openServer(target, options);
    default:
      throw notSupported(target);
  }
}

async function openSqlite(target: SqliteTarget, options: OpenStateOptions): Promise<StateStore> {
  const path = await sqliteFile(target);
  const { SqliteDatabase } = await import("./sqlite.ts"); // only who uses it pays for it
  const database = new SqliteDatabase({
    path,
    label: target.label,
    synchronous: options.synchronous ?? true,
  });
  const retry = retryOptions(options);
  const writer = await retryBusy(() => database.connect("write"), retry);
  const isNamedByUser = path.endsWith(`/${target.user}.db3`);
  return await openStore(database, {
    ...options,
    writer,
    retry,
    user: isNamedByUser ? undefined : target.user,
    before: () => useLog(writer, retry),
  });
}

/** @throws StateError `state/open` with the reason and what to do, in one line */
async function openServer(target: ServerTarget, options: OpenStateOptions): Promise<StateStore> {
  const retry = retryOptions(options);
  const { loginOf } = await import("./server_login.ts");
  const login = loginOf(target, options.password);
  const { database, writer } = await openDriver(target.kind, login, {
    connectTimeoutMs: Math.max(1_000, Math.min(CONNECT_MS, retry.timeoutMs)),
    isSynchronous: options.synchronous ?? true,
    onNote: options.onNote,
  });
  const isNamedByUser = target.database === `csync2_${target.user}`.replace(/[^A-Za-z0-9_]/g, "_");
  const user = isNamedByUser ? undefined : target.user;
  return await openStore(database, { ...options, writer, retry, user });
}

/** Loads one driver: only who uses it pays for it. */
async function openDriver(
  kind: ServerTarget["kind"],
  login: Login,
  options: OpenServerOptions,
): Promise<{ database: SqlDatabase; writer: SqlConnection }> {
  switch (kind) {
    case "pgsql":
      return await (await import("./postgres.ts")).openPostgres(login, options);
    case "mysql":
      return await (await import("./mysql.ts")).openMysql(login, options);
  }
}

function retryOptions(options: OpenStateOptions): Required<BusyRetryOptions> {
  const { onNote, lockTimeoutSeconds, graceSeconds = process.pid % 7 + 1 } = options;
  return {
    timeoutMs: 1_000 * (lockTimeoutSeconds + graceSeconds),
    onBusy: () => onNote?.(2, "Database is busy, sleeping a sec."),
  };
}

interface OpenStoreOptions extends OpenStateOptions {
  readonly writer: SqlConnection;
  readonly retry: BusyRetryOptions;
  /** Undefined when the name of the database is his. */
  readonly user: string | undefined;
  readonly before?: () => Promise<void>;
}

/** Completes the tables; closes the writer when that fails. */
async function openStore(database: SqlDatabase, options: OpenStoreOptions): Promise<StateStore> {
  const { onNote, writer, retry, user } = options;
  try {
    await options.before?.();
    const sql = database.statements;
    const isNew = await retryBusy(() => prepareSchema(writer, database), retry);
    if (isNew) onNote?.(2, "Upgrading database schema to version 0.");
    const unit = await retryBusy(() => timeUnit(writer, sql), retry);
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

function notSupported({ kind, label, why }: OtherTarget): StateError {
  switch (kind) {
    case "sqlite2":
      return new StateError("state/open", {
        message: `Can't open database: ${label}`,
        advice: "SQLite 2 is not supported; convert it: sqlite OLD .dump | sqlite3 NEW",
      });
    case "unknown":
      return new StateError("state/scheme", { message: `Unknown database scheme: ${label}` });
    case "malformed":
      return new StateError("state/scheme", {
        message: `Can't open database: ${label}`,
        advice: why ?? "",
      });
  }
}
