import assert from "node:assert/strict";
import type { DbName, Entry, HostName } from "../model/mod.ts";
import { MemoryStore } from "./memory.ts";
import {
  forgetOutdated,
  outdatedTold,
  rememberTold,
  supersedeTold,
  type Told,
  told,
} from "./told.ts";

const NAME = "/a/b c" as DbName;
const GONE: Entry = { kind: "absent", because: "leaf" };

function line(peer: string, { name = NAME, relays = 0 } = {}): Told {
  return told({ name: name as DbName, peer: peer as HostName }, { entry: GONE, relays });
}

async function remember(store: MemoryStore, ...lines: Told[]): Promise<void> {
  await store.transaction((tx) => rememberTold(tx, lines));
}

async function supersede(store: MemoryStore, name: string, by: string): Promise<void> {
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

Deno.test("what was told longest ago is forgotten, and no note grows beyond its limit", async () => {
  await using store = new MemoryStore();
  const names = Array.from({ length: 20 }, (_, n) => `/${"n".repeat(90)}${n}` as DbName);
  for (const name of names) {
    for (let peer = 0; peer < 300; peer++) await remember(store, line(`peer${peer}`, { name }));
  }
  for (let shelf = 0; shelf < 1_024; shelf++) {
    const text = await store.note(`told/${shelf.toString(16).padStart(3, "0")}`) ?? "";
    assert.ok(text.length <= 4_000, `${text.length}`);
  }
  await supersede(store, names[0]!, "nobody");
  const late = (await outdatedTold(store)).map(({ peer }) => peer as string);
  assert.ok(late.length > 25 && late.length < 50, `${late.length}`);
  assert.deepEqual(late, late.map((_, n) => `peer${300 - late.length + n}`));
  for (const name of names) await supersede(store, name, "nobody");
  const text = await store.note("told/outdated");
  assert.ok(text!.length > 40_000 && text!.length <= 48_000, `${text!.length}`);
  assert.equal((await outdatedTold(store)).at(-1)?.name, names[19]);
});

Deno.test("what is no line of ours in a note is nothing", async () => {
  await using store = new MemoryStore();
  await store.transaction((tx) => tx.putNote("told/outdated", "x\n/a b\n/a/../b c v 0\n/a c v -1"));
  assert.deepEqual(await outdatedTold(store), []);
});
