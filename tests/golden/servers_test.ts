/** The recordings on PostgreSQL and MariaDB: first runs, what they make, and what fails there. */
import assert from "node:assert/strict";
import {
  DatabaseServer,
  installedServers,
  PLAIN,
  type ServerKind,
} from "../support/database_server.ts";
import { DEVIATIONS } from "./deviations.ts";
import { DIFFERENCES } from "./differences.ts";
import { load, type RunResult, Surroundings } from "./steps.ts";

interface Recorded extends RunResult {
  readonly args: string[];
}
interface DatabaseCases {
  readonly pgsql: {
    first_run: Recorded;
    columns: string[][];
    indexes: string[][];
    databases_made: string[];
    hint_twice: RunResult;
    same_action_twice: Recorded;
    no_user: RunResult;
  };
  readonly mysql: {
    first_run: Recorded;
    databases_made: string[];
    tables_made: string[];
    columns: string[][];
    keys: string[][];
    second_run: Recorded;
    hints: Recorded;
    case: { files: string[]; listed: string[] };
  };
}

const GOLDEN = load<DatabaseCases>("database");
const isReal = Deno.env.get("CSYNC2_PROGRAM") !== undefined;
const CONFIG = "group g\n{\n  host a.demo b.demo;\n  key demo.key;\n  include @/a;\n" +
  '  action { exec "true"; do-local; }\n}\n';

const kinds = installedServers();
const servers = new Map<ServerKind, DatabaseServer>();
Deno.test.beforeAll(async () => {
  for (const kind of kinds) servers.set(kind, await DatabaseServer.start(kind));
});
Deno.test.afterAll(async () => {
  for (const server of servers.values()) await server[Symbol.asyncDispose]();
});

/** Compares with the recording, or with our own answer; what is in the table must differ. */
function same(id: string, got: unknown, want: unknown): void {
  const isDifferent = !isReal && DIFFERENCES.some((d) => d.case === id);
  if (isDifferent) assert.notDeepEqual(got, want, `${id} is in the table, but does not differ`);
  else assert.deepEqual(got, want, id);
}

function sameRun(id: string, got: RunResult, want: Partial<RunResult>): void {
  const ours = isReal ? undefined : DEVIATIONS[id];
  assert.deepEqual(
    { rc: got.rc, stderr: got.stderr },
    { rc: ours?.rc ?? want.rc, stderr: ours?.stderr ?? want.stderr ?? "" },
    id,
  );
  if (want.stdout !== undefined) assert.equal(got.stdout, ours?.stdout ?? want.stdout, id);
}

/** The program with its database on the server; each test has a fresh server's databases. */
class Runner implements AsyncDisposable {
  readonly server: DatabaseServer;
  readonly s = new Surroundings();

  constructor(kind: ServerKind) {
    this.server = servers.get(kind)!;
    const first = kind === "mariadb" ? "mysql" : "postgres";
    for (const name of ["csync2_a_demo", "csync2_a_demo_one", "my_db_x"]) {
      this.server.sql(first, `DROP DATABASE IF EXISTS ${name}`);
    }
    for (const name of ["csync2.cfg", "csync2_one.cfg"]) {
      this.s.config(CONFIG.replaceAll("@", this.s.base), name);
    }
    for (const name of ["x", "Hello", "hello"]) {
      Deno.writeTextFileSync(`${this.s.base}/a/${name}`, "");
    }
  }

  run(args: readonly string[], database = ""): Promise<RunResult> {
    return this.s.run(args, { database: this.server.url(database, PLAIN) });
  }

  /** Rows of columns. */
  sql(text: string, database = "csync2_a_demo"): string[][] {
    const out = this.server.sql(database, text);
    return out === "" ? [] : out.split("\n").map((line) => line.split("\t"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.s[Symbol.asyncDispose]();
  }
}

function test(kind: ServerKind, name: string, run: (runner: Runner) => Promise<void>): void {
  Deno.test({
    name: `golden database/${name}`,
    ignore: !kinds.includes(kind),
    async fn() {
      await using runner = new Runner(kind);
      await run(runner);
    },
  });
}

const NOT_OURS = "NOT LIKE 'csync3%'";

test("postgresql", "pgsql first run, columns and indexes", async (r) => {
  const { first_run, columns, indexes } = GOLDEN.pgsql;
  sameRun("database/pgsql first run", await r.run(first_run.args), first_run);
  const found = r.sql(
    "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns " +
      `WHERE table_schema = 'public' AND table_name ${NOT_OURS} AND column_name ${NOT_OURS} ` +
      "ORDER BY table_name, ordinal_position",
  );
  same("database/pgsql columns", found, columns);
  const made = r.sql(
    "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' " +
      `AND indexname ${NOT_OURS} ORDER BY tablename`,
  );
  same("database/pgsql indexes", made, indexes);
});

test("postgresql", "pgsql databases made", async (r) => {
  await r.run(["-M"]);
  await r.run(["-C", "one", "-M"]);
  await r.run(["-M"], "my-db.x");
  const made = r.sql("SELECT datname FROM pg_database WHERE datname ~ '^(csync2|my)_'", "postgres");
  same("database/pgsql databases made", made.flat().sort(), GOLDEN.pgsql.databases_made);
});

test("postgresql", "pgsql hint twice", async (r) => {
  for (let n = 0; n < 2; n++) await r.run(["-h", `${r.s.base}/a`]);
  sameRun("database/pgsql hint twice", await r.run(["-H"]), GOLDEN.pgsql.hint_twice);
});

test("postgresql", "pgsql same action twice", async (r) => {
  const { same_action_twice: c } = GOLDEN.pgsql;
  await r.run(["-M"]);
  sameRun("database/pgsql same action twice", await r.run(c.args), c);
});

test("postgresql", "pgsql no user", async (r) => {
  // The recording has a server that asks for no password; ours asks for one.
  const { host, port } = r.server;
  const database = `pgsql://${host}:${port}/my-db.y`;
  const got = await r.s.run(["-M"], { database, env: { CSYNC2_DATABASE_PASSWORD: "wrong" } });
  const { stderr, rc } = GOLDEN.pgsql.no_user;
  assert.equal(got.rc, rc);
  same("database/pgsql no user", /"\(null\)"/.test(got.stderr), /"\(null\)"/.test(stderr));
  if (!isReal) assert.match(got.stderr, /failed for user "csync2"; correct user and password/);
});

test("mariadb", "mysql first run, tables, columns and keys", async (r) => {
  const { mysql } = GOLDEN;
  sameRun("database/mysql first run", await r.run(mysql.first_run.args), mysql.first_run);
  const of = "FROM information_schema";
  const where = `WHERE table_schema = 'csync2_a_demo' AND table_name ${NOT_OURS}`;
  const tables = r.sql(`SELECT table_name ${of}.tables ${where} ORDER BY 1`).flat();
  same("database/mysql tables made", tables, mysql.tables_made);
  const columns = r.sql(
    `SELECT table_name, column_name, column_type, is_nullable ${of}.columns ${where} ` +
      `AND column_name ${NOT_OURS} ORDER BY table_name, ordinal_position`,
  ).filter(([name = ""]) => mysql.tables_made.includes(name));
  same("database/mysql columns", columns, mysql.columns);
  const keys = r.sql(
    `SELECT table_name, index_name, column_name, sub_part, non_unique ${of}.statistics ${where} ` +
      `AND index_name ${NOT_OURS} AND column_name ${NOT_OURS} ORDER BY 1, 2`,
  ).filter(([name = ""]) => mysql.tables_made.includes(name));
  same("database/mysql keys", keys, mysql.keys);
  const made = r.sql("SHOW DATABASES LIKE 'csync2%'", "mysql").flat();
  same("database/mysql databases made", made, mysql.databases_made);
  sameRun("database/mysql second run", await r.run(mysql.second_run.args), mysql.second_run);
  sameRun("database/mysql hints", await r.run(mysql.hints.args), mysql.hints);
});

test("mariadb", "mysql case", async (r) => {
  const { files, listed } = GOLDEN.mysql.case;
  Deno.removeSync(`${r.s.base}/a/x`);
  assert.deepEqual(files, ["a/Hello", "a/hello"]);
  await r.run(["-M"]);
  await r.run(["-cr", "/"]);
  const { stdout } = await r.run(["-L"]);
  const got = stdout.trimEnd().split("\n").map((line) => line.split("/tmp/csync2-demo2/")[1]);
  same("database/mysql case", got, listed);
  if (!isReal) assert.deepEqual(got, ["a", ...files]);
});
