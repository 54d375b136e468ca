import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { DbName, DirtyMark, FileRecord, HostName } from "../model/mod.ts";
import { openState, type OpenStateOptions, StateError, type StateStore } from "./mod.ts";

const GOLDEN = new URL("../../tests/golden/", import.meta.url);

function golden(name: string) {
  return JSON.parse(Deno.readTextFileSync(new URL(name, GOLDEN)));
}

class Place implements Disposable {
  readonly dir = Deno.makeTempDirSync();
  /** The C program's file for host a.demo in this directory. */
  readonly file = `${this.dir}/a.demo.db3`;
  readonly notes: string[] = [];

  open(options: Partial<OpenStateOptions> = {}): Promise<StateStore> {
    return openState({
      database: this.dir,
      hostName: "a.demo",
      configName: "",
      lockTimeoutSeconds: 0,
      graceSeconds: 0.3,
      defaultDir: `${this.dir}/none`,
      onNote: (level, text) => this.notes.push(`${level} ${text}`),
      ...options,
    });
  }

  /** Runs statements on the file, as a foreign program. */
  sql(text: string, file = this.file): unknown[] {
    const db = new DatabaseSync(file);
    try {
      if (!/^(select|pragma)/i.test(text)) {
        db.exec(text);
        return [];
      }
      return db.prepare(text).all().map((row) => Object.values(row));
    } finally {
      db.close();
    }
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.dir, { recursive: true });
  }
}

const CSYNC2_SCHEMA = Object.values(golden("database.json").sqlite.tables as string[]).join(";");

function record(name: string, stored = "v1%3Atype=dir"): FileRecord {
  return { name: name as DbName, stored };
}

function mark(name: string, peer = "b.demo"): DirtyMark {
  return {
    name: name as DbName,
    forced: false,
    myName: "a.demo" as HostName,
    peer: peer as HostName,
  };
}

async function names(store: StateStore): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of store.records("ascending")) found.push(...batch.map((r) => r.name));
  return found;
}

async function failure(opening: Promise<StateStore>): Promise<StateError> {
  try {
    await (await opening)[Symbol.asyncDispose]();
  } catch (error) {
    assert.ok(error instanceof StateError, String(error));
    return error;
  }
  return assert.fail("opened");
}

for (const c of golden("cli.json").database_argument) {
  if (c.D?.startsWith("mariadb:")) continue; // 2.1.1 has that scheme, and we have it: see below
  const value = c.D ?? c.database_statement;
  Deno.test(`openState() 5.1: uses the C program's file and texts for ${value} -C ${c.config_name}`, async () => {
    const base = Deno.makeTempDirSync();
    const here = (text: string) => text.replaceAll("/tmp/csync2-demo2", base);
    for (const dir of ["etc", "db", "out/w"]) Deno.mkdirSync(`${base}/${dir}`, { recursive: true });
    Deno.writeTextFileSync(`${base}/etc/demo.key`, "x\n");
    const cwd = Deno.cwd();
    Deno.chdir(`${base}/out/w`);
    try {
      const notes: string[] = [];
      const opening = openState({
        database: here(value),
        hostName: "A.Demo",
        configName: c.config_name ?? "",
        lockTimeoutSeconds: 0,
        defaultDir: "/none",
        onNote: (_level, text) => notes.push(text),
      });
      if (c.rc === 1) assert.equal((await failure(opening)).message, here(c.stderr));
      else {
        const store = await opening;
        assert.equal(store.label, here(c.used));
        await store[Symbol.asyncDispose]();
      }
      assert.equal(notes[0], `Database-File: ${here(c.used)}`);
      assert.deepEqual(filesIn(base), [...c.files_made, "etc/demo.key"].sort());
    } finally {
      Deno.chdir(cwd);
      Deno.removeSync(base, { recursive: true });
    }
  });
}

function filesIn(dir: string, below = ""): string[] {
  return [...Deno.readDirSync(`${dir}/${below}`)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(dir, `${below}${name}/`) : [`${below}${name}`]
  ).sort();
}

for (
  const value of [
    "pgsql://h:x/",
    "mysql://[::1/",
    "pgsql://h:99999/",
    "pgsql://h/?x=1",
    "pgsql://h/?password-file",
  ]
) {
  Deno.test(`openState() refuses ${value}`, async () => {
    using place = new Place();
    const { line } = await failure(place.open({ database: value }));
    assert.match(line, /^Can't open database: .* \(.+\)$/);
  });
}

Deno.test("openState() says why a database cannot be opened", async () => {
  using place = new Place();
  Deno.symlinkSync("loop", `${place.dir}/loop`);
  for (
    const [below, reason] of [
      ["none", "its directory does not exist"],
      ["loop", "Too many levels of symbolic links"],
    ] as const
  ) {
    const { line } = await failure(place.open({ database: `${place.dir}/${below}` }));
    const label = `sqlite3://${place.dir}/${below}/a.demo.db3`;
    assert.equal(line, `Can't open database: ${label} (${reason})`);
  }
  const { line } = await failure(place.open({ database: "sqlite3:///dev/null" }));
  assert.equal(line, "Can't open database: sqlite3:///dev/null (not a file)");
});

Deno.test("D 7.4.15 openState() never shows a password", async () => {
  using place = new Place();
  for (const scheme of ["mysql", "pgsql", "foo", "mariadb"]) {
    const database = `${scheme}://user:sec@ret@127.37.0.99:1/db`;
    const error = await failure(place.open({ database }));
    assert.ok(!error.line.includes("ret"), error.line);
    assert.equal(error.code, scheme === "foo" ? "state/scheme" : "state/open");
  }
  assert.ok(!place.notes.join().includes("ret"));
  assert.equal(place.notes[0], "2 Database-File: mysql://user:***@127.37.0.99:1/db");
});

Deno.test("D 7.6.9 openState() makes a file for its owner only, and its side files too", async () => {
  using place = new Place();
  const umask = Deno.umask(0);
  try {
    await using store = await place.open();
    await store.transaction((tx) => tx.putRecords([record("/a")]));
    for (const suffix of ["", "-wal", "-shm"]) {
      assert.equal((Deno.statSync(place.file + suffix).mode ?? 0) & 0o777, 0o600, suffix);
    }
  } finally {
    Deno.umask(umask);
  }
});

Deno.test("D 7.6.9 openState() refuses a file that others can write to or that belongs to others", async () => {
  using place = new Place();
  await (await place.open())[Symbol.asyncDispose]();
  Deno.chmodSync(place.file, 0o646);
  assert.equal((await failure(place.open())).code, "state/unsafe");
  Deno.chmodSync(place.file, 0o644);
  await (await place.open())[Symbol.asyncDispose]();
  Deno.chownSync(place.file, 12_345, 12_345);
  assert.equal((await failure(place.open())).code, "state/unsafe");
});

Deno.test("openState() does not hang on a FIFO and does not follow a dangling link", async () => {
  using place = new Place();
  assert.ok((await new Deno.Command("mkfifo", { args: [`${place.dir}/fifo`] }).output()).success);
  Deno.symlinkSync(`${place.dir}/none`, `${place.dir}/link`);
  for (const name of ["fifo", "link"]) {
    const error = await failure(place.open({ database: `sqlite://${place.dir}/${name}` }));
    assert.equal(error.message, `Can't open database: sqlite://${place.dir}/${name}`);
  }
  assert.throws(() => Deno.statSync(`${place.dir}/none`));
});

Deno.test("openState() takes names that SQLite would interpret as plain files", async () => {
  using place = new Place();
  const cwd = Deno.cwd();
  Deno.chdir(place.dir);
  try {
    for (const database of [":memory:", "file:x?mode=memory"]) {
      await (await place.open({ database }))[Symbol.asyncDispose]();
      assert.ok(Deno.statSync(`${place.dir}/${database}`).size > 0);
    }
  } finally {
    Deno.chdir(cwd);
  }
});

Deno.test("openState() creates the tables of csync2 to the byte, and only own objects beside them", async () => {
  using place = new Place();
  await (await place.open())[Symbol.asyncDispose]();
  assert.ok(place.notes.includes("2 Upgrading database schema to version 0."));
  const want = golden("database.json").sqlite;
  const all = place.sql("SELECT name, sql FROM sqlite_master WHERE name NOT GLOB '*csync3*'") as [
    string,
    string | null,
  ][];
  const made = Object.fromEntries(all.filter(([, sql]) => sql !== null));
  assert.deepEqual(made, want.tables);
  assert.deepEqual(
    all.filter(([, sql]) => sql === null).map(([name]) => name).sort(),
    want.other_objects.map(([, name]: string[]) => name).sort(),
  );
  for (const [pragma, value] of Object.entries(want.pragmas)) {
    if (pragma === "journal_mode") continue; // 7.6.11
    assert.deepEqual(place.sql(`PRAGMA ${pragma}`), [[value]], pragma);
  }
});

Deno.test("D 7.6.11 openState() uses a write-ahead log, which stays when csync2 made the file", async () => {
  using place = new Place();
  place.sql(CSYNC2_SCHEMA);
  assert.deepEqual(place.sql("PRAGMA journal_mode"), [["delete"]]);
  await (await place.open())[Symbol.asyncDispose]();
  assert.deepEqual(place.sql("PRAGMA journal_mode"), [["wal"]]);
  assert.ok(!place.notes.some((note) => note.includes("Upgrading")));
});

Deno.test("D 7.6.7 openState() completes a half-made schema, also our own part", async () => {
  using place = new Place();
  place.sql(`${CSYNC2_SCHEMA}; DROP TABLE dirty; INSERT INTO file VALUES ('/a', 'v1');`);
  await using store = await place.open();
  await store.transaction((tx) => tx.mark([mark("/a")]));
  assert.deepEqual(await names(store), ["/a"]);
  // The triggers go with their table, and come back with it.
  place.sql("DROP TABLE dirty; DROP TABLE csync3_intent");
  await using again = await place.open();
  await again.transaction((tx) => tx.mark([mark("/a")]));
  const triggers = place.sql("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'");
  assert.deepEqual(triggers, [[2]]);
  assert.deepEqual(await again.intents(), []);
});

Deno.test("D 7.6.7 openState() writes nothing when several processes make one database", async () => {
  using place = new Place();
  const stores = await Promise.all(Array.from({ length: 6 }, () => place.open()));
  await Promise.all(stores.map((s, n) => s.transaction((tx) => tx.putRecords([record(`/${n}`)]))));
  for (const store of stores) assert.equal((await names(store)).length, 6);
  await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
  assert.equal(place.notes.filter((note) => note.includes("Upgrading")).length, 1);
});

Deno.test("openState() forgets the notes in which an older version kept what was told", async () => {
  using place = new Place();
  await (await place.open())[Symbol.asyncDispose]();
  place.sql(`DROP TABLE csync3_told; UPDATE csync3_note SET value = '2' WHERE name = 'schema';
    INSERT INTO csync3_note VALUES ('told/00a', '/a b v 0'), ('told/outdated', '/a b v 0')`);
  await using store = await place.open();
  assert.deepEqual(await store.outdatedTold(), []);
  assert.deepEqual(place.sql("SELECT name FROM csync3_note WHERE name LIKE 'told%'"), []);
  assert.equal(await store.note("time"), undefined);
  assert.notEqual(await store.note("schema"), "2");
});

Deno.test("D 7.6.7 openState() refuses a database of a newer version", async () => {
  using place = new Place();
  await (await place.open())[Symbol.asyncDispose]();
  place.sql("UPDATE csync3_note SET value = '99' WHERE name = 'schema'");
  const error = await failure(place.open());
  assert.match(error.line, /schema 99 is newer than \d+ \(a newer version/);
});

Deno.test("openState() says what is wrong in the C program's words when the file is no database", async () => {
  using place = new Place();
  Deno.writeTextFileSync(place.file, "no database at all ".repeat(100));
  const error = await failure(place.open());
  assert.equal(error.code, "state/broken");
  const [c] = golden("database.json").errors;
  // The C program finds out when it creates its first table, we when we look for it.
  const [, want] = /: (file is not a database) on/.exec(c.stderr) ?? [];
  assert.match(error.message, new RegExp(`^Database Error: .* \\[1\\]: ${want} on executing `));
});

Deno.test("openState() tells of a wrong table in the C program's words", async () => {
  using place = new Place();
  place.sql("CREATE TABLE file (x)");
  const error = await failure(place.open());
  assert.equal(error.code, "state/broken");
  // The C program takes the schema for complete, and fails when it lists files.
  const [, , c] = golden("database.json").errors;
  const [head] = c.stderr.split(" on executing");
  assert.ok(error.message.startsWith(`${head} on executing SELECT`), error.message);
});

Deno.test("D 7.6.10 openState() tells when a named file is used by two hosts or configurations", async () => {
  using place = new Place();
  const database = `sqlite://${place.dir}/shared.db`;
  for (let n = 0; n < 2; n++) await (await place.open({ database }))[Symbol.asyncDispose]();
  assert.ok(!place.notes.some((note) => note.includes("WARNING")));
  await (await place.open({ database, configName: "two" }))[Symbol.asyncDispose]();
  assert.equal(
    place.notes.at(-1),
    `1 WARNING: Database ${database} of a.demo_two is also used by a.demo.`,
  );
});

const SECONDS = "v1%3Amtime=1600000000%3Amode=33188%3Auid=0%3Agid=0%3Atype=reg%3Asize=0";
const NANOS = SECONDS.replace("1600000000", "1600000000123456789");
const DIRECTORY = "v1%3Amode=16877%3Auid=0%3Agid=0%3Atype=dir";
const UNIT_CASES = [
  { name: "no rows", texts: [], want: "seconds" },
  { name: "rows without times", texts: [DIRECTORY, DIRECTORY], want: "seconds" },
  { name: "rows of 2.0", texts: [DIRECTORY, SECONDS, SECONDS], want: "seconds" },
  { name: "rows of 2.1.1", texts: [DIRECTORY, NANOS, NANOS], want: "nanos" },
  {
    name: "rows of 2.1.1, one file being from 1970",
    texts: [NANOS, NANOS, NANOS.replace("1600000000123456789", "0")],
    want: "nanos",
  },
  { name: "our rows", texts: [`${SECONDS}\\0ns=5`, `${SECONDS}\\0ns=0`], want: "seconds" },
  { name: "texts of another format", texts: ["v2", "v1%3Amtime=x"], want: "seconds" },
] as const;

for (const { name, texts, want } of UNIT_CASES) {
  Deno.test(`openState() finds ${want} in a database with ${name}`, async () => {
    using place = new Place();
    place.sql(CSYNC2_SCHEMA);
    texts.forEach((text, n) => {
      const value = text.replace("\\0", "' || char(0) || '");
      place.sql(`INSERT INTO file VALUES ('/${n}', '${value}')`);
    });
    await using store = await place.open();
    assert.equal(store.timeUnit, want);
  });
}

Deno.test("openState() remembers the unit of times once rows have shown it", async () => {
  using place = new Place();
  await (await place.open())[Symbol.asyncDispose](); // empty: open
  place.sql(`INSERT INTO file VALUES ('/1', '${NANOS}')`);
  await (await place.open())[Symbol.asyncDispose]();
  place.sql("DELETE FROM file");
  await using store = await place.open();
  assert.equal(store.timeUnit, "nanos");
});

Deno.test("foreignCommits() tells what another process wrote, before and within a transaction", async () => {
  using place = new Place();
  await using store = await place.open();
  await store.transaction((tx) => tx.putRecords([record("/first")]));
  const before = await store.foreignCommits();
  assert.equal(typeof before, "number");
  await store.transaction((tx) => tx.putRecords([record("/own")]));
  await store.transaction(async (tx) => assert.equal(await tx.foreignCommits(), before));
  place.sql("INSERT INTO file (filename, checktxt) VALUES ('/theirs', 'v1%3Atype=dir')");
  await store.transaction(async (tx) => assert.notEqual(await tx.foreignCommits(), before));
});

Deno.test("a server without TLS, where it is asked for, is told as such", async () => {
  using place = new Place();
  using listener = Deno.listen({ hostname: "127.42.0.1", port: 0 });
  const served = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(64)); // the request for TLS
    await connection.write(new TextEncoder().encode("N"));
  })();
  const { port } = listener.addr as Deno.NetAddr;
  const database = `pgsql://u:p@127.42.0.1:${port}/d?sslmode=require`;
  const { line } = await failure(place.open({ database }));
  await served;
  assert.match(line, /\(it closed the connection when asked for TLS; .* sslmode=prefer\)$/);
});

Deno.test("openState() has words of its own for places that the runtime keeps to itself", {
  permissions: { read: true, write: true, env: true, ffi: true, sys: true },
}, async () => {
  using place = new Place();
  const { line } = await failure(place.open({ database: "/dev/shm" }));
  assert.match(line, /\(no database can be in \/dev, \/proc or \/sys; take another directory\)$/);
});
