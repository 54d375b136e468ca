/** SqlConnection on SQLite, through the driver that Deno brings along. */
import { Buffer } from "node:buffer";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { toBytes } from "../model/mod.ts";
import { isAscending, Neighbours } from "./neighbours.ts";
import {
  type Insertion,
  type Query,
  type SqlConnection,
  type SqlDatabase,
  SqlError,
  type SqlValue,
  type Statement,
} from "./sql_connection.ts";
import { isBusy } from "./retry.ts";
import { SQLITE_SCHEMA } from "./sqlite_schema.ts";
import { SQLITE, SQLITE_BEGIN, SQLITE_COMMIT, SQLITE_ROLLBACK } from "./sqlite_statements.ts";
import { asStored, type Value } from "./sqlite_texts.ts";
import { StateError } from "./state_error.ts";

const NON_ASCII_REGEXP = /[^\x00-\x7f]/;

/** Primary result codes that pass when one waits: SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL. */
const BUSY_CODES: ReadonlySet<number> = new Set([5, 6, 15]);

/** PERF: the 128,000 records of a big tree need about 40 MB; 2 MB is the default. */
const CACHE_KIB = 16_384;
/** PERF: 1.6 us per record, against 2.6 us when each row is a statement of its own. */
const ROWS_AT_ONCE = 16;
/** PERF: the log is copied back every 16 MB instead of every 4 MB: fewer waits for the disk. */
const CHECKPOINT_PAGES = 4_000;

/** From how many values on one query for all is faster, and how many it gets at most. */
const FEW = 2, MANY = 512;

/** What the types of the driver leave out. */
interface ArrayStatement extends StatementSync {
  /** Rows are arrays of their columns. */
  setReturnArrays(enabled: boolean): void;
}

export interface SqliteOptions {
  /** Absolute path. */
  readonly path: string;
  readonly label: string;
  /** `-A`: false does not wait for the disk at all. */
  readonly synchronous: boolean;
}

export class SqliteDatabase implements SqlDatabase {
  readonly label: string;
  readonly statements = SQLITE;
  readonly schema = SQLITE_SCHEMA;
  #options: SqliteOptions;

  constructor(options: SqliteOptions) {
    this.#options = options;
    this.label = options.label;
  }

  connect(use: "write" | "read"): SqliteConnection {
    const connection = new SqliteConnection(this.#options);
    try {
      connection.prepareFor(use);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }
}

export class SqliteConnection implements SqlConnection {
  #db: DatabaseSync;
  #synchronous: boolean;
  #prepared = new Map<string, StatementSync>();
  #log: "used" | "not yet" | "impossible" = "not yet";
  readonly #neighbours = new Neighbours({
    select: (query, values) => this.select(query, values),
    many: (query, tuples) => this.#many(query, tuples),
  });

  /** @throws StateError `state/open` */
  constructor({ path, label, synchronous }: SqliteOptions) {
    this.#synchronous = synchronous;
    try {
      this.#db = new DatabaseSync(path, { timeout: 0 });
    } catch (cause) {
      throw new StateError("state/open", { message: `Can't open database: ${label}`, cause });
    }
  }

  prepareFor(use: "write" | "read"): void {
    this.#pragma(`cache_size = -${CACHE_KIB}`);
    this.#pragma("temp_store = MEMORY");
    if (use === "read") return void this.#pragma("query_only = ON");
    this.#pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    if (this.#pragma("journal_mode") === "wal") this.#log = "used";
    this.#synchronize();
  }

  /**
   * Switches the database to a write-ahead log, so that readers and writers do not wait for each
   * other. The mode is kept in the file; C programs follow it. Where the file system cannot have a
   * log, nothing changes.
   *
   * @throws SqlError `busy` while another process reads or writes
   */
  useLog(): void {
    if (this.#log !== "not yet") return;
    try {
      this.#log = this.#pragma("journal_mode = WAL") === "wal" ? "used" : "impossible";
    } catch (error) {
      if (isBusy(error)) throw error;
      this.#log = "impossible";
    }
    this.#synchronize();
  }

  /**
   * LIMIT: as long as there is no log, nobody can read while a transaction is open, not even we: a
   * transaction that waits for reads of its own store gives up as `state/busy`.
   */
  begin(): void {
    try {
      this.useLog();
    } catch (error) {
      if (!isBusy(error)) throw error; // next time
    }
    this.run(SQLITE_BEGIN, []);
  }

  commit(): void {
    this.run(SQLITE_COMMIT, []);
  }

  rollback(): void {
    this.run(SQLITE_ROLLBACK, []);
  }

  select(query: Query, values: readonly SqlValue[]): string[][] {
    const rows = query.octets !== undefined
      ? this.#texts(query, values)
      : query.isPage
      ? this.#page(query, values)
      : undefined;
    return rows ?? this.#rows(query, values);
  }

  selectFlat(query: Query, values: readonly SqlValue[]): readonly string[] {
    return this.#flatPage(query, values) ?? this.#rows(query, values).flat();
  }

  selectEach(
    query: Query,
    tuples: readonly (readonly SqlValue[])[],
  ): readonly (readonly (readonly string[])[])[] {
    if (query.many === undefined || tuples.length < FEW) {
      return tuples.map((values) => this.#rows(query, values));
    }
    return this.#neighbours.rowsOf(query, tuples);
  }

  run({ purpose, sql }: Statement, values: readonly SqlValue[]): number {
    return guarded(purpose, sql, () => Number(this.#prepare(sql).run(...bound(values)).changes));
  }

  runEach(statement: Statement, tuples: readonly (readonly SqlValue[])[]): void {
    const { purpose, many } = statement;
    if (many === undefined || tuples.length < FEW) return void this.countEach(statement, tuples);
    if (this.#runAll(statement, tuples)) return;
    for (const asked of jsonLists(tuples)) this.run({ purpose, sql: many }, [asked]);
  }

  /**
   * All at once, where there is nothing else between the first value and the last.
   * PERF: a third of the time.
   */
  #runAll({ purpose, between }: Statement, tuples: readonly (readonly SqlValue[])[]): boolean {
    if (between === undefined || !isAscending(tuples)) return false;
    const [first] = tuples[0] as [SqlValue], [last] = tuples.at(-1) as [SqlValue];
    const rows = this.select(between.find, [first, last, tuples.length + 1]);
    if (rows.length !== tuples.length) return false;
    for (let n = 0; n < rows.length; n++) if (rows[n]![0] !== tuples[n]![0]) return false;
    this.run({ purpose, sql: between.sql }, [first, last]);
    return true;
  }

  countEach({ purpose, sql }: Statement, tuples: readonly (readonly SqlValue[])[]): number[] {
    return guarded(purpose, sql, () => {
      const statement = this.#prepare(sql);
      const counts: number[] = [];
      for (const values of tuples) counts.push(Number(statement.run(...bound(values)).changes));
      return counts;
    });
  }

  insert({ purpose, head, row, tail }: Insertion, tuples: Iterable<readonly SqlValue[]>): void {
    const sql = (rows: number) => `${head} ${new Array(rows).fill(row).join(", ")} ${tail}`;
    guarded(purpose, sql(1), () => {
      const many = this.#prepare(sql(ROWS_AT_ONCE));
      let values: SqlValue[] = [];
      let width = 0;
      for (const tuple of tuples) {
        width = tuple.length;
        values.push(...tuple);
        if (values.length < ROWS_AT_ONCE * width) continue;
        many.run(...bound(values));
        values = [];
      }
      const one = this.#prepare(sql(1));
      for (let at = 0; at < values.length; at += width) {
        one.run(...bound(values.slice(at, at + width)));
      }
    });
  }

  close(): void {
    this.#prepared.clear();
    this.#db.close();
  }

  /** With a log, NORMAL cannot damage the database; a loss of power may undo the last commits. */
  #synchronize(): void {
    const level = !this.#synchronous ? "OFF" : this.#log === "used" ? "NORMAL" : "FULL";
    this.#pragma(`synchronous = ${level}`);
  }

  /** Reads or sets a pragma. @returns its value, if it has one */
  #pragma(text: string): unknown {
    const sql = `PRAGMA ${text}`;
    return guarded(
      "Setting pragma",
      sql,
      () => Object.values(this.#db.prepare(sql).get() ?? {})[0],
    );
  }

  /**
   * One blob per column. As text the driver would replace bytes that are not UTF-8 and stop at NUL.
   */
  #rows({ purpose, columns, rest }: Query, values: readonly SqlValue[]): string[][] {
    const blobs = columns.map((column, n) => `CAST(${column} AS BLOB) AS c${n}`);
    const sql = `SELECT ${blobs.join(", ")} ${rest}`;
    const rows = guarded(purpose, sql, () => this.#prepare(sql).all(...bound(values)));
    return rows.map((row) => Object.values(row).map((blob) => latin1(blob as Uint8Array | null)));
  }

  /**
   * One blob for the whole page, columns separated by LF, which encoded text never has.
   *
   * PERF: 128,000 records in 65 ms; a blob per column takes 110 ms.
   * @returns undefined when a column does have LF
   */
  #flatPage(
    { purpose, columns, rest }: Query,
    values: readonly SqlValue[],
  ): readonly string[] | undefined {
    const names = columns.map((_, n) => `c${n}`);
    const row = names.map((c) => `ifnull(${c}, '')`).join(" || char(10) || ");
    const inner = `SELECT ${columns.map((c, n) => `${c} AS c${n}`).join(", ")} ${rest}`;
    const sql =
      `SELECT count(*) AS count, CAST(group_concat(${row}, char(10)) AS BLOB) AS page FROM (${inner})`;
    const found = guarded(purpose, sql, () => this.#prepare(sql).get(...bound(values)));
    const { count, page } = found as { count: number; page: Uint8Array | null };
    if (count === 0) return [];
    const texts = latin1(page).split("\n");
    return texts.length === count * columns.length ? texts : undefined;
  }

  /** @see #flatPage */
  #page(query: Query, values: readonly SqlValue[]): string[][] | undefined {
    const texts = this.#flatPage(query, values), width = query.columns.length;
    if (texts === undefined) return undefined;
    const rows: string[][] = new Array(texts.length / width);
    for (let n = 0; n < rows.length; n++) rows[n] = texts.slice(n * width, (n + 1) * width);
    return rows;
  }

  /**
   * Texts and numbers as the driver reads them.
   * @returns undefined when these are not what is stored
   */
  #texts(
    { purpose, columns, rest, octets = "" }: Query,
    values: readonly SqlValue[],
  ): string[][] | undefined {
    const sql = `SELECT ${columns.join(", ")}, ${octets} ${rest}`;
    const statement = this.#prepare(sql) as ArrayStatement;
    statement.setReturnArrays(true);
    try {
      const rows = guarded(purpose, sql, () => statement.all(...bound(values)));
      return asStored(rows as unknown as Value[][]);
    } catch (error) {
      if (error instanceof SqlError && error.cause instanceof RangeError) return undefined;
      throw error;
    }
  }

  /** PERF: 1.2 us per record, against 6 to 8 us when each is a query of its own. */
  #many(
    { purpose, columns, many = "" }: Query,
    tuples: readonly (readonly SqlValue[])[],
  ): string[][][] {
    const found: string[][][] = tuples.map(() => []);
    const wanted = { purpose, columns: ["asked.key", ...columns], rest: many };
    let at = 0;
    for (const asked of jsonLists(tuples)) {
      for (const [n, ...row] of this.#page(wanted, [asked]) ?? this.#rows(wanted, [asked])) {
        found[at + Number(n)]?.push(row);
      }
      at += MANY;
    }
    return found;
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }
}

/** JSON lists of texts, a few each. Encoded texts have nothing in them that JSON would escape. */
function* jsonLists(tuples: readonly (readonly SqlValue[])[]): Generator<string> {
  for (let at = 0; at < tuples.length; at += MANY) {
    yield `["${tuples.slice(at, at + MANY).join('","')}"]`;
  }
}

/**
 * Text as bytes: the driver would write a byte string's 0x80..0xFF as two bytes of UTF-8 each. The
 * statements have CAST(? AS TEXT) around every text, which leaves ordinary text alone.
 */
function bound(values: readonly SqlValue[]): readonly SQLInputValue[] {
  // PERF: nearly all values can be bound as they are; copying them takes 0.3 us per row.
  return values.some(isRaw) ? values.map((v) => isRaw(v) ? toBytes(v) : v) : values;
}

function isRaw(value: SqlValue): value is string {
  return typeof value === "string" && NON_ASCII_REGEXP.test(value);
}

function latin1(blob: Uint8Array | null): string {
  if (blob === null) return "";
  return Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength).toString("latin1");
}

/** Failures as SqlError, in the words of the C program (D 5.5). */
function guarded<T>(purpose: string, sql: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { errcode, errstr, message } = cause as Error & { errcode?: number; errstr?: string };
    const isBusy = errcode !== undefined && BUSY_CODES.has(errcode & 0xff);
    // COMPAT: the number is always 1 there, whatever SQLite says.
    throw new SqlError(
      isBusy ? "busy" : "broken",
      `Database Error: ${purpose} [1]: ${message || errstr} on executing ${sql}`,
      cause,
    );
  }
}
