/** One database on a server, used by Debian's csync2 and by ours in turn (D 5.2, 7.6). */
import assert from "node:assert/strict";
import type { DbName, DirtyRow, FileRecord, HostName } from "../../src/model/mod.ts";
import { all, BesideC } from "../support/beside_c.ts";
import {
  DatabaseServer,
  installedServers,
  PLAIN,
  type ServerKind,
} from "../support/database_server.ts";

const kinds = installedServers();
const servers = new Map<ServerKind, DatabaseServer>();

Deno.test.beforeAll(async () => {
  for (const kind of kinds) servers.set(kind, await DatabaseServer.start(kind));
});
Deno.test.afterAll(async () => {
  for (const server of servers.values()) await server[Symbol.asyncDispose]();
});

let databases = 0;

class Place extends BesideC {
  readonly server: DatabaseServer;
  readonly name: string;

  constructor(kind: ServerKind) {
    const server = servers.get(kind)!;
    const name = `interop${databases++}`;
    super({
      database: () => server.url(name, PLAIN),
      more: (dir) => `  action { exec "echo %% >> ${dir}/log"; do-local; }\n`,
    });
    this.server = server;
    this.name = name;
  }
}

/** Lines without regard to order: the collation of the server orders the C program's lists. */
function lines(text: string): string[] {
  return text.split("\n").sort();
}

const NAMES = ["", "/Blank 100%'\"", "/blank 100%'\"", "/link", "/\xc3\xbc"];

function grow(place: Place): void {
  place.write("Blank 100%'\"", "1");
  place.write("blank 100%'\"", "2");
  place.write("ü", "3");
  Deno.symlinkSync("to a:b", `${place.tree}/link`);
}

/** MariaDB stops the first run of the C program in the middle of the tables (D 7.6.1). */
async function firstRunOfC(place: Place): Promise<void> {
  if (place.server.kind === "mariadb") await place.c(["-M"], { rc: 1 });
}

for (const kind of kinds) {
  Deno.test(`a database made by csync2 is read by ours, changed, and used by csync2 again (${kind})`, async () => {
    using place = new Place(kind);
    grow(place);
    await firstRunOfC(place);
    await place.c(["-cr", "/"]);
    // D 7.6.2: there the C program itself loses the names that differ in case.
    const want = kind === "mariadb" ? NAMES.filter((name) => !name.startsWith("/Blank")) : NAMES;
    const listed = await place.c(["-L"]);
    const marked = await place.c(["-M"]);
    {
      await using store = await place.ours();
      const records = await all(store.records("ascending"));
      assert.deepEqual(records.map(({ name }) => name.slice(place.tree.length)), want);
      assert.equal((await all(store.dirtyRows())).length, want.length);
      const refined = records.map((r): FileRecord => ({ ...r, subsecond: 123_456_789 }));
      await store.transaction((tx) => tx.putRecords(refined));
      assert.deepEqual(await all(store.records("ascending")), refined);
    }
    assert.deepEqual(lines(await place.c(["-L"])), lines(listed));
    assert.deepEqual(lines(await place.c(["-M"])), lines(marked));
    if (kind === "mariadb") {
      await place.c(["-cr", "/"]); // it sees now what it has lost
      assert.equal((await place.c(["-L"])).split("\n").length - 1, NAMES.length);
    }
    // Nothing has changed for it, so marks stay as they are.
    const generations = "SELECT csync3_generation, filename FROM dirty ORDER BY 1";
    const before = place.server.sql(place.name, generations);
    await place.c(["-cr", "/"]);
    assert.equal(place.server.sql(place.name, generations), before);
  });

  Deno.test(`a database made by ours is a database for csync2 (${kind})`, async () => {
    using place = new Place(kind);
    grow(place);
    {
      await using store = await place.ours();
      await store.transaction(async (tx) => {
        await tx.putRecords([{ name: "/elsewhere" as DbName, stored: "v1%3Atype=dir" }]);
        await tx.schedule([{
          name: "/x" as DbName,
          command: `echo one >> ${place.dir}/log`,
          logfile: "/dev/null",
        }]);
      });
    }
    await place.c(["-cr", "/"]);
    const log = Deno.readTextFileSync(`${place.dir}/log`);
    assert.match(log, /^one$/m);
    assert.equal((await place.c(["-L"])).split("\n").length - 1, NAMES.length); // checked "/"
    await place.c(["-f", `${place.tree}/ü`]);
    await place.c(["-m", `${place.tree}/ü`]);
    await place.c(["-R"]);
    await using store = await place.ours();
    const records = await all(store.records("ascending"));
    assert.deepEqual(records.map(({ name }) => name.slice(place.tree.length)), NAMES);
    assert.deepEqual(await store.actions(), []);
    if (kind === "mariadb") return; // D 7.6.1: it cannot ask for hints there
    await place.c(["-h", place.tree]);
    assert.deepEqual(await store.hints(), [{ path: place.tree, recursive: false }]);
  });

  Deno.test(`csync2 -m gives a mark a new generation, so that our push does not settle it (${kind})`, async () => {
    using place = new Place(kind);
    place.write("one", "1");
    await using store = await place.ours();
    await place.c(["-cr", "/"]);
    const row = async (): Promise<DirtyRow> => {
      const range = { name: `${place.tree}/one` as DbName, below: false };
      const [found] = await all(store.dirtyRows({ peer: "b.demo" as HostName, range }));
      assert.ok(found);
      return found;
    };
    const before = await row();
    await place.c(["-m", `${place.tree}/one`]);
    assert.equal(await store.transaction((tx) => tx.settle(before)), false);
    const after = await row();
    assert.equal(await store.transaction((tx) => tx.settle(after)), true);
    await place.c(["-m", `${place.tree}/one`]);
    assert.equal(await store.transaction((tx) => tx.settle(after)), false);
  });
}
