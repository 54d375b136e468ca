import assert from "node:assert/strict";
import type { DbName, Entry, HostName, Told } from "../model/mod.ts";
import { MemoryStore } from "./memory.ts";
import { openState } from "./open.ts";
import { type StateStore, TOLD_ROWS } from "./store.ts";
import {
  forgetOutdated,
  outdatedTold,
  rememberTold,
  superseded,
  supersedeTold,
  told,
} from "./told.ts";

const NAME = "/a/b c" as DbName;
const GONE: Entry = { kind: "absent", because: "leaf" };

function line(peer: string, { name = NAME as string, relays = 0 } = {}): Told {
  return told({ name: name as DbName, peer: peer as HostName }, { entry: GONE, relays });
}

async function remember(store: StateStore, ...lines: Told[]): Promise<void> {
  await store.transaction((tx) => rememberTold(tx, lines));
}

async function supersede(store: StateStore, name: string, by: string): Promise<void> {
  await store.transaction((tx) => supersedeTold(tx, name as DbName, by as HostName));
}

Deno.test("supersedeTold() makes out of date what all but the one who replaced it have got", async () => {
  await using store = new MemoryStore();
  await remember(store, line("b"), line("c", { relays: 2 }), line("c", { name: "/x" as DbName }));
  assert.deepEqual(await outdatedTold(store), []);
  await supersede(store, NAME, "b");
  assert.deepEqual(await outdatedTold(store), [line("c", { relays: 2 })]);
  await supersede(store, NAME, "d"); // nobody has anything from us any more
  assert.equal((await outdatedTold(store)).length, 1);
});

Deno.test("rememberTold() replaces what was known of a peer, and what was out of date there", async () => {
  await using store = new MemoryStore();
  await remember(store, line("b"), line("c"));
  await supersede(store, NAME, "d");
  await remember(store, line("b", { relays: 1 }));
  assert.deepEqual(await outdatedTold(store), [line("c")]);
  await store.transaction((tx) => forgetOutdated(tx, [line("c")]));
  assert.deepEqual(await outdatedTold(store), []);
  await supersede(store, NAME, "d");
  assert.deepEqual(await outdatedTold(store), [line("b", { relays: 1 })]);
});

Deno.test("forgetOutdated() forgets nothing that is up to date, and no other peer", async () => {
  await using store = new MemoryStore();
  await remember(store, line("b"), line("c"), line("c", { name: "/x" as DbName }));
  await supersede(store, NAME, "d");
  await store.transaction((tx) =>
    forgetOutdated(tx, [line("c"), line("c", { name: "/x" as DbName }), line("none")])
  );
  assert.deepEqual(await outdatedTold(store), [line("b")]);
  await supersede(store, "/x", "d");
  assert.deepEqual(await outdatedTold(store), [line("b"), line("c", { name: "/x" as DbName })]);
});

Deno.test("superseded() takes each name once, by the first peer that replaced it", () => {
  const row = (name: string, peer: string, isOutdated = false) => ({
    ...line(peer, { name: name as DbName }),
    isOutdated,
  });
  const by = (name: string, peer: string) => ({ name: name as DbName, by: peer as HostName });
  const rows = [row("/a", "b"), row("/a", "c"), row("/a", "d", true), row("/x", "b")];
  const { gone, late } = superseded(rows, [by("/a", "b"), by("/a", "c"), by("/none", "b")]);
  assert.deepEqual(gone, [rows[0]]);
  assert.deepEqual(late, [row("/a", "c", true)]);
});

Deno.test("what was told longest ago is forgotten, in memory and in a database", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await using sqlite = await openState({
      database: `sqlite3://${dir}/x.db3`,
      hostName: "a.demo",
      configName: "",
      lockTimeoutSeconds: 12,
      defaultDir: dir,
    });
    await using memory = new MemoryStore();
    const lines = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, n) => line("b", { name: `/${from + n}` as DbName }));
    for (const store of [sqlite, memory]) {
      await remember(store, ...lines(0, 15_000));
      await remember(store, ...lines(0, 10)); // told again: not the oldest any more
      await remember(store, ...lines(15_000, TOLD_ROWS + 100));
      const names = lines(0, TOLD_ROWS + 100).map(({ name }) => name);
      const left = await store.transaction((tx) => tx.toldAmong(names));
      const numbers = left.map(({ name }) => Number(name.slice(1))).sort((a, b) => a - b);
      assert.ok(numbers.length > TOLD_ROWS - 100 && numbers.length <= TOLD_ROWS);
      assert.deepEqual(numbers.slice(0, 11).map((n) => n < 10), [
        ...new Array(10).fill(true),
        false,
      ]);
      assert.equal(numbers.at(-1), TOLD_ROWS + 99);
      assert.ok(numbers[10]! >= 100 && numbers[10]! < 200, `${numbers[10]}`);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
