/** Databases on real servers: what is particular to them, beyond what every StateStore has to do. */
import assert from "node:assert/strict";
import type { DbName, DirtyMark, DirtyRow, FileRecord, HostName } from "../../src/model/mod.ts";
import {
  openState,
  type OpenStateOptions,
  StateError,
  type StateStore,
} from "../../src/state/mod.ts";
import {
  DatabaseServer,
  installedServers,
  PASSWORD,
  type ServerKind,
} from "../support/database_server.ts";

const WRITER = decodeURIComponent(
  new URL("../support/programs/state_writer.ts", import.meta.url).pathname,
);
const GOLDEN = JSON.parse(
  Deno.readTextFileSync(new URL("../golden/database.json", import.meta.url)),
);
const kinds = installedServers();
const servers = new Map<ServerKind, DatabaseServer>();
let databases = 0;

Deno.test.beforeAll(async () => {
  for (const kind of kinds) servers.set(kind, await DatabaseServer.start(kind));
});
Deno.test.afterAll(async () => {
  for (const server of servers.values()) await server[Symbol.asyncDispose]();
});

/** One database of a server, and a store on it. */
class Place {
  readonly server: DatabaseServer;
  readonly name = `place${databases++}`;
  readonly notes: string[] = [];

  constructor(kind: ServerKind) {
    const server = servers.get(kind);
    assert.ok(server);
    this.server = server;
  }

  open(options: Partial<OpenStateOptions> = {}): Promise<StateStore> {
    return openState({
      database: this.server.url(this.name),
      hostName: "a.demo",
      configName: "",
      lockTimeoutSeconds: 0,
      graceSeconds: 0.5,
      defaultDir: "/nonexistent",
      onNote: (level, text) => this.notes.push(`${level} ${text}`),
      ...options,
    });
  }

  sql(text: string): string {
    return this.server.sql(this.name, text);
  }

  /** As the C program makes it: tables in its words. */
  asMadeByC(): void {
    const isMaria = this.server.kind === "mariadb";
    const first = isMaria ? "mysql" : "postgres";
    this.server.sql(first, `CREATE DATABASE ${this.name}${isMaria ? "" : " OWNER csync2"}`);
    this.sql(isMaria ? MYSQL_BY_C : `SET ROLE csync2; ${POSTGRES_BY_C}`);
  }

  async failure(options: Partial<OpenStateOptions>): Promise<StateError> {
    try {
      await (await this.open(options))[Symbol.asyncDispose]();
    } catch (error) {
      assert.ok(error instanceof StateError, String(error));
      for (const text of [error.line, ...this.notes]) assert.ok(!text.includes(PASSWORD), text);
      return error;
    }
    return assert.fail("opened");
  }
}

const MYSQL_BY_C = `
CREATE TABLE action (filename TEXT NOT NULL, command TEXT NOT NULL, logfile TEXT NOT NULL,
  KEY filename (filename(255)), KEY command (command(255)));
CREATE TABLE dirty (filename TEXT NOT NULL, forced INTEGER NOT NULL, myname TEXT NOT NULL,
  peername TEXT NOT NULL, KEY filename (filename(255)), KEY dirty_host (peername(255)));
CREATE TABLE file (filename TEXT NOT NULL, checktxt TEXT NOT NULL, KEY filename (filename(255)));`;
const POSTGRES_BY_C = `
CREATE TABLE action (filename TEXT NOT NULL, command TEXT NOT NULL, logfile TEXT NOT NULL,
  UNIQUE (filename, command));
CREATE TABLE dirty (filename TEXT NOT NULL, forced INTEGER NOT NULL, myname TEXT NOT NULL,
  peername TEXT NOT NULL, UNIQUE (filename, peername));
CREATE TABLE file (filename TEXT NOT NULL, checktxt TEXT NOT NULL, UNIQUE (filename));
CREATE TABLE hint (filename TEXT NOT NULL, recursive INTEGER NOT NULL);
CREATE TABLE x509_cert (peername TEXT NOT NULL, certdata TEXT NOT NULL, UNIQUE (peername));`;

/** A test on each server that is there, or on one kind of them. */
function test(name: string, run: (place: Place) => Promise<void>, only?: ServerKind): void {
  for (const kind of kinds.filter((kind) => only === undefined || kind === only)) {
    Deno.test(`${name} (${kind})`, () => run(new Place(kind)));
  }
}

const DIR = "v1%3Atype=dir";

function rec(name: string, stored = DIR): FileRecord {
  return { name: name as DbName, stored };
}

function dirty(name: string, peer = "b.demo"): DirtyMark {
  return {
    name: name as DbName,
    forced: false,
    myName: "a.demo" as HostName,
    peer: peer as HostName,
  };
}

async function all<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const rows: T[] = [];
  for await (const batch of batches) rows.push(...batch);
  return rows;
}

async function names(store: StateStore): Promise<string[]> {
  return (await all(store.records("ascending"))).map(({ name }) => name);
}

async function put(store: StateStore, ...records: FileRecord[]): Promise<void> {
  await store.transaction((tx) => tx.putRecords(records));
}

test(
  "D 7.6.1 a database in which the C program stopped half-way is completed, `recursive` quoted",
  async (place) => {
    place.asMadeByC();
    assert.deepEqual(place.sql("SHOW TABLES").split("\n"), GOLDEN.mysql.tables_made);
    const hint = { path: "/h" as never, recursive: true };
    const pin = { peer: "b.demo" as HostName, certificate: "30" };
    await using store = await place.open();
    await store.transaction(async (tx) => {
      await tx.addHint(hint);
      await tx.pinFirst(pin);
    });
    assert.deepEqual(await store.hints(), [hint]);
    assert.deepEqual(await store.pins(), [pin]);
    assert.equal(place.sql("SELECT `recursive`, filename FROM hint"), "1\t/h");
  },
  "mariadb",
);

test(
  "D 7.6.2 names that differ in case or accent are different, also in tables that the C program made",
  async (place) => {
    place.asMadeByC();
    // The library of the C program talks UTF-8, whatever the tables have.
    place.sql(
      `SET NAMES utf8mb4; INSERT INTO file (filename, checktxt) VALUES ('/\xc3\xbc', '${DIR}')`
        .replace("\xc3\xbc", "ü"),
    );
    await using store = await place.open();
    assert.deepEqual(await names(store), ["/\xc3\xbc"]);
    const odd = ["/Hello", "/hello", "/hello ", "/u", "/\xc3\xbc"];
    await put(store, ...odd.map((name) => rec(name)));
    await store.transaction((tx) => tx.mark(odd.map((name) => dirty(name))));
    assert.deepEqual(await names(store), odd);
    assert.equal((await all(store.dirtyRows())).length, odd.length);
    await store.transaction((tx) => tx.deleteRecords(["/HELLO", "/hello"] as DbName[]));
    assert.deepEqual(await names(store), odd.filter((name) => name !== "/hello"));
  },
  "mariadb",
);

test("D 7.6.3 an action scheduled twice and a hint given twice are there once, in the C program's tables too", async (place) => {
  if (place.server.kind === "postgresql") place.asMadeByC();
  await using store = await place.open();
  const action = { name: "/x" as DbName, command: "true", logfile: "/dev/null" };
  const other = { ...action, logfile: "/log" };
  const hint = { path: "/h" as never, recursive: false };
  // What a C program leaves.
  const quoted = place.server.kind === "mariadb" ? "`recursive`" : `"recursive"`;
  for (let n = 0; n < 2; n++) place.sql(`INSERT INTO hint (filename, ${quoted}) VALUES ('/h', 0)`);
  await store.transaction((tx) => tx.schedule([action]));
  await store.transaction((tx) => tx.schedule([action, other, action]));
  await store.transaction((tx) => tx.addHint(hint));
  assert.deepEqual(await store.actions(), [action, other]);
  assert.deepEqual(await store.hints(), [hint]);
  await store.transaction((tx) => tx.deleteHint(hint));
  assert.equal(place.sql("SELECT count(*) FROM hint"), "0");
});

const BAD_UTF8 = [
  "/\x80",
  "/a\xff/b",
  "/\xc3",
  "/\xc3\xbc\xc3",
  "/\xed\xa0\x80",
  "/\xf0\x9f\x98",
  "/\xf5\x80\x80\x80",
  "/\xef\xbb\xbfbom",
];

test(
  "D 7.6.4 names that are not UTF-8 are stored as escapes that the C program decodes",
  async (place) => {
    await using store = await place.open();
    await put(store, ...BAD_UTF8.map((name) => rec(name, `v1%3A${name}`)));
    assert.deepEqual(
      (await all(store.records("ascending"))).map(({ stored }) => stored),
      BAD_UTF8.toSorted().map((name) => `v1%3A${name}`),
    );
    const stored = place.sql("SELECT filename FROM file ORDER BY csync3_key(filename)").split("\n");
    assert.equal(stored.at(-1), "/%F5%80%80%80");
    assert.ok(stored.includes("/\xc3\xbc%C3") && stored.includes("/a%FF/b"), stored.join());
    assert.ok(stored.includes("/\xef\xbb\xbfbom"), "valid UTF-8 stays");
    for (const name of BAD_UTF8) assert.deepEqual((await store.record(name as DbName))?.name, name);
  },
  "postgresql",
);

test(
  "D 7.6.4 a database without an encoding has the bytes of names, as the C program stores them",
  async (place) => {
    place.server.sql(
      "postgres",
      `CREATE DATABASE ${place.name} OWNER csync2 TEMPLATE template0 ENCODING SQL_ASCII LOCALE 'C'`,
    );
    await using store = await place.open();
    await put(store, rec("/ours\xff"));
    assert.equal(place.sql("SELECT filename FROM file"), "/ours\xff");
    place.sql(`INSERT INTO file (filename, checktxt) VALUES (E'/theirs\\xfe', '${DIR}')`);
    assert.deepEqual(await names(store), ["/ours\xff", "/theirs\xfe"]);
    await put(store, rec("/theirs\xfe", "v1%3Atype=fifo"));
    assert.equal(place.sql("SELECT count(*) FROM file"), "2");
  },
  "postgresql",
);

test("D 7.6.5 ranges and order are those of bytes, whatever the collation of the database", async (place) => {
  const isMaria = place.server.kind === "mariadb";
  place.server.sql(
    isMaria ? "mysql" : "postgres",
    `CREATE DATABASE ${place.name} ` +
      (isMaria
        ? "CHARACTER SET utf8mb4 COLLATE utf8mb4_german2_ci"
        : "OWNER csync2 TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de' ENCODING UTF8"),
  );
  await using store = await place.open();
  const want = [
    "/A",
    "/B",
    "/Z",
    "/a",
    "/a!",
    "/a-b",
    "/a/b",
    "/a/\xc3\xa4",
    "/a0",
    "/b",
    "/\xc3\x84",
  ];
  await put(store, ...want.toReversed().map((name) => rec(name)));
  assert.deepEqual(await names(store), want);
  const below = store.records("descending", { name: "/a" as DbName, below: true });
  assert.deepEqual((await all(below)).map(({ name }) => name), ["/a/\xc3\xa4", "/a/b", "/a"]);
});

test("D 7.6.6 a password may have quotes and anything else, and what is missing has defaults", async (place) => {
  await using _store = await place.open(); // its password has all of them
  const { host, port } = place.server;
  const error = await place.failure({
    database: `${place.server.kind === "mariadb" ? "mysql" : "pgsql"}://${host}:${port}/x`,
    password: "it's wrong",
  });
  assert.equal(error.code, "state/open");
  assert.doesNotMatch(error.line, /null|undefined/);
  assert.match(error.line, place.server.kind === "mariadb" ? /'root'@/ : /"csync2"/);
});

test("D 5.1 a missing database is made, with a name of letters, digits and underscores", async (place) => {
  const made = async (configName: string, database = "") =>
    await (await place.open({ database: place.server.url(database), configName }))
      [Symbol.asyncDispose]();
  await made("");
  await made("one");
  await made("", "my-db.x");
  const first = place.server.kind === "mariadb" ? "mysql" : "postgres";
  const query = place.server.kind === "mariadb"
    ? "SELECT schema_name FROM information_schema.schemata"
    : "SELECT datname FROM pg_database";
  const found = place.server.sql(first, query).split("\n");
  for (const name of GOLDEN.pgsql.databases_made) assert.ok(found.includes(name), name);
  const created = "1 Database csync2_a_demo not found, trying to create it ...";
  assert.equal(place.notes.filter((note) => note === created).length, 1);
  assert.ok(place.notes.includes("2 Upgrading database schema to version 0."));
});

test("D 5.2 the tables have the C program's columns, and beside them only ours", async (place) => {
  await using _store = await place.open();
  const isMaria = place.server.kind === "mariadb";
  const schema = isMaria ? "DATABASE()" : "'public'";
  const type = isMaria ? "column_type" : "data_type";
  const found = place.sql(
    `SELECT table_name, column_name, ${type}, is_nullable FROM information_schema.columns ` +
      `WHERE table_schema = ${schema} ORDER BY table_name, ordinal_position`,
  ).split("\n").map((line) => line.split("\t"));
  const ours = found.filter(([of, name]) => of?.startsWith("csync3") || name?.startsWith("csync3"));
  const theirs = found.filter((row) => !ours.includes(row));
  const want = (isMaria ? GOLDEN.mysql : GOLDEN.pgsql).columns as string[][];
  const bytes = (rows: string[][]) => rows.map((row) => row.map((c) => c === "text" ? "blob" : c));
  const known = new Set(want.map(([of]) => of));
  assert.deepEqual(
    theirs.filter(([of]) => known.has(of)),
    isMaria ? bytes(want) : want, // D 7.6.2: texts are bytes
  );
  assert.deepEqual([...new Set(theirs.map(([of]) => of))], [
    "action",
    "dirty",
    "file",
    "hint",
    "x509_cert",
  ]);
});

test("a mark that a C program sets again has a new generation", async (place) => {
  await using store = await place.open();
  const seen = new Set<number>();
  for (let n = 0; n < 4; n++) {
    place.sql("DELETE FROM dirty WHERE filename = '/1' AND peername = 'b.demo'");
    place.sql(
      "INSERT INTO dirty (filename, forced, myname, peername) VALUES ('/1', 0, 'a.demo', 'b.demo')",
    );
    const [row] = await all(store.dirtyRows()) as [DirtyRow];
    assert.ok(!seen.has(row.generation));
    seen.add(row.generation);
    if (n % 2 === 0) await store.transaction((tx) => tx.mark([dirty("/1")]));
    assert.equal(await store.transaction((tx) => tx.settle(row)), n % 2 === 1);
  }
});

test("a record that a C program writes again has no part of a second", async (place) => {
  await using store = await place.open();
  await put(store, { ...rec("/1"), subsecond: 7 }, { ...rec("/2"), subsecond: 8 });
  place.sql("DELETE FROM file WHERE filename = '/1'");
  place.sql(`INSERT INTO file (filename, checktxt) VALUES ('/1', '${DIR}')`);
  assert.deepEqual(await all(store.records("ascending")), [rec("/1"), {
    ...rec("/2"),
    subsecond: 8,
  }]);
});

test("names longer than any key are told apart, and are in order", async (place) => {
  await using store = await place.open();
  const stem = "/" + "x%\xc3\xbc".repeat(900);
  const want = [stem, `${stem}/a`, `${stem}/b`, `${stem}/b/c`, `${stem}c`];
  await put(store, rec("/0"), ...want.toReversed().map((name) => rec(name)), rec("/~"));
  await store.transaction((tx) => tx.mark(want.map((name) => dirty(name))));
  const ends = (rows: readonly { name: string }[]) =>
    rows.map(({ name }) => name.replace(stem, "STEM"));
  const wanted = ["/0", "STEM", "STEM/a", "STEM/b", "STEM/b/c", "STEMc", "/~"];
  assert.deepEqual(ends(await all(store.records("ascending"))), wanted);
  const down = await all(store.records("descending", { name: stem as DbName, below: true }));
  assert.deepEqual(ends(down), wanted.slice(1, 5).toReversed());
  assert.deepEqual(ends(await all(store.dirtyRows())), wanted.slice(1, 6));
  await put(store, rec(want[2]!, "v1%3Anew"));
  assert.equal((await store.record(want[2] as DbName))?.stored, "v1%3Anew");
  await store.transaction((tx) => tx.deleteRecords([want[1] as DbName]));
  assert.equal((await names(store)).length, want.length + 1);
});

test("long names are in order beyond the end of a page", async (place) => {
  await using store = await place.open();
  const stem = "/" + "long".repeat(700);
  const want = Array.from({ length: 1_200 }, (_, n) => `${stem}${String(n).padStart(5, "0")}`);
  await put(store, ...want.map((name) => rec(name)));
  assert.ok((await names(store)).every((name, n) => name === want[n]));
  const down = await all(store.records("descending"));
  assert.equal(down.length, want.length);
  assert.ok(down.every(({ name }, n) => name === want.at(-1 - n)));
});

/** Ends every connection of the user, as an administrator would. */
function killConnections(place: Place): void {
  if (place.server.kind === "postgresql") {
    place.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity " +
        `WHERE usename = 'csync2' AND datname = '${place.name}'`,
    );
    return;
  }
  const query = "SELECT id FROM information_schema.processlist WHERE user = 'csync2'";
  for (const id of place.sql(query).split("\n")) place.sql(`KILL ${id}`);
}

test("a connection that was killed is made again before a read and before a transaction", async (place) => {
  await using store = await place.open();
  await put(store, rec("/1"));
  killConnections(place);
  assert.deepEqual(await names(store), ["/1"]);
  killConnections(place);
  await put(store, rec("/2"));
  killConnections(place);
  assert.deepEqual(await names(store), ["/1", "/2"]);
});

test("a connection killed within a transaction: one clear error, nothing written, the next one works", async (place) => {
  await using store = await place.open();
  await store.transaction((tx) => tx.mark([dirty("/old")]));
  let calls = 0;
  const failing = store.transaction(async (tx) => {
    calls++;
    await tx.putRecords([rec("/lost")]);
    killConnections(place);
    await tx.putRecords([rec("/lost 2")]);
  });
  await assert.rejects(failing, (error) => {
    assert.ok(error instanceof StateError && error.code === "state/broken", String(error));
    assert.doesNotMatch(error.line, /\n/);
    return true;
  });
  assert.equal(calls, 1);
  assert.deepEqual(await names(store), []);
  await put(store, rec("/next"));
  assert.deepEqual(await names(store), ["/next"]);
  assert.equal((await all(store.dirtyRows())).length, 1);
});

test(
  "what the server would cut off, with a warning, is an error, and nothing is written",
  async (place) => {
    await using store = await place.open();
    await put(store, rec("/1"));
    place.sql("ALTER TABLE file MODIFY checktxt VARBINARY(20) NOT NULL");
    const long = `v1%3Atype=reg:size=${"9".repeat(20)}`;
    await assert.rejects(put(store, rec("/2"), rec("/3", long)), (error) => {
      assert.ok(error instanceof StateError && error.code === "state/broken", String(error));
      assert.match(error.line, /Data too long for column 'checktxt'/);
      return true;
    });
    assert.deepEqual(await names(store), ["/1"]);
  },
  "mariadb",
);

test("a server that is started again is waited for until the lock time-out", async (place) => {
  await using store = await place.open({ graceSeconds: 30 });
  await put(store, rec("/1"));
  await place.server.kill();
  const reading = names(store);
  const writing = put(store, rec("/2"));
  await place.server.startAgain();
  await reading;
  await writing;
  assert.deepEqual(await names(store), ["/1", "/2"]);
});

test("a server that stays away ends the waiting with a line that names it", async (place) => {
  await using store = await place.open();
  await place.server.kill();
  try {
    await assert.rejects(names(store), (error) => {
      assert.ok(error instanceof StateError && error.code === "state/open", String(error));
      assert.match(
        error.line,
        /no server at 127\.37\.\d+\.\d+ port 15432: connection refused; start it, or correct/,
      );
      assert.ok(!error.line.includes(PASSWORD));
      return true;
    });
  } finally {
    await place.server.startAgain();
  }
  assert.deepEqual(await names(store), []);
});

test("failures to open are one line with what to do, and without the password", async (place) => {
  const { server } = place;
  const secret = `${PASSWORD}WRONG`;
  const lines = [
    (await place.failure({ database: server.url("x", { password: secret }) })).line,
    (await place.failure({ database: server.url("x", { host: "127.37.255.254" }) })).line,
    (await place.failure({ database: server.url("x", { host: "nowhere.invalid" }) })).line,
    (await place.failure({ database: server.url("x", { options: "?sslmode=yes" }) })).line,
    (await place.failure({ database: server.url("x", { options: "?color=1" }) })).line,
    (await place.failure({ database: server.url("x", { options: "?password-file=" }) })).line,
  ];
  for (const line of lines) {
    assert.match(line, /^Can't open database: \w+:\/\/csync2:\*\*\*@[^ ]+ \([^\n]+\)$/);
    assert.ok(!line.includes(secret) && !line.includes(PASSWORD), line);
  }
  assert.match(lines[0]!, /; correct user and password/);
  assert.match(
    lines[1]!,
    /no server at 127\.37\.255\.254 port 15432: connection refused; start it, or correct/,
  );
  assert.match(lines[3]!, /sslmode is one of disable, prefer/);
  assert.match(lines[4]!, /unknown option "color"/);
  assert.match(lines[5]!, /option "password-file" has no value/);
});

test("without the right to make a database, the statement for the administrator is told", async (place) => {
  const { server } = place;
  const isMaria = server.kind === "mariadb";
  const name = `poor${databases}`;
  server.sql(
    isMaria ? "mysql" : "postgres",
    isMaria
      ? `CREATE USER ${name}@'%' IDENTIFIED BY 'p'`
      : `CREATE ROLE ${name} LOGIN PASSWORD 'p'`,
  );
  const error = await place.failure({
    database: server.url("mine", { user: name, password: "p" }),
  });
  assert.match(error.line, isMaria ? /GRANT ALL ON `mine`/ : /CREATE DATABASE "mine" OWNER/);
});

test("a server that accepts and says nothing is given up", async (place) => {
  using listener = Deno.listen({ hostname: "127.37.0.77", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const held: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) held.push(connection);
  })();
  const scheme = place.server.kind === "mariadb" ? "mysql" : "pgsql";
  const error = await place.failure({ database: `${scheme}://u:p@127.37.0.77:${port}/x` });
  assert.match(error.line, /the server does not answer/);
  listener.close();
  await accepting;
  for (const connection of held) connection.close();
});

test("another writer is waited for, and after the lock time-out it is state/busy, work not begun", async (place) => {
  await using one = await place.open();
  await using two = await place.open();
  let calls = 0;
  await one.transaction(async (tx) => {
    await tx.putRecords([rec("/1")]);
    assert.deepEqual(await names(two), []); // readers do not care
    await assert.rejects(two.transaction(() => void calls++), { code: "state/busy" });
  });
  assert.equal(calls, 0);
  await put(two, rec("/2"));
  assert.deepEqual(await names(one), ["/1", "/2"]);
});

test(
  "a C program in the middle of a transaction is waited for, and never told of a deadlock",
  async (place) => {
    await using store = await place.open({ graceSeconds: 30 });
    await using session = foreignSession(place);
    await session.run("BEGIN; DELETE FROM file WHERE filename = '/c'");
    const ours = put(store, rec("/ours"));
    // Whatever it takes next, ours must not have it already.
    for (const table of ["dirty", "action", "hint", "x509_cert"]) {
      await session.run(`DELETE FROM ${table}`);
    }
    await session.run(`INSERT INTO file (filename, checktxt) VALUES ('/c', '${DIR}'); COMMIT`);
    await ours;
    assert.deepEqual(await names(store), ["/c", "/ours"]);
  },
  "postgresql",
);

/** psql with a session of its own; `run` ends when the server has answered. */
function foreignSession(place: Place) {
  const { server } = place;
  const child = new Deno.Command("psql", {
    args: [
      "-h",
      server.socket,
      "-p",
      `${server.port}`,
      "-U",
      "postgres",
      "-d",
      place.name,
      "-XAtq",
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const input = child.stdin.getWriter();
  const output = child.stdout.getReader();
  return {
    async run(sql: string): Promise<void> {
      await input.write(new TextEncoder().encode(`${sql};\n\\echo done\n`));
      assert.equal(new TextDecoder().decode((await output.read()).value), "done\n");
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await input.close();
      await output.cancel();
      await child.status;
    },
  };
}

test("several processes write to one database, and none is turned away", async (place) => {
  const ids = ["p", "q", "r", "s"];
  const ends = await Promise.all(ids.map((id) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-prompt", "--quiet", WRITER, place.server.url(place.name), id, "2"],
    }).output()
  ));
  const counts = ends.map(({ success, stdout, stderr }) => {
    assert.ok(success, new TextDecoder().decode(stderr));
    return Number(new TextDecoder().decode(stdout));
  });
  for (const count of counts) assert.ok(count > 0, `starved: ${counts}`);
  const records = counts.reduce((sum, n) => sum + n, 0);
  assert.equal(place.sql("SELECT count(*) FROM file"), `${records}`);
  assert.equal(place.sql("SELECT count(*) FROM dirty"), `${2 * records}`);
  const numbers = "SELECT count(DISTINCT csync3_generation) FROM dirty";
  assert.equal(place.sql(numbers), `${2 * records}`);
});

test("several processes may make one database at the same time", async (place) => {
  const stores = await Promise.all(
    Array.from({ length: 5 }, () => place.open({ graceSeconds: 30 })),
  );
  await Promise.all(stores.map((store, n) => put(store, rec(`/${n}`))));
  for (const store of stores) assert.equal((await names(store)).length, 5);
  await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
  assert.equal(place.notes.filter((note) => note.includes("Upgrading")).length, 1);
});

test("a password comes from a file or the caller, never from a file that everybody may read", async (place) => {
  const dir = await Deno.makeTempDir();
  const file = `${dir}/my%20pass`;
  try {
    await Deno.writeTextFile(file, `${PASSWORD}\nmore\n`, { mode: 0o600 });
    const scheme = place.server.kind === "mariadb" ? "mariadb" : "pgsql";
    const { host, port } = place.server;
    const plain = `${scheme}://csync2@${host}:${port}/${place.name}`;
    const database = `${plain}?password-file=${dir}/my%2520pass`;
    await (await place.open({ database, password: "unused" }))[Symbol.asyncDispose]();
    await (await place.open({ database: plain, password: PASSWORD }))[Symbol.asyncDispose]();
    await Deno.writeTextFile(file, "\nmore\n");
    assert.match((await place.failure({ database })).line, /the password, is empty\)$/);
    await Deno.chmod(file, 0o644);
    assert.match((await place.failure({ database })).line, /everybody may read it/);
    await Deno.remove(file);
    assert.match(
      (await place.failure({ database })).line,
      /password file ".*my%20pass": no such file or directory\)$/,
    );
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

test("a Unix socket is used in place of host and port", async (place) => {
  const options = `?socket=${place.server.socket}`;
  const host = "192.0.2.1"; // nobody is there
  await using store = await place.open({
    database: place.server.url(place.name, { host, options }),
  });
  await put(store, rec("/1"));
  assert.deepEqual(await names(store), ["/1"]);
});

test("the connection is encrypted unless that is switched off, and checked when that is asked for", async (place) => {
  const { server } = place;
  const isMaria = server.kind === "mariadb";
  const encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) " +
    `WHERE ssl AND usename = 'csync2' AND datname = '${place.name}'`;
  const root = `sslrootcert=${server.dir}/cert.pem`;
  const good = ["", "?sslmode=prefer", "?sslmode=require", `?sslmode=verify-ca&${root}`];
  for (const options of [...good, `?sslmode=verify-full&${root}`, "?sslmode=disable"]) {
    await using store = await place.open({ database: server.url(place.name, { options }) });
    await put(store, rec("/1"));
    if (!isMaria) {
      assert.equal(place.sql(encrypted), options.endsWith("disable") ? "0" : "1", options);
    }
  }
  for (const mode of ["verify-ca", "verify-full"]) {
    const database = server.url(place.name, { options: `?sslmode=${mode}` });
    assert.match((await place.failure({ database })).line, /self.signed|certificate/i);
  }
  // The same server by a name that its certificate does not have.
  const mapped = (mode: string) =>
    server.url(place.name, {
      host: `[::ffff:${server.host}]`,
      options: `?sslmode=${mode}&${root}`,
    });
  await (await place.open({ database: mapped("verify-ca") }))[Symbol.asyncDispose]();
  const { line } = await place.failure({ database: mapped("verify-full") });
  assert.match(line, /does not match certificate/);
});

test("D 7.6.10 a database that two hosts use is told", async (place) => {
  for (let n = 0; n < 2; n++) await (await place.open())[Symbol.asyncDispose]();
  assert.ok(!place.notes.some((note) => note.includes("WARNING")));
  await (await place.open({ hostName: "b.demo" }))[Symbol.asyncDispose]();
  assert.match(
    place.notes.at(-1) ?? "",
    /^1 WARNING: Database .* of b.demo is also used by a.demo\.$/,
  );
});

test("D 7.6.7 a half-made schema is completed, and a newer one is refused", async (place) => {
  await (await place.open())[Symbol.asyncDispose]();
  place.sql("DROP TABLE dirty; DROP TABLE csync3_intent");
  await using store = await place.open();
  await store.transaction((tx) => tx.mark([dirty("/a")]));
  assert.deepEqual(await store.intents(), []);
  place.sql("UPDATE csync3_note SET value = '99' WHERE name = 'schema'");
  assert.match((await place.failure({})).line, /schema 99 is newer than \d+/);
});
