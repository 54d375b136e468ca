/** What every StateStore has to do, run against each implementation. */
import assert from "node:assert/strict";
import {
  type DbName,
  type DirectoryPlace,
  type DirtyMark,
  type DirtyRow,
  type DiskPath,
  type FileRecord,
  type HostName,
  type Intent,
  type Name,
  nameOrder,
  percentEncode,
  type RootRecord,
  type ScheduledAction,
  storedInUnit,
  type ToldRow,
} from "../../src/model/mod.ts";
import {
  listed,
  MemoryStore,
  openState,
  StateError,
  type StateStore,
} from "../../src/state/mod.ts";
import { DatabaseServer, installedServers, type ServerKind } from "../support/database_server.ts";

interface Implementation {
  readonly name: string;
  /** An empty store; disposing the result removes it without a trace. */
  make(): Promise<{ store: StateStore } & AsyncDisposable>;
}

const IMPLEMENTATIONS: Implementation[] = [
  { name: "sqlite", make: makeSqlite },
  {
    name: "memory",
    make: () => {
      const store = new MemoryStore();
      return Promise.resolve({ store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() });
    },
  },
];

/** Servers by kind, started when the first test needs one; they end with this file. */
const servers = new Map<ServerKind, DatabaseServer>();
const kinds = installedServers();
Deno.test.beforeAll(async () => {
  for (const kind of kinds) servers.set(kind, await DatabaseServer.start(kind));
  SERVER_DATABASES.forEach(({ kind, create }, n) => {
    const first = kind === "mariadb" ? "mysql" : "postgres";
    if (create !== undefined) servers.get(kind)?.sql(first, `CREATE DATABASE db${n} ${create}`);
  });
});
Deno.test.afterAll(async () => {
  for (const server of servers.values()) await server[Symbol.asyncDispose]();
});

/** Databases in which the order of texts, or what is a text, is another one. */
const SERVER_DATABASES = [
  { name: "postgresql", kind: "postgresql", create: undefined },
  {
    name: "postgresql, ICU collation",
    kind: "postgresql",
    create: "OWNER csync2 TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en' ENCODING UTF8",
  },
  {
    name: "postgresql, SQL_ASCII",
    kind: "postgresql",
    create: "OWNER csync2 TEMPLATE template0 ENCODING SQL_ASCII LOCALE 'C'",
  },
  { name: "mariadb", kind: "mariadb", create: undefined },
  { name: "mariadb, utf8mb4", kind: "mariadb", create: "CHARACTER SET utf8mb4" },
] as const;
const TABLES = [
  "action",
  "dirty",
  "file",
  "hint",
  "x509_cert",
  "csync3_intent",
  "csync3_root",
  "csync3_told",
];

async function makeOnServer(of: (typeof SERVER_DATABASES)[number]) {
  const server = servers.get(of.kind);
  assert.ok(server);
  const name = `db${SERVER_DATABASES.indexOf(of)}`;
  const store = await openState({
    database: server.url(name),
    hostName: "a.demo",
    configName: "",
    lockTimeoutSeconds: 1,
    defaultDir: "/nonexistent",
  });
  const dispose = async () => {
    await store[Symbol.asyncDispose]();
    // PERF: making a database takes a second.
    server.sql(name, TABLES.map((table) => `DELETE FROM ${table};`).join(" "));
  };
  return { store, [Symbol.asyncDispose]: dispose };
}

async function makeSqlite() {
  const dir = await Deno.makeTempDir();
  const store = await openState({
    database: dir,
    hostName: "a.demo",
    configName: "",
    lockTimeoutSeconds: 1,
    defaultDir: dir,
  });
  const dispose = async () => {
    await store[Symbol.asyncDispose]();
    await Deno.remove(dir, { recursive: true });
  };
  return { store, [Symbol.asyncDispose]: dispose };
}

/** Names with every kind of byte: special ones, UTF-8, bytes that are no UTF-8, and a prefix. */
const ODD_NAMES = [
  "%p%",
  "%p%/x y",
  "/",
  "/a",
  "/a!",
  "/a b",
  "/a%41",
  "/a-x",
  "/a/.hidden",
  "/a/b",
  "/a/b\tc\nd",
  "/a/\xc3\xbc",
  "/a/\xff\xfe",
  "/a0",
  "/\x80",
  "/\xf0\x9f\x98\x80",
] as DbName[];
const STORED = "v1%3Amode=16877%3Auid=0%3Agid=0%3Atype=dir";

function rec(name: string, stored = STORED, subsecond?: number): FileRecord {
  return { name: name as DbName, stored, ...(subsecond !== undefined && { subsecond }) };
}

function dirty(name: string, peer = "b.demo", forced = false): DirtyMark {
  return { name: name as DbName, forced, myName: "a.demo" as HostName, peer: peer as HostName };
}

function action(name: string, command: string, logfile = "/dev/null"): ScheduledAction {
  return { name: name as DbName, command, logfile };
}

async function all<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const rows: T[] = [];
  for await (const batch of batches) rows.push(...batch);
  return rows;
}

async function names(batches: AsyncIterable<readonly { name: DbName }[]>): Promise<string[]> {
  return (await all(batches)).map(({ name }) => name);
}

async function put(store: StateStore, ...records: FileRecord[]): Promise<void> {
  await store.transaction((tx) => tx.putRecords(records));
}

async function mark(store: StateStore, ...marks: DirtyMark[]): Promise<void> {
  await store.transaction((tx) => tx.mark(marks));
}

async function onlyRow(store: StateStore): Promise<DirtyRow> {
  const rows = await all(store.dirtyRows());
  assert.equal(rows.length, 1);
  return rows[0] as DirtyRow;
}

/** Order of the encoded names, written down: `!` < `%20`.. of blank and `%` < `-` < `/` < `0`. */
const ODD_ORDER = [
  "%p%",
  "%p%/x y",
  "/",
  "/a",
  "/a!",
  "/a b",
  "/a%41",
  "/a-x",
  "/a/.hidden",
  "/a/b",
  "/a/b\tc\nd",
  "/a/\xc3\xbc",
  "/a/\xff\xfe",
  "/a0",
  "/\x80",
  "/\xf0\x9f\x98\x80",
];

type Case = readonly [string, (store: StateStore) => Promise<void>];

const RECORD_CASES: readonly Case[] = [
  ["is empty at first", async (store) => {
    assert.deepEqual(await all(store.records("ascending")), []);
    assert.deepEqual(await all(store.dirtyRows()), []);
    assert.deepEqual(await store.dirtyPeers(), []);
    assert.deepEqual(await store.hints(), []);
    assert.deepEqual(await store.actions(), []);
    assert.deepEqual(await store.pins(), []);
    assert.deepEqual(await store.intents(), []);
    assert.equal(await store.record("/a" as DbName), undefined);
    assert.equal(await store.pin("b.demo" as HostName), undefined);
    assert.equal(store.timeUnit, "seconds");
  }],
  ["keeps names of any bytes, in byte order of the encoded names", async (store) => {
    await put(store, ...ODD_NAMES.toReversed().map((name) => rec(name)));
    assert.deepEqual(await names(store.records("ascending")), ODD_ORDER);
    assert.deepEqual(await names(store.records("descending")), ODD_ORDER.toReversed());
    for (const name of ODD_NAMES) assert.deepEqual(await store.record(name), rec(name));
  }],
  ["keeps every byte from 1 to 255 of a name", async (store) => {
    const records = [];
    for (let byte = 1; byte < 256; byte++) {
      if (byte !== 0x2f && byte !== 0x2e) records.push(rec(`/b/${String.fromCharCode(byte)}`));
    }
    await put(store, ...records);
    const found = new Set(await names(store.records("ascending")));
    assert.deepEqual([...found].sort(), records.map(({ name }) => name as string).sort());
  }],
  ["replaces a record, and deletes it", async (store) => {
    await put(store, rec("/a", "v1%3Aone"), rec("/a/b"));
    await put(store, rec("/a", "v1%3Atwo"));
    assert.deepEqual(await all(store.records("ascending")), [rec("/a", "v1%3Atwo"), rec("/a/b")]);
    await store.transaction((tx) => tx.deleteRecords(["/a", "/none"] as DbName[]));
    assert.deepEqual(await names(store.records("ascending")), ["/a/b"]);
  }],
  ["keeps the last of several records for one name", async (store) => {
    const records = Array.from({ length: 40 }, (_, n) => rec("/a", `v1%3A${n}`));
    await put(store, ...records);
    assert.deepEqual(await all(store.records("ascending")), [rec("/a", "v1%3A39")]);
  }],
  ["keeps the part of a second, and forgets it when it is unknown again", async (store) => {
    const records = [rec("/0", STORED, 0), rec("/1", STORED, 999_999_999), rec("/2")];
    await put(store, ...records);
    assert.deepEqual(await all(store.records("ascending")), records);
    assert.deepEqual(await store.record("/1" as DbName), records[1]);
    await put(store, rec("/1"));
    assert.deepEqual(await store.record("/1" as DbName), rec("/1"));
  }],
  ["lists records as rows, in both units of time", async (store) => {
    const file = (time: string) =>
      `v1%3Amtime=${time}%3Amode=33188%3Auid=0%3Agid=0%3Atype=reg%3Asize=1`;
    const texts = [
      "0",
      "7",
      "99",
      "1600000000",
      "99999999999",
      "1600000000123456789",
      "-5",
      "x",
      "",
    ];
    const records = [
      ...ODD_NAMES.map((name, n) => rec(name, file("1500000000"), n)),
      ...texts.flatMap((text, n) => [
        rec(`/time/${n}`, file(text)),
        rec(`/time/${n}/0`, file(text), 0),
        rec(`/time/${n}/5`, file(text), 999_999_999),
      ]),
      rec("/l", "v1%3Amode=41471%3Atype=lnk%3Atarget=to%2520\xff\xc3\xbc", 7),
      rec("/control", "v1%3Amtime=1600000000%3Atype=\x01 \x7f", 7),
      rec("/none/of/ours"),
    ];
    await put(store, ...records);
    const includes = (name: DbName) => !name.startsWith("/none");
    for (const unit of ["seconds", "nanos"] as const) {
      const sorted = (await all(store.records("ascending"))).filter(({ name }) => includes(name));
      const want = sorted.map((one) => ({
        key: percentEncode(one.name),
        stored: storedInUnit(one, unit),
      }));
      assert.deepEqual(await all(listed(store, { unit, includes })), want);
      const range = { from: "/time/0", before: "/time/3" };
      assert.deepEqual(
        await all(listed(store, { unit, includes, range })),
        want.filter(({ key }) => key >= range.from && key < range.before),
      );
      const only = { name: "/l" as DbName, below: false };
      const one = want.filter(({ key }) => key === "/l");
      assert.deepEqual(await all(listed(store, { unit, includes, range: only })), one);
    }
  }],
  ["keeps link targets of any bytes", async (store) => {
    const record = rec("/l", "v1%3Atype=lnk%3Atarget=to%2520\xff\xc3\xbc", 7);
    await put(store, record);
    assert.deepEqual(await all(store.records("descending")), [record]);
    assert.deepEqual(await store.record("/l" as DbName), record);
  }],
  ["finds the records of many names, each that has one", async (store) => {
    const records = ODD_NAMES.map((name, n) => rec(name, `v1%3A${n}%2F\xff`, n));
    await put(store, ...records);
    const many = Array.from({ length: 1_500 }, (_, n) => rec(`/d/${n}`, STORED, n));
    await put(store, ...many.filter((_, n) => n % 3 === 0));
    const asked = [...many.map(({ name }) => name), "/none" as DbName, ...ODD_NAMES];
    const want = new Map(
      [...many.filter((_, n) => n % 3 === 0), ...records].map((record) => [record.name, record]),
    );
    assert.deepEqual(await store.recordsOf(asked), want);
    await store.transaction(async (tx) => assert.deepEqual(await tx.recordsOf(asked), want));
    assert.deepEqual(
      await store.recordsOf(["/a", "/a"] as DbName[]),
      new Map([["/a", records[3]]]),
    );
    assert.deepEqual(await store.recordsOf([]), new Map());
  }],
  ["finds records and marks of names that are neighbours, or far apart", async (store) => {
    const strange = ["/n/0\u00ff", "/n/\u00ef\u00bf\u00bd", "/n/\u00c3\u00bc%", "/n/ '\"\\"];
    const plain = Array.from({ length: 600 }, (_, n) => `/n/${1_000 + n}`);
    const known = [...plain, ...strange].map((name, n) => rec(name, `v1%3A${n}`, n)).sort((a, b) =>
      nameOrder(a.name, b.name)
    );
    await put(store, ...known);
    const peers = ["b.demo", "c.demo", "d.demo"];
    await mark(store, ...known.flatMap(({ name }) => peers.map((peer) => dirty(name, peer))));
    for (const step of [1, 2, 7, 90]) {
      for (const from of [0, 1, 300]) {
        const some = known.slice(from).filter((_, n) => n % step === 0);
        const between = some.flatMap(({ name }) => [name, `${name}x` as DbName]);
        const names = (step === 2 ? between : some.map(({ name }) => name)).sort(nameOrder);
        const records = new Map(some.map((record) => [record.name, record]));
        const marks = new Map(some.map(({ name }) => [name, peers]));
        assert.deepEqual(await store.recordsOf(names), records, `every ${step} from ${from}`);
        assert.deepEqual(await store.dirtyAmong(names), marks, `every ${step} from ${from}`);
        await store.transaction(async (tx) => {
          assert.deepEqual(await tx.recordsOf(names.toReversed()), records);
          assert.deepEqual(await tx.dirtyAmong(names.toReversed()), marks);
        });
      }
    }
    const none = ["/n/1000a", "/n/1000b", "/o"] as DbName[];
    assert.deepEqual(await store.recordsOf(none), new Map());
    assert.deepEqual(await store.dirtyAmong(none), new Map());
  }],
  ["finds what is committed, and in a transaction what it has done", async (store) => {
    await put(store, rec("/1"), rec("/2"));
    await store.transaction(async (tx) => {
      await tx.putRecords([rec("/3")]);
      await tx.deleteRecords(["/1" as DbName]);
      await tx.mark([dirty("/4")]);
      const asked = ["/1", "/2", "/3"] as DbName[];
      assert.deepEqual([...(await tx.recordsOf(asked)).keys()], ["/2", "/3"]);
      assert.deepEqual([...(await store.recordsOf(asked)).keys()], ["/1", "/2"]);
      assert.deepEqual([...(await tx.dirtyAmong(["/4" as DbName])).keys()], ["/4"]);
      assert.deepEqual([...(await store.dirtyAmong(["/4" as DbName])).keys()], []);
    });
  }],
  ["tells whether records may have been written between two transactions", async (store) => {
    const version = () => store.transaction((tx) => tx.recordsVersion());
    await put(store, rec("/1"));
    const before = await version();
    if (before === undefined) return; // no server can tell what others do
    await mark(store, dirty("/1"));
    await store.transaction((tx) => tx.clearMarks("/1" as DbName));
    await store.joined((tx) => tx.deleteIntent("/1" as DbName));
    await store.recordsOf(["/1", "/2"] as DbName[]);
    assert.equal(await version(), before);
    const versions = [before];
    for (
      const write of [
        () => put(store, rec("/1")),
        () => store.transaction((tx) => tx.deleteRecords(["/1" as DbName])),
        () => store.joined((tx) => tx.putRecords([rec("/2")])),
        () => store.joined((tx) => tx.deleteRecords(["/2" as DbName])),
      ]
    ) {
      await write();
      versions.push((await version())!);
    }
    assert.equal(new Set(versions).size, versions.length);
    await store.joined(async (tx) => {
      const inside = await tx.recordsVersion();
      await tx.putRecords([rec("/3")]);
      assert.notEqual(await tx.recordsVersion(), inside);
    });
  }],
  ["selects a name, and what is strictly below it", async (store) => {
    await put(store, ...ODD_NAMES.map((name) => rec(name)));
    const select = (name: string, below: boolean) =>
      names(store.records("ascending", { name: name as DbName, below }));
    const below = ["/a", "/a/.hidden", "/a/b", "/a/b\tc\nd", "/a/\xc3\xbc", "/a/\xff\xfe"];
    assert.deepEqual(await select("/a", true), below);
    assert.deepEqual(await select("/a", false), ["/a"]);
    assert.deepEqual(await select("/", true), ODD_ORDER);
    assert.deepEqual(await select("/", false), ["/"]);
    assert.deepEqual(await select("%p%", true), ["%p%", "%p%/x y"]);
    assert.deepEqual(await select("/a b", true), ["/a b"]);
    assert.deepEqual(await select("/none", true), []);
    const down = store.records("descending", { name: "/a" as DbName, below: true });
    assert.deepEqual(await names(down), below.toReversed());
    const between = { from: percentEncode("/a/b"), before: percentEncode("/a/\xff\xfe") };
    const some = ["/a/b", "/a/b\tc\nd", "/a/\xc3\xbc"];
    assert.deepEqual(await names(store.records("ascending", between)), some);
    assert.deepEqual(await names(store.records("descending", between)), some.toReversed());
  }],
  ["streams in batches, each name once, also while the consumer changes rows", async (store) => {
    const many = Array.from({ length: 4_500 }, (_, n) => rec(`/d/${String(n).padStart(5, "0")}`));
    await put(store, ...many);
    for (const order of ["ascending", "descending"] as const) {
      const seen: string[] = [];
      let batches = 0;
      for await (const batch of store.records(order)) {
        batches++;
        seen.push(...batch.map(({ name }) => name));
        await put(store, ...batch); // a cursor would be in the way, or see rows again
      }
      assert.ok(batches > 1, "one batch is no stream");
      const want = many.map(({ name }) => name as string);
      assert.deepEqual(seen, order === "ascending" ? want : want.toReversed());
    }
  }],
  ["leaves a stream early without holding anything", async (store) => {
    await put(store, ...Array.from({ length: 4_500 }, (_, n) => rec(`/d/${n}`)));
    for await (const _batch of store.records("descending")) break;
    await store.transaction((tx) => tx.deleteRecords(["/d/1"] as DbName[]));
    assert.equal(await store.record("/d/1" as DbName), undefined);
  }],
];

const DIRTY_CASES: readonly Case[] = [
  ["orders marks by encoded name, then peer", async (store) => {
    await mark(store, dirty("/b", "x"), dirty("/b c", "b"), dirty("/b", "c"), dirty("/b!", "b"));
    const rows = await all(store.dirtyRows());
    assert.deepEqual(rows.map(({ name, peer }) => `${name} ${peer}`), [
      "/b c",
      "/b x",
      "/b! b",
      "/b c b",
    ]);
    assert.ok(rows.every(({ myName, forced }) => myName === "a.demo" && !forced));
  }],
  ["selects marks by peer and range", async (store) => {
    await mark(store, ...ODD_NAMES.flatMap((name) => [dirty(name, "b"), dirty(name, "c")]));
    const range = { name: "/a" as DbName, below: true };
    const ofB = await all(store.dirtyRows({ peer: "b" as HostName }));
    assert.deepEqual(ofB.map(({ name }) => name), ODD_ORDER as DbName[]);
    assert.ok(ofB.every(({ peer }) => peer === "b"));
    const below = ["/a", "/a/.hidden", "/a/b", "/a/b\tc\nd", "/a/\xc3\xbc", "/a/\xff\xfe"];
    assert.deepEqual(await names(store.dirtyRows({ peer: "c" as HostName, range })), below);
    const both = below.flatMap((name) => [name, name]);
    assert.deepEqual(await names(store.dirtyRows({ range })), both);
    assert.deepEqual(await names(store.dirtyRows({ peer: "none" as HostName })), []);
  }],
  ["streams many marks of one name and of many names in batches", async (store) => {
    const marks = Array.from({ length: 2_300 }, (_, n) => dirty("/one", `p${n}`));
    marks.push(...Array.from({ length: 2_300 }, (_, n) => dirty(`/more/${n}`, "b")));
    await mark(store, ...marks);
    let batches = 0;
    const seen = new Set<string>();
    for await (const batch of store.dirtyRows()) {
      batches++;
      for (const { name, peer } of batch) seen.add(`${name} ${peer}`);
    }
    assert.ok(batches > 1);
    assert.deepEqual(seen, new Set(marks.map(({ name, peer }) => `${name} ${peer}`)));
  }],
  ["lists peers in descending order, each once", async (store) => {
    await mark(store, dirty("/1", "b.demo"), dirty("/1", "c.demo"), dirty("/2", "b.demo"));
    await mark(store, dirty("/1", "a.demo"));
    assert.deepEqual(await store.dirtyPeers(), ["c.demo", "b.demo", "a.demo"]);
  }],
  ["keeps peers and own names with special characters", async (store) => {
    const row = { ...dirty("/1", "fe80::1%x"), myName: "a:b" as HostName };
    await mark(store, row);
    const { generation: _, ...found } = await onlyRow(store);
    assert.deepEqual(found, row);
    assert.deepEqual(await store.dirtyPeers(), ["fe80::1%x"]);
    assert.deepEqual(await names(store.dirtyRows({ peer: "fe80::1%x" as HostName })), ["/1"]);
  }],
  ["settles the generation that was read", async (store) => {
    await mark(store, dirty("/1"), dirty("/1", "c.demo"));
    const [row] = await all(store.dirtyRows({ peer: "b.demo" as HostName }));
    assert.ok(row);
    assert.equal(await store.transaction((tx) => tx.settle(row)), true);
    assert.equal(await store.transaction((tx) => tx.settle(row)), false);
    assert.equal((await onlyRow(store)).peer, "c.demo");
  }],
  ["settles many rows, and tells those that were not", async (store) => {
    const some = ODD_NAMES.flatMap((name) => [dirty(name), dirty(name, "c.demo", true)]);
    const many = Array.from({ length: 700 }, (_, n) => dirty(`/d/${n}`));
    await mark(store, ...some, ...many);
    const rows = await all(store.dirtyRows());
    const again = rows.filter((_, n) => n % 50 === 3), other = rows[7]!;
    await mark(store, ...again);
    await store.transaction((tx) => tx.clearMarks(other.name, other.peer));
    const kept = rows.filter((row) => row === other || again.includes(row));
    const settle = (which: readonly DirtyRow[]) => store.transaction((tx) => tx.settleMany(which));
    const unknown = { ...rows[0]!, generation: -1 };
    assert.deepEqual(await settle([unknown, ...rows]), [unknown, ...kept]);
    const left = await all(store.dirtyRows());
    const subject = ({ name, peer, forced }: DirtyMark) => `${name} ${peer} ${forced}`;
    assert.deepEqual(left.map(subject), again.map(subject));
    assert.deepEqual(await settle(left), []);
    assert.deepEqual(await settle([]), []);
    assert.deepEqual(await all(store.dirtyRows()), []);
  }],
  ["does not settle many rows by the generation of another name or peer", async (store) => {
    await mark(store, dirty("/1"), dirty("/2"), dirty("/3", "c.demo"));
    const [one, two, three] = await all(store.dirtyRows()) as [DirtyRow, DirtyRow, DirtyRow];
    const wrong = [
      { ...one, generation: two.generation },
      { ...two, peer: three.peer },
      { ...three, generation: three.generation + 1_000 },
    ];
    assert.deepEqual(await store.transaction((tx) => tx.settleMany(wrong)), wrong);
    assert.equal((await all(store.dirtyRows())).length, 3);
    const twice = await store.transaction((tx) => tx.settleMany([one, one]));
    assert.deepEqual(twice, [one]);
  }],
  ["tells which of many names have marks, and for whom", async (store) => {
    const names = Array.from({ length: 1_500 }, (_, n) => `/d/${n}` as DbName);
    const marked = names.filter((_, n) => n % 4 === 1);
    await mark(store, ...marked.flatMap((name) => [dirty(name, "c:1"), dirty(name, "b.demo")]));
    await mark(store, ...ODD_NAMES.map((name) => dirty(name)), dirty("/not/asked"));
    const want = new Map<DbName, string[]>();
    for (const name of marked) want.set(name, ["b.demo", "c:1"]);
    for (const name of ODD_NAMES) want.set(name, ["b.demo"]);
    const asked = [...names, ...ODD_NAMES];
    assert.deepEqual(await store.dirtyAmong(asked), want);
    await store.transaction(async (tx) => assert.deepEqual(await tx.dirtyAmong(asked), want));
    assert.deepEqual(await store.dirtyAmong([]), new Map());
  }],
  ["does not settle a mark that was set again meanwhile", async (store) => {
    await mark(store, dirty("/0"), dirty("/1"), dirty("/2"));
    for (const name of ["/0", "/1", "/2"] as DbName[]) {
      const [row] = await all(store.dirtyRows({ range: { name, below: false } }));
      assert.ok(row);
      await mark(store, dirty(name));
      assert.equal(await store.transaction((tx) => tx.settle(row)), false);
      const [again] = await all(store.dirtyRows({ range: { name, below: false } }));
      assert.ok(again && again.generation !== row.generation);
      assert.equal(await store.transaction((tx) => tx.settle(again)), true);
    }
  }],
  ["never uses a generation twice, also when the row was gone in between", async (store) => {
    const seen = new Set<number>();
    let clock = 0;
    for (let round = 0; round < 60; round++) {
      await mark(store, dirty("/1"), ...(round % 3 === 0 ? [dirty(`/other/${round}`)] : []));
      const [row] = await all(store.dirtyRows({ range: { name: "/1" as DbName, below: false } }));
      assert.ok(row && !seen.has(row.generation), `round ${round}`);
      seen.add(row.generation);
      if (round % 2 === 0) await store.transaction((tx) => tx.settle(row));
      if (round % 5 === 0) {
        await store.transaction((tx) => tx.clearMarks(`/other/${clock}` as DbName));
        clock += 3;
      }
    }
  }],
  ["gives each of many marks of one transaction its own generation", async (store) => {
    const marks = Array.from({ length: 50 }, (_, n) => dirty(`/${n}`));
    await mark(store, ...marks, ...marks);
    const first = (await all(store.dirtyRows())).map(({ generation }) => generation);
    await mark(store, ...marks.toReversed());
    const second = (await all(store.dirtyRows())).map(({ generation }) => generation);
    assert.equal(new Set([...first, ...second]).size, 100);
  }],
  ["7.3.8: a later mark keeps the force flag, and takes the new own name", async (store) => {
    await mark(store, dirty("/1", "b", true));
    await mark(store, { ...dirty("/1", "b"), myName: "alias" as HostName });
    const row = await onlyRow(store);
    assert.equal(row.forced, true);
    assert.equal(row.myName, "alias");
    await store.transaction((tx) => tx.settle(row));
    await mark(store, dirty("/1", "b"));
    assert.equal((await onlyRow(store)).forced, false);
  }],
  ["forces what is there, and keeps the generation", async (store) => {
    await mark(store, dirty("/a"), dirty("/a/b"), dirty("/a-x"), dirty("/c"));
    const before = await all(store.dirtyRows());
    const forced = async () =>
      (await all(store.dirtyRows())).filter(({ forced }) => forced).map(({ name }) => name);
    await store.transaction((tx) => tx.force({ name: "/a" as DbName, below: false }));
    assert.deepEqual(await forced(), ["/a"]);
    await store.transaction((tx) => tx.force({ name: "/a" as DbName, below: true }));
    assert.deepEqual(await forced(), ["/a", "/a/b"]);
    await store.transaction((tx) => tx.force({ name: "/none" as DbName, below: true }));
    await store.transaction((tx) => tx.force({ name: "/" as DbName, below: true }));
    const after = await all(store.dirtyRows());
    assert.deepEqual(after, before.map((row) => ({ ...row, forced: true })));
  }],
  ["tells whether a name is dirty, and clears marks", async (store) => {
    await mark(store, dirty("/1", "b"), dirty("/1", "c"), dirty("/1/x", "b"));
    await store.transaction(async (tx) => {
      assert.equal(await tx.isDirty("/1" as DbName), true);
      await tx.clearMarks("/1" as DbName, "b" as HostName);
      assert.equal(await tx.isDirty("/1" as DbName), true);
      await tx.clearMarks("/1" as DbName);
      assert.equal(await tx.isDirty("/1" as DbName), false);
    });
    assert.equal(await store.isDirty("/1" as DbName), false);
    assert.equal(await store.isDirty("/1/x" as DbName), true);
    assert.deepEqual(await names(store.dirtyRows()), ["/1/x"]);
  }],
];

const OTHER_CASES: readonly Case[] = [
  ["keeps hints once per kind, plain ones first", async (store) => {
    const hint = (path: string, recursive: boolean) => ({ path: path as DiskPath, recursive });
    await store.transaction(async (tx) => {
      for (const path of ["/b", "/a c", "/a!", "/\xff"]) {
        for (const recursive of [true, false, true]) await tx.addHint(hint(path, recursive));
      }
      await tx.deleteHint(hint("/b", true));
    });
    assert.deepEqual(await store.hints(), [
      hint("/a!", false),
      hint("/a!", true),
      hint("/a c", false),
      hint("/a c", true),
      hint("/b", false),
      hint("/\xff", false),
      hint("/\xff", true),
    ]);
  }],
  [
    "7.7.5: keeps actions in order of scheduling, once per name, command and log file",
    async (store) => {
      const rows = [
        action("/z", "cmd %% \xff"),
        action("/a", "cmd %% \xff"),
        action("/a", "cmd %% \xff", "/log one"),
        action("/a", "cmd %% \xff", "/log two"),
        action("/a", "another"),
      ];
      await store.transaction((tx) => tx.schedule([...rows, ...rows.toReversed()]));
      await store.transaction((tx) => tx.schedule(rows.toReversed()));
      assert.deepEqual(await store.actions(), rows);
    },
  ],
  ["7.7.5: keeps the order of actions when some are done in between", async (store) => {
    const a = action("/a", "c"), b = action("/a", "c", "/log"), c = action("/a", "d");
    await store.transaction((tx) => tx.schedule([c, a, b]));
    await store.transaction((tx) => tx.deleteActions([c, a, action("/none", "c")]));
    assert.deepEqual(await store.actions(), [b]);
    await store.transaction((tx) => tx.schedule([b, a, c]));
    assert.deepEqual(await store.actions(), [b, a, c]);
    await store.transaction((tx) => tx.deleteActions([b, a, c]));
    assert.deepEqual(await store.actions(), []);
  }],
  ["keeps the first pin of a peer until it is deleted", async (store) => {
    const peer = "b.demo" as HostName;
    const [one, two] = [{ peer, certificate: "30AA" }, { peer, certificate: "30BB" }];
    assert.deepEqual(await store.transaction((tx) => tx.pinFirst(one)), one);
    assert.deepEqual(await store.transaction((tx) => tx.pinFirst(two)), one);
    assert.deepEqual(await store.pin(peer), one);
    const other = { peer: "a.demo" as HostName, certificate: "30" };
    await store.transaction((tx) => tx.pinFirst(other));
    assert.deepEqual(await store.pins(), [other, one]);
    await store.transaction((tx) => tx.deletePin(peer));
    assert.equal(await store.pin(peer), undefined);
    assert.deepEqual(await store.transaction((tx) => tx.pinFirst(two)), two);
  }],
  ["lets exactly one of many racing pins win", async (store) => {
    const peer = "b.demo" as HostName;
    const pins = Array.from({ length: 20 }, (_, n) => ({ peer, certificate: `30${n}` }));
    const won = await Promise.all(pins.map((p) => store.transaction((tx) => tx.pinFirst(p))));
    assert.equal(new Set(won.map(({ certificate }) => certificate)).size, 1);
    assert.deepEqual(await store.pin(peer), won[0]);
  }],
  ["deletes many intents, and none of the others", async (store) => {
    const odd = ["/i/0\xff", "/i/\xc3\xbc%", "/i/\xef\xbf\xbd"];
    const names = [...Array.from({ length: 60 }, (_, n) => `/i/${100 + n}`), ...odd]
      .sort() as DbName[];
    const intents = names.map((name): Intent => ({
      name,
      peer: "b.demo" as HostName,
      temp: "",
      want: "---",
    }));
    const remove = (gone: readonly DbName[]) =>
      store.joined((tx) => gone.forEach((name) => tx.deleteIntent(name)));
    for (
      const isGone of [
        (n: number) => n >= 20 && n < 50,
        (n: number) => n % 2 === 0,
        (n: number) => n === 5 || n === 6,
        () => true,
        (n: number) => n >= names.length - 3,
      ]
    ) {
      await store.joined((tx) => intents.forEach((intent) => tx.putIntent(intent)));
      const gone = names.filter((_, n) => isGone(n));
      await remove(gone.length % 2 === 0 ? gone : [...gone, "/i/zz" as DbName]);
      const left = intents.filter((_, n) => !isGone(n)).map(({ name }) => name);
      assert.deepEqual((await store.intents()).map(({ name }) => name).sort(), left);
    }
    await remove(names.toReversed());
    assert.deepEqual(await store.intents(), []);
    await remove(names);
  }],
  ["keeps one intent per name", async (store) => {
    const intent = (name: string, temp: string): Intent => ({
      name: name as DbName,
      peer: "b:1" as HostName,
      temp: temp as Name,
      want: "v1:mtime=1:type=reg:size=1 \xff",
    });
    await store.transaction(async (tx) => {
      await tx.putIntent(intent("/b", "t1"));
      await tx.putIntent(intent("/b", "t 2\xff"));
      await tx.putIntent(intent("/a\xfe", ""));
      await tx.putIntent(intent("/c", "t3"));
      await tx.deleteIntent("/c" as DbName);
    });
    assert.deepEqual(await store.intents(), [intent("/a\xfe", ""), intent("/b", "t 2\xff")]);
  }],
];

const TRANSACTION_CASES: readonly Case[] = [
  ["7.5.4: undoes everything when the work throws", async (store) => {
    await put(store, rec("/old"));
    await mark(store, dirty("/old"));
    const before = await onlyRow(store);
    const boom = new Error("boom");
    const failing = store.transaction(async (tx) => {
      await tx.putRecords([rec("/new"), rec("/old", "v1%3Aother")]);
      await tx.mark([dirty("/new"), dirty("/old")]);
      await tx.addHint({ path: "/h" as DiskPath, recursive: true });
      await tx.schedule([action("/a", "c"), action("/a", "c", "/l")]);
      await tx.pinFirst({ peer: "b" as HostName, certificate: "30" });
      await tx.putIntent({ name: "/i" as DbName, peer: "b" as HostName, temp: "", want: "---" });
      throw boom;
    });
    await assert.rejects(failing, boom);
    assert.deepEqual(await all(store.records("ascending")), [rec("/old")]);
    assert.deepEqual(await onlyRow(store), before);
    assert.deepEqual(await store.hints(), []);
    assert.deepEqual(await store.actions(), []);
    assert.deepEqual(await store.pins(), []);
    assert.deepEqual(await store.intents(), []);
    await put(store, rec("/works again"));
    assert.equal(await store.transaction((tx) => tx.settle(before)), true);
  }],
  ["returns what the work returns", async (store) => {
    assert.equal(await store.transaction(() => 42), 42);
    assert.equal(await store.transaction(() => Promise.resolve("x")), "x");
  }],
  ["shows readers only what is committed, the transaction its own writes", async (store) => {
    await put(store, rec("/1"));
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const { promise: written, resolve: tellWritten } = Promise.withResolvers<void>();
    const writing = store.transaction(async (tx) => {
      await tx.putRecords([rec("/2")]);
      await tx.deleteRecords(["/1"] as DbName[]);
      await tx.mark([dirty("/2")]);
      assert.equal(await tx.isDirty("/2" as DbName), true);
      tellWritten();
      await gate;
    });
    await written;
    const [stream, one, two, rows] = await Promise.all([
      names(store.records("ascending")),
      store.record("/1" as DbName),
      store.record("/2" as DbName),
      all(store.dirtyRows()),
    ]);
    open();
    await writing;
    assert.deepEqual(stream, ["/1"]);
    assert.ok(one !== undefined && two === undefined);
    assert.deepEqual(rows, []);
    assert.deepEqual(await names(store.records("ascending")), ["/2"]);
  }],
  ["runs transactions one at a time, in order of their calls", async (store) => {
    const log: string[] = [];
    const run = (name: string) =>
      store.transaction(async (tx) => {
        log.push(`${name}+`);
        await tx.putRecords([rec(`/${name}`)]);
        await new Promise((resolve) => setTimeout(resolve, 2));
        log.push(`${name}-`);
        if (name === "b") throw new Error("b fails");
      });
    const results = await Promise.allSettled(["a", "b", "c", "d"].map(run));
    assert.deepEqual(log, ["a+", "a-", "b+", "b-", "c+", "c-", "d+", "d-"]);
    assert.deepEqual(results.map(({ status }) => status), [
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    assert.deepEqual(await names(store.records("ascending")), ["/a", "/c", "/d"]);
  }],
  ["keeps one place per root, whatever the names of file systems are made of", async (store) => {
    const place = { type: "ef53", device: "8:1", inode: "2" };
    const odd = {
      ...place,
      mountPoint: "/mnt/a=b c\\\xff\n",
      source: "nfs4 host:/x=y% /",
      uuid: "00ff",
      fsid: "1",
    };
    const root = (name: string, of: "itself" | "holder", place: DirectoryPlace): RootRecord => ({
      name: name as DbName,
      of,
      place,
    });
    await store.transaction(async (tx) => {
      await tx.putRoot(root("/b", "itself", place));
      await tx.putRoot(root("/b", "holder", odd));
      await tx.putRoot(root("%p%", "itself", place));
      await tx.putRoot({ name: "/c" as DbName, of: "nothing" });
      await tx.putRoot(root("/gone", "itself", place));
      await tx.deleteRoot("/gone" as DbName);
      await tx.deleteRoot("/never" as DbName);
    });
    assert.deepEqual(await store.roots(), [
      root("%p%", "itself", place),
      root("/b", "holder", odd),
      { name: "/c", of: "nothing" },
    ]);
  }],
  ["reads records and intents as its transaction sees them", async (store) => {
    const intent: Intent = {
      name: "/b" as DbName,
      peer: "b.demo" as HostName,
      temp: "",
      want: "x",
    };
    await put(store, rec("/old"), rec("/gone"));
    await store.transaction(async (tx) => {
      await tx.putRecords([rec("/new\xff")]);
      await tx.deleteRecords(["/gone" as DbName]);
      await tx.putIntent(intent);
      assert.deepEqual(await tx.record("/new\xff" as DbName), rec("/new\xff"));
      assert.deepEqual(await tx.record("/old" as DbName), rec("/old"));
      assert.equal(await tx.record("/gone" as DbName), undefined);
      const many = Array.from({ length: 150 }, (_, n) => `/none/${n}`);
      const asked = [...many, "/new\xff", "/gone", "/old"] as DbName[];
      assert.deepEqual(
        [...await tx.recordsOf(asked)],
        [["/new\xff", rec("/new\xff")], ["/old", rec("/old")]],
      );
      assert.deepEqual(await tx.intents(), [intent]);
    });
  }],
  ["remembers what peers were told, one row for each name and peer", async (store) => {
    const line = (name: string, peer: string, isOutdated = false, relays = 0): ToldRow => ({
      name: name as DbName,
      peer: peer as HostName,
      version: `v1:mtime=${relays}:target=a b\xff`,
      relays,
      isOutdated,
    });
    const marks = ODD_NAMES.map((name) => line(name, "b", true));
    await store.transaction((tx) => tx.putTold(marks));
    assert.deepEqual(await store.outdatedTold(), marks);
    const again = [line("/a", "c:1"), line("/a", "b"), line("/a/b", "b", true, 2)];
    await store.transaction((tx) => tx.putTold(again));
    const left = marks.filter(({ name }) => name !== "/a" && name !== "/a/b");
    assert.deepEqual(await store.outdatedTold(), [...left, again[2]]);
    await store.transaction(async (tx) => {
      const found = await tx.toldAmong(["/a", "/none", "/a/b"] as DbName[]);
      assert.deepEqual(new Set(found), new Set(again));
      assert.deepEqual(await tx.toldAmong([]), []);
      await tx.deleteTold([again[2]!, line("/none", "b"), line("/a0", "c")]);
    });
    assert.deepEqual(await store.outdatedTold(), left);
    await store.transaction((tx) => tx.deleteTold(left));
    assert.deepEqual(await store.outdatedTold(), []);
  }],
  ["supersedes what peers were told, in the order of what is replaced", async (store) => {
    const line = (name: string, peer: string, isOutdated = false): ToldRow => ({
      ...{ name: name as DbName, peer: peer as HostName, version: "---", relays: 1 },
      isOutdated,
    });
    const by = (name: string, peer: string) => ({ name: name as DbName, by: peer as HostName });
    for (const how of ["transaction", "joined"] as const) {
      const peers = ["b", "c", "d"];
      const told = ["/1", "/2", "/3"].flatMap((name) => peers.map((peer) => line(name, peer)));
      await store.transaction((tx) => tx.putTold(told));
      await store[how](async (tx) => {
        await tx.supersedeTold([by("/2", "b"), by("/none", "b")]);
        await tx.supersedeTold([by("/2", "c")]);
        await tx.supersedeTold([by("/1", "x")]);
      });
      const late = await store.outdatedTold();
      assert.deepEqual(late.map(({ name, peer }) => name + peer), [
        ...["/2c", "/2d"],
        ...["/1b", "/1c", "/1d"],
      ]);
      await store[how]((tx) => tx.deleteTold(late));
    }
  }],
  ["joined transactions read what they have written", async (store) => {
    const intent = (name: string): Intent => ({
      name: name as DbName,
      peer: "b" as HostName,
      temp: "t" as Name,
      want: "w",
    });
    await put(store, rec("/gone"));
    await mark(store, dirty("/1"), dirty("/1", "c.demo"), dirty("/2"));
    await store.joined(async (tx) => {
      await tx.putIntent(intent("/1"));
      await tx.putIntent(intent("/2"));
      await tx.deleteIntent("/1" as DbName);
      assert.deepEqual(await tx.intents(), [intent("/2")]);
      await tx.putRecords([rec("/1"), rec("/2", "v1%3Aold"), rec("/2")]);
      await tx.deleteRecords(["/gone" as DbName]);
      assert.equal(await tx.record("/gone" as DbName), undefined);
      assert.deepEqual(await tx.record("/2" as DbName), rec("/2"));
      await tx.deleteRecords(["/2" as DbName]);
      await tx.clearMarks("/1" as DbName, "b.demo" as HostName);
      await tx.clearMarks("/none" as DbName, "b.demo" as HostName);
      assert.deepEqual(
        await tx.dirtyAmong(["/1", "/2"] as DbName[]),
        new Map([["/1", ["c.demo"]], ["/2", ["b.demo"]]]),
      );
      await tx.clearMarks("/2" as DbName);
      assert.equal(await tx.isDirty("/2" as DbName), false);
      await tx.clearMarks("/1" as DbName, "c.demo" as HostName);
      await tx.mark([dirty("/1", "c.demo")]); // after what was cleared before it
      await tx.schedule([action("/1", "two"), action("/1", "one")]);
    });
    assert.deepEqual(await names(store.records("ascending")), ["/1"]);
    assert.deepEqual(await names(store.dirtyRows()), ["/1"]);
    assert.deepEqual(await store.intents(), [intent("/2")]);
    assert.deepEqual((await store.actions()).map(({ command }) => command), ["two", "one"]);
  }],
  ["keeps notes of its own, and long ones", async (store) => {
    const long = "%0A line\n".repeat(5_333) + "!";
    assert.equal(await store.note("x/00"), undefined);
    await store.transaction(async (tx) => {
      await tx.putNote("x/00", "one");
      await tx.putNote("x/01", long);
      await tx.putNote("x/00", "two\nthree ");
      assert.equal(await tx.note("x/00"), "two\nthree ");
      assert.equal(await tx.note("x/02"), undefined);
    });
    assert.equal(await store.note("x/00"), "two\nthree ");
    assert.equal(await store.note("x/01"), long);
  }],
  [
    "joins transactions: each sees those before it, and a failing one fails alone",
    async (store) => {
      await put(store, rec("/0"));
      const seen: string[][] = [];
      const join = (n: number) =>
        store.joined(async (tx) => {
          const names = ["/0", "/1", "/2", "/3", "/4"] as DbName[];
          seen[n] = [...(await tx.recordsOf(names)).keys()];
          await tx.putRecords([rec(`/${n}`, `v1%3A${n}`)]);
          await tx.mark([dirty(`/${n}`)]);
          if (n === 3) throw new Error("n is 3");
          return n;
        });
      const ends = await Promise.allSettled([1, 2, 3, 4].map(join));
      assert.deepEqual(
        ends.map((end) => end.status === "fulfilled" ? end.value : `${end.reason}`),
        [
          1,
          2,
          "Error: n is 3",
          4,
        ],
      );
      assert.deepEqual(seen.slice(1), [
        ["/0"],
        ["/0", "/1"],
        ["/0", "/1", "/2"],
        ["/0", "/1", "/2"],
      ]);
      assert.deepEqual(await names(store.records("ascending")), ["/0", "/1", "/2", "/4"]);
      assert.deepEqual(await names(store.dirtyRows()), ["/1", "/2", "/4"]);
      assert.equal(await store.joined(() => 42), 42);
    },
  ],
  ["refuses a transaction object after its end", async (store) => {
    let kept: Parameters<Parameters<StateStore["transaction"]>[0]>[0] | undefined;
    await store.transaction((tx) => void (kept = tx));
    await assert.rejects(async () => await kept?.putRecords([rec("/late")]), isBroken);
    await assert.rejects(async () => await kept?.isDirty("/late" as DbName), isBroken);
    assert.deepEqual(await all(store.records("ascending")), []);
  }],
  ["refuses to be used after it was closed, and closes twice", async (store) => {
    await put(store, rec("/1"));
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await assert.rejects(store.record("/1" as DbName), isBroken);
    await assert.rejects(put(store, rec("/2")), isBroken);
    await assert.rejects(all(store.records("ascending")), isBroken);
  }],
];

function isBroken(error: unknown): boolean {
  return error instanceof StateError && error.code === "state/broken";
}

for (const of of SERVER_DATABASES.filter(({ kind }) => kinds.includes(kind))) {
  IMPLEMENTATIONS.push({ name: of.name, make: () => makeOnServer(of) });
}

for (const { name, make } of IMPLEMENTATIONS) {
  const cases = [...RECORD_CASES, ...DIRTY_CASES, ...OTHER_CASES, ...TRANSACTION_CASES];
  for (const [what, run] of cases) {
    Deno.test(`StateStore (${name}) ${what}`, async () => {
      await using made = await make();
      await run(made.store);
    });
  }
}
