/** One database, used by Debian's csync2 and by ours in turn and at the same time (D 5). */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { DbName, DirtyRow, FileRecord, HostName } from "../../src/model/mod.ts";
import { all, BesideC } from "../support/beside_c.ts";

const WRITER = decodeURIComponent(
  new URL("../support/programs/state_writer.ts", import.meta.url).pathname,
);
const DEADLINE_MS = 60_000;

class Place extends BesideC {
  constructor() {
    super({ database: (dir) => `${dir}/db` });
  }

  sql(text: string): unknown[][] {
    const db = new DatabaseSync(`${this.database}/a.demo.db3`);
    try {
      return db.prepare(text).all().map((row) => Object.values(row));
    } finally {
      db.close();
    }
  }
}

/** A tree with odd names, checked by the C program. */
async function checkedByC(place: Place): Promise<void> {
  place.write("plain", "1");
  place.write("blank 100%'\"", "2");
  Deno.symlinkSync("to a:b", `${place.tree}/link`);
  const latin = new Deno.Command("sh", {
    args: ["-c", `printf x > "$(printf '%s/\\377\\376' "$0")"`, place.tree],
  });
  assert.ok((await latin.output()).success);
  await place.c(["-cr", "/"]);
}

Deno.test("a database made by csync2 is read by ours, changed, and used by csync2 again", async () => {
  using place = new Place();
  await checkedByC(place);
  const listed = await place.c(["-L"]);
  const marked = await place.c(["-M"]);
  const before = place.sql("SELECT filename, hex(checktxt) FROM file ORDER BY 1");
  {
    await using store = await place.ours();
    assert.equal(store.timeUnit, "seconds");
    const records = await all(store.records("ascending"));
    assert.deepEqual(
      records.map(({ name }) => name.slice(place.tree.length)),
      ["", "/blank 100%'\"", "/link", "/plain", "/\xff\xfe"],
    );
    assert.equal((await all(store.dirtyRows())).length, records.length);
    const refined = records.map((r): FileRecord => ({ ...r, subsecond: 123_456_789 }));
    await store.transaction((tx) => tx.putRecords(refined));
    assert.deepEqual(await all(store.records("ascending")), refined);
  }
  // The C program sees its own texts, finds nothing changed, and marks nothing.
  assert.equal(await place.c(["-L"]), listed);
  assert.equal(await place.c(["-M"]), marked);
  assert.equal(await place.c(["-S", "a.demo", "b.demo"]), listed);
  const generations = place.sql("SELECT rowid, * FROM dirty");
  await place.c(["-cr", "/"]);
  assert.deepEqual(place.sql("SELECT rowid, * FROM dirty"), generations);
  assert.notDeepEqual(place.sql("SELECT filename, hex(checktxt) FROM file ORDER BY 1"), before);
});

Deno.test("csync2's rewrite of a record drops the part of a second, other records keep it", async () => {
  using place = new Place();
  await checkedByC(place);
  await using store = await place.ours();
  const records = await all(store.records("ascending"));
  await store.transaction((tx) => tx.putRecords(records.map((r) => ({ ...r, subsecond: 7 }))));
  place.write("plain", "changed");
  await place.c(["-cr", "/"]);
  const changed = (await all(store.records("ascending"))).filter((r) => r.subsecond !== 7);
  assert.deepEqual(changed.map(({ name, subsecond }) => [name, subsecond]), [
    [`${place.tree}/plain`, undefined],
  ]);
  assert.match(changed[0]?.stored ?? "", /size=7$/);
});

Deno.test("a database made by ours is a database for csync2: check, lists, hints, force, clean-up", async () => {
  using place = new Place();
  place.write("one", "1");
  const hint = { path: place.tree as never, recursive: true };
  {
    await using store = await place.ours();
    await store.transaction(async (tx) => {
      await tx.putRecords([{ name: "/elsewhere" as DbName, stored: "v1%3Atype=dir" }]);
      await tx.addHint(hint);
      await tx.schedule([
        { name: "/x" as DbName, command: `echo one >> ${place.dir}/log`, logfile: "/dev/null" },
        { name: "/x" as DbName, command: `echo one >> ${place.dir}/log`, logfile: "/dev/zero" },
      ]);
    });
  }
  assert.equal(await place.c(["-H"]), `1\t${place.tree}\n`);
  // Waiting actions are run by every mode; it does not know the one with the other log file.
  assert.equal(Deno.readTextFileSync(`${place.dir}/log`), "one\n");
  await place.c(["-c"]);
  assert.equal(await place.c(["-H"], { rc: 2 }), "");
  assert.match(await place.c(["-L"]), /type=dir\t.*\/tree\n.*type=reg:size=1\t.*\/tree\/one\n$/);
  await place.c(["-f", `${place.tree}/one`]);
  await place.c(["-R"]);
  await using store = await place.ours();
  const rows = await all(store.dirtyRows());
  assert.deepEqual(rows.map(({ name, forced }) => [name.slice(place.tree.length), forced]), [
    ["", false],
    ["/one", true],
  ]);
  assert.equal(await store.record("/elsewhere" as DbName), undefined);
  assert.deepEqual((await store.actions()).map(({ logfile }) => logfile), ["/dev/zero"]);
  assert.deepEqual(place.sql("PRAGMA journal_mode"), [["wal"]]);
});

Deno.test("csync2 -m gives a mark a new generation, so that our push does not settle it", async () => {
  using place = new Place();
  place.write("one", "1");
  place.write("two", "2");
  await using store = await place.ours();
  await place.c(["-cr", "/"]);
  const rowOf = async (name: string): Promise<DirtyRow | undefined> => {
    const range = { name: `${place.tree}/${name}` as DbName, below: false };
    return (await all(store.dirtyRows({ peer: "b.demo" as HostName, range })))[0];
  };
  for (const name of ["two", "one", "one", "two", "two"]) {
    const before = await rowOf(name);
    assert.ok(before);
    await place.c(["-m", `${place.tree}/${name}`]);
    assert.equal(await store.transaction((tx) => tx.settle(before)), false, name);
    const after = await rowOf(name);
    assert.ok(after && after.generation > before.generation, name);
  }
  const last = await rowOf("two");
  assert.ok(last);
  assert.equal(await store.transaction((tx) => tx.settle(last)), true);
  await place.c(["-m", `${place.tree}/two`]);
  assert.equal(await store.transaction((tx) => tx.settle(last)), false);
});

Deno.test("ours gets its turn while csync2 is at work on the same database, and csync2 gets its own", async () => {
  using place = new Place();
  for (let n = 0; n < 1_500; n++) place.write(`f${n}`, "x");
  const ours = ["p", "q"].map((id) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-prompt", "--quiet", WRITER, place.database, id, "6"],
      signal: AbortSignal.timeout(DEADLINE_MS),
    }).output()
  );
  await using store = await place.ours();
  // COMPAT: -B, because a C transaction that has read cannot write once we have committed: with a
  // log SQLite refuses that for good, and the C program gives up after the lock time-out.
  await place.c(["-Bcr", "/"]);
  await place.c(["-m", `${place.tree}/f1`]);
  for (const { success, stdout, stderr } of await Promise.all(ours)) {
    assert.ok(success, new TextDecoder().decode(stderr));
    assert.ok(Number(new TextDecoder().decode(stdout)) > 10);
  }
  const range = { name: place.tree as DbName, below: true };
  assert.equal((await all(store.records("ascending", range))).length, 1_501);
  assert.equal((await all(store.dirtyRows({ range }))).length, 1_501);
  assert.deepEqual(place.sql("PRAGMA integrity_check"), [["ok"]]);
});

Deno.test("openState() gets its log while csync2 is at work on a database of its own mode", async () => {
  using place = new Place();
  for (let n = 0; n < 3_000; n++) place.write(`f${n}`, "x");
  await place.c(["-M"], { rc: 2 }); // makes the tables: it makes them one by one, and wants to be alone
  const checking = place.c(["-cr", "/"]);
  for (let tries = 0; tries < 200; tries++) {
    if (await exists(`${place.database}/a.demo.db3-journal`)) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  {
    await using store = await place.ours();
    await store.transaction((tx) => tx.addHint({ path: "/h" as never, recursive: false }));
  }
  await checking;
  await using store = await place.ours();
  assert.equal((await all(store.dirtyRows())).length, 3_001);
  assert.equal((await store.hints()).length, 1);
});

async function exists(path: string): Promise<boolean> {
  return (await Deno.stat(path).catch(() => undefined)) !== undefined;
}
