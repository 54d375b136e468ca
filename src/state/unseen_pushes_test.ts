import assert from "node:assert/strict";
import { dbName } from "../model/mod.ts";
import { MemoryStore } from "./memory.ts";
import { notePushes, type Push, unseenPushes } from "./unseen_pushes.ts";

const push = (name: string, peer = "b"): Push => ({ name: dbName(name), peer });

async function note(state: MemoryStore, what: Parameters<typeof notePushes>[1]): Promise<void> {
  await state.transaction((tx) => notePushes(tx, what));
}

Deno.test("notePushes() remembers what was sent last, for each peer, until it is done", async () => {
  const state = new MemoryStore();
  await note(state, { sent: [push("/a b\n"), push("/%\xff"), push("/a b\n", "c")] });
  await note(state, { sent: [push("/a b\n")], done: [push("/%\xff"), push("/never")] });
  assert.deepEqual(await unseenPushes(state), [push("/a b\n", "c"), push("/a b\n")]);
  await note(state, { done: [push("/a b\n"), push("/a b\n", "c")] });
  assert.deepEqual(await unseenPushes(state), []);
});

Deno.test("notePushes() forgets the oldest when there are too many, and takes no nonsense", async () => {
  const state = new MemoryStore();
  const sent = Array.from({ length: 10_000 }, (_, n) => push(`/${n}`));
  await note(state, { sent });
  const left = await unseenPushes(state);
  assert.deepEqual(left, sent.slice(-left.length));
  assert(left.length > 5_000 && (await state.note("unseen"))!.length <= 60_000);
  await state.transaction((tx) => tx.putNote("unseen", "x b\n\n/a\n%2Fa b c\n/../ b"));
  assert.deepEqual(await unseenPushes(state), [push("/a")]);
});
