/** SqlConnection on PostgreSQL. */
import { Buffer } from "node:buffer";
import postgres from "postgres";
import { apart, chunks, together } from "./chunks.ts";
import { type KeptConnection, unlessAborted } from "./kept_connection.ts";
import { POSTGRES_SCHEMA } from "./postgres_schema.ts";
import {
  POSTGRES_BEGIN_ALONE,
  postgresBegin,
  postgresSettings,
  postgresStatements,
} from "./postgres_statements.ts";
import {
  type DatabaseLink,
  type LinkOptions,
  openDatabase,
  type ServerKind,
} from "./server_database.ts";
import {
  adviceWhenCut,
  type Login,
  type OpenServerOptions,
  serverSocket,
  textOf,
} from "./server_login.ts";
import {
  type Insertion,
  type Query,
  type SqlDatabase,
  SqlError,
  type SqlValue,
  type Statement,
} from "./sql_connection.ts";
import { fromUtf8Text, toUtf8Text } from "./utf8_text.ts";

const PORT = 5_432;
/** What is always there, to make others from. */
const FIRST_DATABASE = "postgres";
/** lock not available, deadlock, serialization failure, template in use: they pass when one waits. */
const BUSY_CODES: ReadonlySet<string> = new Set(["55P03", "40P01", "40001", "55006"]);
const NO_DATABASE = "3D000";
/** Another process was faster: duplicate database, and its row. */
const EXISTS_CODES: ReadonlySet<string> = new Set(["42P04", "23505"]);
const NO_TABLE = "42P01";
/** In text to the server: NUL, which it cannot hold, is not in any encoded text, and neither is this. */
const NUL_STAND_IN = "\x01";
/** Encodings that take any byte: a text is its bytes, as for the C programs. */
const BYTE_ENCODING_REGEXP = /^(SQL_ASCII|LATIN\d+|ISO_8859_\d+|WIN\d+|KOI8[RU])$/;
/** PERF: statements that are sent before the first answer is waited for. */
const STATEMENTS_AHEAD = 64;

type Encoding = "utf8" | "bytes";

/** Opens the database, and makes it where it is missing. @throws StateError `state/open` */
export function openPostgres(
  login: Login,
  options: OpenServerOptions,
): Promise<{ database: SqlDatabase; writer: KeptConnection }> {
  const kind: ServerKind<PostgresLink> = {
    open: PostgresLink.open,
    isMissing: (error) => codeOf(error) === NO_DATABASE,
    adviceFor,
    schema: POSTGRES_SCHEMA,
    statementsFor: ({ encoding }) => postgresStatements(encoding === "utf8" ? utf8Text : byteText),
  };
  return openDatabase(kind, login, options);
}

function utf8Text(n?: number): string {
  return `${n === undefined ? "?" : `$${n}`}::text`;
}

function byteText(n?: number): string {
  return `convert_from(${n === undefined ? "?" : `$${n}`}::bytea, getdatabaseencoding())`;
}

class PostgresLink implements DatabaseLink {
  #sql: postgres.Sql;
  #lost = new AbortController();
  #attempts = 0;
  encoding: Encoding = "utf8";

  private constructor(sql: postgres.Sql) {
    this.#sql = sql;
  }

  static async open(login: Login, options: LinkOptions): Promise<PostgresLink> {
    const { target } = login;
    const timer = AbortSignal.timeout(options.connectTimeoutMs);
    const socket = await serverSocket(login, { port: PORT, signal: timer });
    let sockets = 0;
    const sql = postgres({
      // The driver would connect again by itself, also in the middle of a transaction.
      socket: () => {
        if (sockets++ > 0) throw new Error("the server closed the connection");
        return socket;
      },
      host: [target.host ?? "localhost"],
      port: [target.port ?? PORT],
      database: options.use === "create" ? FIRST_DATABASE : target.database,
      user: textOf(login.userName),
      pass: textOf(login.password),
      ssl: login.tls ?? false,
      max: 1,
      idle_timeout: 0,
      max_lifetime: null,
      connect_timeout: Math.ceil(options.connectTimeoutMs / 1_000),
      fetch_types: false,
      prepare: true,
      onnotice: () => {},
      connection: { application_name: "csync2" },
    } as unknown as postgres.Options<Record<string, never>>);
    const link = new PostgresLink(sql);
    for (const event of ["error", "end", "close"]) socket.on(event, () => link.#lost.abort());
    try {
      const error = () =>
        new Error("the server does not answer; correct the port if it is no PostgreSQL server");
      await unlessAborted(timer, { work: link.#prepare(options), error });
      return link;
    } catch (error) {
      link.destroy();
      throw error;
    }
  }

  async #prepare({ use, isSynchronous }: LinkOptions): Promise<void> {
    if (use === "create") return void await this.#sql.unsafe("SELECT 1");
    const results = await this.#sql.unsafe(postgresSettings(use, isSynchronous)).simple();
    const [{ server_encoding: name = "" } = {}] = results.at(-1) as unknown as {
      server_encoding?: string;
    }[];
    if (name !== "UTF8" && !BYTE_ENCODING_REGEXP.test(name)) {
      throw new Error(`encoding ${name} is not supported; use UTF8 or SQL_ASCII`);
    }
    this.encoding = name === "UTF8" ? "utf8" : "bytes";
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Makes a database. It is no fault when somebody else has just made it. */
  async create(name: string): Promise<void> {
    try {
      // template0: others may be connected to template1.
      await this.#sql.unsafe(`CREATE DATABASE "${name}" TEMPLATE template0`);
    } catch (error) {
      if (!EXISTS_CODES.has(codeOf(error) ?? "")) throw error;
    }
  }

  async select({ purpose, columns, rest }: Query, values: readonly SqlValue[]) {
    const sql = `SELECT ${columns.map((c, n) => `${c} AS c${n}`).join(", ")} ${rest}`;
    const rows = await this.#guarded(purpose, sql, () => this.#query(sql, values).raw());
    return this.#receivedRows(rows as unknown as (Buffer | null)[][]);
  }

  async selectEach(query: Query, tuples: readonly (readonly SqlValue[])[]) {
    const found: string[][][] = [];
    for (const { sql, values, count } of together(query, tuples)) {
      const rows = await this.#guarded(
        query.purpose,
        query.rest,
        () => this.#query(sql, values).raw(),
      );
      found.push(...apart(count, this.#receivedRows(rows as unknown as (Buffer | null)[][])));
    }
    return found;
  }

  async run({ purpose, sql }: Statement, values: readonly SqlValue[]): Promise<number> {
    return await this.#guarded(purpose, sql, async () => (await this.#query(sql, values)).count);
  }

  async runEach(statement: Statement, tuples: readonly (readonly SqlValue[])[]): Promise<void> {
    await this.countEach(statement, tuples);
  }

  async countEach(
    { purpose, sql }: Statement,
    tuples: readonly (readonly SqlValue[])[],
  ): Promise<number[]> {
    const counts: number[] = [];
    const runs = function* (query: (values: readonly SqlValue[]) => Promise<{ count: number }>) {
      let n = 0;
      for (const values of tuples) {
        const at = n++;
        yield async () => counts[at] = (await query(values)).count;
      }
    };
    const query = async (values: readonly SqlValue[]) => await this.#query(sql, values);
    await this.#guarded(purpose, sql, () => ahead(runs(query)));
    return counts;
  }

  async insert(insertion: Insertion, tuples: Iterable<readonly SqlValue[]>): Promise<void> {
    const { purpose, head, row, tail } = insertion;
    const text = (rows: number) => {
      let n = 0;
      const all = new Array(rows).fill(row).join(", ").replace(/\?/g, () => `$${++n}`);
      return `${head} ${all} ${tail}`;
    };
    const runs = function* (query: (sql: string, values: readonly SqlValue[]) => Promise<unknown>) {
      for (const { rows, values } of chunks(insertion, tuples)) {
        yield () => query(text(rows), values);
      }
    };
    await this.#guarded(
      purpose,
      text(1),
      () => ahead(runs((sql, values) => this.#query(sql, values))),
    );
  }

  /** @throws SqlError `busy` when another program had a lock for longer than the server waits */
  async begin(): Promise<void> {
    try {
      await this.#simple(postgresBegin(this.#attempts++));
      this.#attempts = 0;
    } catch (error) {
      await this.rollback();
      if (codeOf((error as SqlError).cause) !== NO_TABLE) throw error;
      await this.#simple(POSTGRES_BEGIN_ALONE);
    }
  }

  async commit(): Promise<void> {
    await this.#simple("COMMIT");
  }

  async rollback(): Promise<void> {
    await this.#simple("ROLLBACK");
  }

  async close(): Promise<void> {
    await this.#sql.end({ timeout: 1 });
  }

  destroy(): void {
    this.#lost.abort();
    this.#sql.end({ timeout: 0 }).catch(() => {});
  }

  async #simple(sql: string): Promise<void> {
    await this.#guarded(sql.split(";", 1)[0] ?? "", sql, () => this.#sql.unsafe(sql).simple());
  }

  #query(sql: string, values: readonly SqlValue[]) {
    return this.#sql.unsafe(sql, values.map((value) => this.#sent(value)), { prepare: true });
  }

  #sent(value: SqlValue): string | Buffer {
    if (typeof value === "number") return String(value);
    const text = value.includes("\0") ? value.replaceAll("\0", NUL_STAND_IN) : value;
    return this.encoding === "utf8" ? toUtf8Text(text) : Buffer.from(text, "latin1");
  }

  #receivedRows(rows: readonly (readonly (Buffer | null)[])[]): string[][] {
    return rows.map((row) => row.map((column) => this.#received(column)));
  }

  #received(column: Buffer | null): string {
    if (column === null) return "";
    const bytes = column.toString("latin1");
    const text = bytes.includes(NUL_STAND_IN) ? bytes.replaceAll(NUL_STAND_IN, "\0") : bytes;
    return this.encoding === "utf8" ? fromUtf8Text(text) : text;
  }

  async #guarded<T>(purpose: string, sql: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      // What the connection says about its end may come before it ends.
      if (codeOf(cause) === undefined || isEnd(cause)) this.#lost.abort();
      const kind = this.lost.aborted
        ? "lost"
        : BUSY_CODES.has(codeOf(cause) ?? "")
        ? "busy"
        : "broken";
      const { severity, message } = cause as Error & { severity?: string };
      const why = severity === undefined ? message : `${severity}:  ${message}`;
      const text = `Database Error: ${purpose} [1]: ${why} on executing ${sql}`;
      throw new SqlError(kind, text, cause);
    }
  }
}

/** Runs all, many at once, in the order of their start. @throws the first failure */
async function ahead(runs: Iterable<() => Promise<unknown>>): Promise<void> {
  let running: Promise<unknown>[] = [];
  const settle = async () => {
    const failed = (await Promise.allSettled(running)).find((end) => end.status === "rejected");
    running = [];
    if (failed !== undefined) throw failed.reason;
  };
  for (const run of runs) {
    running.push(run());
    if (running.length === STATEMENTS_AHEAD) await settle();
  }
  await settle();
}

/** SQLSTATE of what the server said; undefined for what happened to the connection. */
function codeOf(error: unknown): string | undefined {
  return error instanceof Error && error.name === "PostgresError"
    ? (error as Error & { code?: string }).code
    : undefined;
}

/** The server ends the connection: an administrator, a crash, a connection exception. */
function isEnd(error: unknown): boolean {
  return /^(57P0[1-5]|08...)$/.test(codeOf(error) ?? "");
}

/** What to do about a failure to connect, in one line without the password. */
function adviceFor(error: unknown, login: Login): string {
  const { message } = error as Error;
  const { userName, target } = login;
  switch (codeOf(error)) {
    case "28P01":
    case "28000":
      return `${message}; correct user and password, or pg_hba.conf of the server`;
    case "42501":
      return `${message}; let an administrator run: ` +
        `CREATE DATABASE "${target.database}" OWNER "${textOf(userName)}"`;
    case "53300":
      return `${message}; raise max_connections of the server`;
    default:
      return adviceWhenCut(error, login, "PostgreSQL") ?? message;
  }
}
