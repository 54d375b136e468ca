/** SqlConnection on MySQL and MariaDB. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import {
  type Connection,
  createConnection,
  type ExecuteValues,
  type ResultSetHeader,
  type RowDataPacket,
} from "mysql2";
import { apart, chunks, together } from "./chunks.ts";
import { type KeptConnection, unlessAborted } from "./kept_connection.ts";
import {
  EXACT_PAGES,
  HEAD_BYTES,
  MYSQL,
  MYSQL_SCHEMA,
  MYSQL_SETTINGS,
} from "./mysql_statements.ts";
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

const PORT = 3_306;
/** Where MySQL's library connects to for `localhost`, unless a port is given. */
const LOCAL_SOCKETS = ["/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock"];
/** lock wait timeout, deadlock, table is being changed: they pass when one waits. */
const BUSY_NUMBERS: ReadonlySet<number> = new Set([1205, 1213, 1412]);
const NO_DATABASE = 1049;
/** server shutdown, killed, aborted connection */
const END_NUMBERS: ReadonlySet<number> = new Set([1053, 1152, 1184, 1317, 1927, 3032]);
/** How long the server lets a transaction wait before we ask again. */
const LOCK_WAIT_SECONDS = 1;

/** Opens the database, and makes it where it is missing. @throws StateError `state/open` */
export function openMysql(
  login: Login,
  options: OpenServerOptions,
): Promise<{ database: SqlDatabase; writer: KeptConnection }> {
  const kind: ServerKind<MysqlLink> = {
    open: MysqlLink.open,
    isMissing: (error) => numberOf(error) === NO_DATABASE,
    adviceFor,
    schema: MYSQL_SCHEMA,
    statementsFor: () => MYSQL,
  };
  return openDatabase(kind, login, options);
}

class MysqlLink implements DatabaseLink {
  #connection: Connection;
  #lost = new AbortController();
  /** Of all writers to this database; names of locks belong to the whole server. */
  #lock: string;
  #compiled = new Map<string, Compiled>();

  private constructor(connection: Connection, database: string) {
    this.#connection = connection;
    const digest = createHash("sha256").update(database).digest("hex");
    this.#lock = `'csync3_${digest.slice(0, 40)}'`;
  }

  static async open(login: Login, options: LinkOptions): Promise<MysqlLink> {
    try {
      return await MysqlLink.#open(login, options);
    } catch (error) {
      const isPlain = (error as { code?: string }).code === "HANDSHAKE_NO_SSL_SUPPORT";
      if (!isPlain || login.tls !== "prefer") throw error;
      return await MysqlLink.#open({ ...login, tls: undefined }, options);
    }
  }

  static async #open(login: Login, options: LinkOptions): Promise<MysqlLink> {
    const target = locally(login.target);
    const timer = AbortSignal.timeout(options.connectTimeoutMs);
    const stream = await serverSocket({ ...login, target }, { port: PORT, signal: timer });
    const tls = target.socket === undefined ? login.tls : undefined;
    const connection = createConnection({
      stream,
      host: textOf(target.host ?? "localhost"),
      user: textOf(login.userName),
      password: textOf(login.password),
      ...(options.use !== "create" && { database: target.database }),
      ...(tls !== undefined && { ssl: tlsOptions(tls) }),
      connectTimeout: options.connectTimeoutMs,
      rowsAsArray: true,
      // Only for texts that have no values in them.
      multipleStatements: true,
    });
    const link = new MysqlLink(connection, target.database);
    connection.on("error", () => link.#lost.abort());
    for (const event of ["error", "end", "close"]) stream.on(event, () => link.#lost.abort());
    try {
      const error = () =>
        new Error(
          "the server does not answer; correct the port if it is no MySQL or MariaDB server",
        );
      await unlessAborted(timer, { work: link.#prepare(), error });
      return link;
    } catch (error) {
      link.destroy();
      throw error;
    }
  }

  async #prepare(): Promise<void> {
    await new Promise<void>((resolve, reject) =>
      this.#connection.connect((error) => error ? reject(error) : resolve())
    );
    await this.#query(MYSQL_SETTINGS);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Makes a database, unless somebody else has just made it. Its columns are bytes. */
  async create(name: string): Promise<void> {
    await this.#query(`CREATE DATABASE IF NOT EXISTS \`${name}\``);
  }

  async select(query: Query, values: readonly SqlValue[]): Promise<readonly string[][]> {
    const rows = await this.#rows(query, values);
    const exact = EXACT_PAGES.get(query);
    const name = query.columns.indexOf("filename");
    const isLong = (row: readonly string[]) => (row[name] ?? "").length >= HEAD_BYTES;
    return exact !== undefined && rows.some(isLong) ? await this.#rows(exact, values) : rows;
  }

  async selectEach(query: Query, tuples: readonly (readonly SqlValue[])[]) {
    const found: string[][][] = [];
    for (const { sql, values, count } of together(query, tuples)) {
      const rows = await this.#guarded(
        query.purpose,
        query.rest,
        () => this.#execute(sql, values),
      );
      found.push(...apart(count, (rows as RowDataPacket[][]).map((row) => row.map(received))));
    }
    return found;
  }

  async run({ purpose, sql }: Statement, values: readonly SqlValue[]): Promise<number> {
    const result = await this.#guarded(purpose, sql, () => this.#execute(sql, values));
    return (result as ResultSetHeader).affectedRows;
  }

  async runEach(statement: Statement, tuples: readonly (readonly SqlValue[])[]): Promise<void> {
    await this.countEach(statement, tuples);
  }

  async countEach(
    statement: Statement,
    tuples: readonly (readonly SqlValue[])[],
  ): Promise<number[]> {
    const counts: number[] = [];
    for (const values of tuples) counts.push(await this.run(statement, values));
    return counts;
  }

  async insert(insertion: Insertion, tuples: Iterable<readonly SqlValue[]>): Promise<void> {
    const { purpose, head, row, between = ", ", tail } = insertion;
    const sql = (rows: number) => `${head} ${new Array(rows).fill(row).join(between)} ${tail}`;
    for (const { rows, values } of chunks(insertion, tuples)) {
      await this.#guarded(purpose, sql(1), () => this.#prepared(sql(rows), values.map(sent)));
    }
  }

  async begin(): Promise<void> {
    const sql = `SELECT GET_LOCK(${this.#lock}, ${LOCK_WAIT_SECONDS}); START TRANSACTION`;
    const [[[got]]] = await this.#guarded("Begin", sql, () => this.#query(sql)) as [[[unknown]]];
    if (String(got) === "1") return;
    await this.rollback();
    throw new SqlError("busy", `Database Error: Begin [1]: another writer is at work`);
  }

  async commit(): Promise<void> {
    const sql = `COMMIT; DO RELEASE_LOCK(${this.#lock})`;
    await this.#guarded("Commit", sql, () => this.#query(sql));
  }

  async rollback(): Promise<void> {
    const sql = `ROLLBACK; DO RELEASE_LOCK(${this.#lock})`;
    await this.#guarded("Rollback", sql, () => this.#query(sql));
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#connection.end(() => resolve()));
  }

  destroy(): void {
    this.#lost.abort();
    this.#connection.destroy();
  }

  async #rows({ purpose, columns, rest }: Query, values: readonly SqlValue[]): Promise<string[][]> {
    const sql = `SELECT ${columns.map((c, n) => `${c} AS c${n}`).join(", ")} ${rest}`;
    const rows = await this.#guarded(purpose, sql, () => this.#execute(sql, values));
    return (rows as RowDataPacket[][]).map((row) => row.map(received));
  }

  /** `$n` -> the nth value, at each of its places. */
  #execute(sql: string, values: readonly SqlValue[]): Promise<unknown> {
    let compiled = this.#compiled.get(sql);
    if (compiled === undefined) this.#compiled.set(sql, compiled = compile(sql));
    const sentValues = values.map(sent);
    return this.#prepared(compiled.sql, compiled.places.map((place) => sentValues[place]!));
  }

  #prepared(sql: string, values: readonly (Buffer | string)[]): Promise<unknown> {
    return new Promise((resolve, reject) =>
      this.#connection.execute(
        sql,
        values as ExecuteValues,
        (error, result) => error ? reject(error) : resolve(result),
      )
    );
  }

  #query(sql: string): Promise<unknown> {
    return new Promise((resolve, reject) =>
      this.#connection.query(sql, (error, result) => error ? reject(error) : resolve(result))
    );
  }

  async #guarded<T>(purpose: string, sql: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      const number = numberOf(cause);
      if (number === undefined || END_NUMBERS.has(number)) this.#lost.abort();
      const kind = this.lost.aborted ? "lost" : BUSY_NUMBERS.has(number ?? 0) ? "busy" : "broken";
      const { message } = cause as Error;
      const text = `Database Error: ${purpose} [1]: ${message} on executing ${sql}`;
      throw new SqlError(kind, text, cause);
    }
  }
}

interface Compiled {
  readonly sql: string;
  /** Which value stands at each `?`. */
  readonly places: readonly number[];
}

function compile(sql: string): Compiled {
  const places: number[] = [];
  const text = sql.replace(/\$(\d+)/g, (_, n) => {
    places.push(Number(n) - 1);
    return "?";
  });
  return { sql: text, places };
}

function sent(value: SqlValue): Buffer | string {
  return typeof value === "number" ? String(value) : Buffer.from(value, "latin1");
}

function received(value: unknown): string {
  if (value === null) return "";
  return value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : String(value);
}

/** COMPAT: `localhost` without a port is the server's Unix socket for MySQL's library. */
function locally(target: Login["target"]): Login["target"] {
  const { host = "localhost", port, socket } = target;
  if (socket !== undefined || port !== undefined || host !== "localhost") return target;
  return { ...target, socket: LOCAL_SOCKETS.find(isThere) };
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isSocket === true;
  } catch {
    return false;
  }
}

function tlsOptions(tls: NonNullable<Login["tls"]>) {
  if (tls === "prefer") return { rejectUnauthorized: false };
  const { rejectUnauthorized, ca, checkServerIdentity } = tls;
  const verifyIdentity = rejectUnauthorized && checkServerIdentity === undefined;
  return { rejectUnauthorized, verifyIdentity, ...(ca !== undefined && { ca }) };
}

/** What the server said; undefined for what happened to the connection. */
function numberOf(error: unknown): number | undefined {
  const { errno, sqlState } = error as { errno?: number; sqlState?: string };
  return sqlState === undefined ? undefined : errno;
}

/** What to do about a failure to connect, in one line without the password. */
function adviceFor(error: unknown, login: Login): string {
  const { message } = error as Error;
  const { userName, target } = login;
  switch (numberOf(error)) {
    case 1045:
    case 1698:
      return `${message}; correct user and password`;
    case 1044:
    case 1142:
      return `${message}; let an administrator run: ` +
        `GRANT ALL ON \`${target.database}\`.* TO '${textOf(userName)}'@'%'`;
    case 1040:
      return `${message}; raise max_connections of the server`;
    default:
      if ((error as { code?: string }).code === "HANDSHAKE_NO_SSL_SUPPORT") {
        return `${message}; let it offer TLS, or use sslmode=prefer`;
      }
      return adviceWhenCut(error, login, "MySQL or MariaDB") ?? message;
  }
}
