import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { DbName, DirtyMark, DiskPath, FileRecord, HostName } from "../model/mod.ts";
import { openState, type StateStore } from "./mod.ts";

const { sqlite: GOLDEN } = JSON.parse(
  Deno.readTextFileSync(new URL("../../tests/golden/database.json", import.meta.url)),
);

/** A store, and a foreign connection to the same file. */
async function withStore(
  run: (o: { store: StateStore; foreign: DatabaseSync; file: string }) => Promise<void>,
): Promise<void> {
  const dir = Deno.makeTempDirSync();
  try {
    await using store = await openState({
      database: dir,
      hostName: "a.demo",
      configName: "",
      lockTimeoutSeconds: 1,
      defaultDir: dir,
    });
    const file = `${dir}/a.demo.db3`;
    const foreign = new DatabaseSync(file);
    try {
      await run({ store, foreign, file });
    } finally {
      foreign.close();
    }
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

function rows(db: DatabaseSync, sql: string): unknown[][] {
  return db.prepare(sql).all().map((row) => Object.values(row));
}

function record(name: string, stored = "v1%3Atype=dir", subsecond?: number): FileRecord {
  return { name: name as DbName, stored, ...(subsecond !== undefined && { subsecond }) };
}

function mark(name: string, forced = false): DirtyMark {
  return {
    name: name as DbName,
    forced,
    myName: "a.demo" as HostName,
    peer: "b.demo" as HostName,
  };
}

async function all<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const found: T[] = [];
  for await (const batch of batches) found.push(...batch);
  return found;
}

Deno.test("SqlStore writes the rows that csync2 writes", () =>
  withStore(async ({ store, foreign }) => {
    const odd = "/tmp/csync2-demo2/a/od d%:|\"'$\\";
    const want = GOLDEN.sample_rows;
    const names = [
      "/tmp/csync2-demo2/a",
      "/tmp/csync2-demo2/a/l",
      odd,
      "/tmp/csync2-demo2/a/plain",
    ];
    await store.transaction(async (tx) => {
      await tx.putRecords(names.map((name, n) => record(name, want.file[n][1])));
      await tx.mark(names.map((name, n) => mark(name, want.dirty[n][1] === 1)));
      await tx.addHint({ path: "/etc/passwd" as DiskPath, recursive: false });
      await tx.addHint({ path: "/tmp/csync2-demo2/a/od d%" as DiskPath, recursive: true });
      const command = "cp /tmp/csync2-demo2/db/a.demo.db3 /tmp/csync2-demo2/out/during.db3";
      await tx.schedule([
        { name: names[0] as DbName, command, logfile: "/tmp/csync2-demo2/log/x" },
      ]);
    });
    for (const table of ["file", "dirty", "hint"]) {
      assert.deepEqual(rows(foreign, `SELECT * FROM ${table} ORDER BY 1`), want[table], table);
    }
    assert.deepEqual(
      rows(foreign, "SELECT * FROM action"),
      GOLDEN.action_row_while_its_command_runs,
    );
    const types = "SELECT DISTINCT typeof(filename), typeof(forced) FROM dirty";
    assert.deepEqual(rows(foreign, types), [["text", "integer"]]);
    assert.deepEqual(rows(foreign, "SELECT DISTINCT typeof(recursive) FROM hint"), [["integer"]]);
  }));

Deno.test("SqlStore leaves double inserts of csync2 as they are in its schema", () =>
  withStore(({ foreign }) => {
    foreign.exec(`INSERT INTO file VALUES ('f', '1'); INSERT INTO file VALUES ('f', '2');
      INSERT INTO dirty VALUES ('f', 0, 'm', 'p'); INSERT INTO dirty VALUES ('f', 1, 'n', 'p');
      INSERT INTO hint VALUES ('f', 0); INSERT INTO hint VALUES ('f', 0);
      INSERT INTO action VALUES ('f', 'c', 'l1'); INSERT INTO action VALUES ('f', 'c', 'l2');
      INSERT INTO x509_cert VALUES ('p', '1'); INSERT INTO x509_cert VALUES ('p', '2')`);
    for (const [table, want] of Object.entries(GOLDEN.after_inserting_each_row_twice)) {
      assert.deepEqual(rows(foreign, `SELECT * FROM ${table}`), want, table);
    }
    return Promise.resolve();
  }));

Deno.test("SqlStore stores raw bytes from 0x80 up as text, like csync2", () =>
  withStore(async ({ store, foreign }) => {
    await store.transaction((tx) => {
      tx.putRecords([record("/\xff\xc3\xbc", "v1%3Atarget=\xfe")]);
      tx.mark([mark("/\xff\xc3\xbc")]);
    });
    const sql = "SELECT hex(filename), hex(checktxt), typeof(filename), typeof(checktxt) FROM file";
    assert.deepEqual(rows(foreign, sql), [
      ["2FFFC3BC", "76312533417461726765743DFE", "text", "text"],
    ]);
    assert.deepEqual(rows(foreign, "SELECT hex(filename), typeof(filename) FROM dirty"), [
      ["2FFFC3BC", "text"],
    ]);
    // The C program puts bytes into the statement itself.
    foreign.exec("INSERT INTO file VALUES (CAST(x'2FFE' AS TEXT), 'v1')");
    assert.deepEqual(await all(store.records("ascending")), [
      record("/\xfe", "v1"),
      record("/\xff\xc3\xbc", "v1%3Atarget=\xfe"),
    ]);
  }));

Deno.test("SqlStore hides the part of a second behind a NUL, which a rewrite by csync2 drops", () =>
  withStore(async ({ store, foreign }) => {
    const stored = "v1%3Amtime=1%3Atype=fifo";
    await store.transaction((tx) => tx.putRecords([record("/a", stored, 123_456_789)]));
    const hex = rows(foreign, "SELECT hex(checktxt) FROM file")[0]?.[0] as string;
    assert.match(hex, /00[^0]/);
    assert.equal(
      new TextDecoder().decode(Uint8Array.fromHex(hex)),
      `${stored}\0ns=123456789`,
    );
    foreign.exec(`DELETE FROM file WHERE filename = '/a'; INSERT INTO file VALUES ('/a', 'new')`);
    assert.deepEqual(await store.record("/a" as DbName), record("/a", "new"));
  }));

Deno.test("SqlStore takes an addition that is none of ours as unknown", () =>
  withStore(async ({ store, foreign }) => {
    for (const addition of ["", "ns=", "ns=-1", "ns=1234567890", "ns=1x", "us=5"]) {
      foreign.prepare("INSERT INTO file VALUES ('/a', ?)").run(`v1\0${addition}`);
      assert.deepEqual(await store.record("/a" as DbName), record("/a", "v1"), addition);
      assert.deepEqual(await all(store.records("ascending")), [record("/a", "v1")]);
    }
  }));

Deno.test("SqlStore passes over rows whose name is none, and survives any type of value", () =>
  withStore(async ({ store, foreign }) => {
    const bad = ["/a/../b", "/a//b", "/a/", "/.", "/a/.", "", "a", "%25p", "%25%25/x", "//", "1"];
    const put = foreign.prepare("INSERT INTO file VALUES (?, 'v1')");
    const dirty = foreign.prepare("INSERT INTO dirty VALUES (?, 0, 'a', 'b')");
    for (const name of [...bad, "/ok", "/..a", "/a/...", "/.b/c"]) {
      put.run(name);
      dirty.run(name);
    }
    foreign.exec(`INSERT INTO file VALUES (NULL, NULL); INSERT INTO file VALUES (5, 6);
      INSERT INTO file VALUES ('/null', NULL); INSERT INTO file VALUES ('/number', 7);
      INSERT INTO file VALUES ('/real', 7.5); INSERT INTO file VALUES (x'2F62', x'76FF');
      INSERT INTO file VALUES ('/nul' || char(0) || 'x', 'v1');
      INSERT INTO dirty VALUES ('/null', NULL, NULL, 'b');
      INSERT INTO dirty VALUES ('/text', '1', 'a', 'b');
      INSERT INTO dirty VALUES ('/nopeer', 1, 'a', NULL)`);
    const good = ["/..a", "/.b/c", "/a/...", "/null", "/number", "/ok", "/real"];
    const found = await all(store.records("ascending"));
    assert.deepEqual(found.map(({ name }) => name), good as DbName[]);
    assert.equal(found.find(({ name }) => name === "/number")?.stored, "7");
    assert.deepEqual((await all(store.records("descending"))).reverse(), found);
    const marks = await all(store.dirtyRows());
    assert.deepEqual(marks.map(({ name, forced }) => [name as string, forced]), [
      ["/..a", false],
      ["/.b/c", false],
      ["/a/...", false],
      ["/null", false],
      ["/ok", false],
      ["/text", true],
    ]);
  }));

Deno.test("SqlStore reads rows that hold raw line feeds", () =>
  withStore(async ({ store, foreign }) => {
    const put = foreign.prepare("INSERT INTO file VALUES (?, ?)");
    put.run("/a\nb", "v1\nv2");
    put.run("/c", "v1");
    await store.transaction((tx) => tx.putRecords([record("/d", "v1", 5)]));
    const want = [record("/a\nb", "v1\nv2"), record("/c", "v1"), record("/d", "v1", 5)];
    assert.deepEqual(await all(store.records("ascending")), want);
    assert.deepEqual(await all(store.records("descending")), want.toReversed());
  }));

Deno.test("SqlStore streams past pages that hold nothing but bad names", () =>
  withStore(async ({ store, foreign }) => {
    foreign.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000)
      INSERT INTO file SELECT printf('/a/../%05d', i), 'v1' FROM n;
      INSERT INTO file VALUES ('/0', 'v1'); INSERT INTO file VALUES ('/z', 'v1');
      INSERT INTO dirty SELECT filename, 0, 'a', 'b' FROM file`);
    for (const order of ["ascending", "descending"] as const) {
      assert.equal((await all(store.records(order))).length, 2);
    }
    assert.equal((await all(store.dirtyRows())).length, 2);
    assert.equal((await all(store.dirtyRows({ peer: "b" as HostName }))).length, 2);
  }));

Deno.test("D 7.6.8 SqlStore binds values, so that no text can become SQL", () =>
  withStore(async ({ store }) => {
    const evil = "/'; DROP TABLE file; --";
    await store.transaction((tx) => {
      tx.putRecords([record(evil, "v1'); DELETE FROM file; --")]);
      tx.pinFirst({ peer: "b' OR 1=1 --" as HostName, certificate: "30'" });
    });
    assert.deepEqual(await all(store.records("ascending")), [
      record(evil, "v1'); DELETE FROM file; --"),
    ]);
    assert.equal(await store.pin("b" as HostName), undefined);
    assert.deepEqual(await store.pins(), [{ peer: "b' OR 1=1 --", certificate: "30'" }]);
  }));

Deno.test("D 7.6.12 SqlStore leaves what cannot be decoded as it is", () =>
  withStore(async ({ store, foreign }) => {
    for (const path of ["/%zz", "/x%00y", "/%", "/%4", "/%41"]) {
      foreign.prepare("INSERT INTO hint VALUES (?, 0)").run(path);
    }
    const paths = (await store.hints()).map(({ path }) => path as string);
    assert.deepEqual(paths.sort(), ["/%", "/%4", "/%zz", "/A", "/x%00y"]);
  }));

Deno.test("D 7.6.2 D 7.6.5 SqlStore tells upper from lower case and orders by bytes", () =>
  withStore(async ({ store }) => {
    const names = ["/B", "/_", "/a", "/b", "/\xc3\x84", "/\xc3\xa4"];
    await store.transaction((tx) => tx.putRecords(names.toReversed().map((n) => record(n))));
    assert.deepEqual(
      (await all(store.records("ascending"))).map(({ name }) => name),
      names as DbName[],
    );
  }));

Deno.test("D 7.5.3 SqlStore holds no lock between its transactions, nor while a stream is consumed", () =>
  withStore(async ({ store, foreign }) => {
    const many = Array.from({ length: 5_000 }, (_, n) => record(`/${n}`));
    await store.transaction((tx) => tx.putRecords(many));
    foreign.exec("BEGIN EXCLUSIVE; ROLLBACK");
    for await (const _batch of store.records("descending")) {
      foreign.exec("BEGIN EXCLUSIVE; COMMIT");
      assert.deepEqual(rows(foreign, "PRAGMA wal_checkpoint(RESTART)").map((r) => r[0]), [0]);
    }
  }));

Deno.test("SqlStore sees a mark by csync2 as a new generation, in every order of numbers", () =>
  withStore(async ({ store, foreign }) => {
    const names = ["/1", "/2", "/3"];
    await store.transaction((tx) => tx.mark(names.map((name) => mark(name))));
    for (const name of [...names, ...names.toReversed()] as DbName[]) {
      const range = { name, below: false };
      const [before] = await all(store.dirtyRows({ range }));
      foreign.exec(`DELETE FROM dirty WHERE filename = '${name}' AND peername = 'b.demo';
        INSERT INTO dirty (filename, forced, myname, peername) VALUES ('${name}', 0, 'a.demo', 'b.demo')`);
      assert.ok(before);
      assert.equal(await store.transaction((tx) => tx.settle(before)), false, name);
      const [after] = await all(store.dirtyRows({ range }));
      assert.ok(after && after.generation > before.generation);
    }
  }));

Deno.test("SqlStore sees a settled name that csync2 marks again as a new generation", () =>
  withStore(async ({ store, foreign }) => {
    await store.transaction((tx) => tx.mark([mark("/1"), mark("/2")]));
    const [one, two] = await all(store.dirtyRows());
    assert.ok(one && two);
    await store.transaction((tx) => tx.settle(two));
    await store.transaction((tx) => tx.settle(one));
    foreign.exec(`INSERT INTO dirty VALUES ('/1', 0, 'a.demo', 'b.demo');
      INSERT INTO dirty VALUES ('/2', 0, 'a.demo', 'b.demo')`);
    assert.equal(await store.transaction((tx) => tx.settle(one)), false);
    assert.equal(await store.transaction((tx) => tx.settle(two)), false);
    assert.equal((await all(store.dirtyRows())).length, 2);
  }));

Deno.test("SqlStore keeps force across marks of csync2's kind of row", () =>
  withStore(async ({ store, foreign }) => {
    foreign.exec("INSERT INTO dirty VALUES ('/1', 1, 'a.demo', 'b.demo')");
    await store.transaction((tx) => tx.mark([mark("/1")]));
    assert.deepEqual(rows(foreign, "SELECT forced, typeof(forced) FROM dirty"), [[1, "integer"]]);
  }));

Deno.test("transaction() undoes everything when a statement fails, also if the work goes on", () =>
  withStore(async ({ store, foreign }) => {
    foreign.exec(
      `CREATE TRIGGER refuse BEFORE INSERT ON hint BEGIN SELECT RAISE(ROLLBACK, 'no'); END`,
    );
    const isBroken = { name: "StateError", code: "state/broken" };
    const careless = store.transaction((tx) => {
      tx.putRecords([record("/before")]);
      assert.throws(() => tx.addHint({ path: "/h" as DiskPath, recursive: true }), isBroken);
      assert.throws(() => tx.putRecords([record("/after")]), isBroken);
    });
    await assert.rejects(careless, isBroken);
    assert.deepEqual(await all(store.records("ascending")), []);
    await store.transaction((tx) => tx.putRecords([record("/next")]));
    assert.equal((await all(store.records("ascending"))).length, 1);
  }));

Deno.test("records() streams pages in order, whatever the order of rows in the file", () =>
  withStore(async ({ store, foreign }) => {
    foreign.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000)
      INSERT INTO file SELECT printf('/%05d', (i * 7919) % 20000), 'v1%3Atype=dir' FROM n`);
    let last = "", count = 0;
    for await (const batch of store.records("ascending")) {
      assert.ok(batch.length <= 2_000);
      for (const { name } of batch) {
        assert.ok(name > last);
        last = name;
        count++;
      }
    }
    assert.equal(count, 20_000);
  }));

Deno.test("SqlStore takes a name with a NUL in it for no name, wherever it is read", () =>
  withStore(async ({ store, foreign }) => {
    foreign.exec(`INSERT INTO dirty VALUES (CAST(x'2F620063' AS TEXT), 0, 'a.demo', 'b.demo');
      INSERT INTO file VALUES (CAST(x'2F620063' AS TEXT), 'v1')`);
    await store.transaction((tx) => tx.mark([mark("/a"), mark("/c")]));
    const peer = "b.demo" as HostName;
    const found = (await all(store.dirtyRows({ peer }))).map(({ name }) => name);
    assert.deepEqual(found, ["/a", "/c"]);
    const asked = ["/a", "/b", "/c"] as DbName[];
    assert.deepEqual([...(await store.dirtyAmong(asked)).keys()], ["/a", "/c"]);
    assert.deepEqual([...(await store.recordsOf(asked)).keys()], []);
  }));

Deno.test("SqlStore reads generations that are larger than a number can be, as far as it can", () =>
  withStore(async ({ store, foreign }) => {
    foreign.exec(`INSERT INTO dirty (rowid, filename, forced, myname, peername)
      VALUES (9007199254740995, '/a', 0, 'a.demo', 'b.demo')`);
    const [row] = await all(store.dirtyRows());
    assert.equal(row?.name, "/a");
  }));

Deno.test("SqlStore tells that another program may have written records", () =>
  withStore(async ({ store, foreign }) => {
    const version = () => store.transaction((tx) => tx.recordsVersion());
    const before = await version();
    assert.equal(await version(), before);
    foreign.exec("INSERT INTO file VALUES ('/a', 'v1')");
    const after = await version();
    assert.notEqual(after, before);
    await store.recordsOf(["/a", "/b"] as DbName[]);
    assert.equal(await version(), after);
  }));
