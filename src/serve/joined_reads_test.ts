import { deepStrictEqual as equal, rejects } from "node:assert/strict";
import type { DbName, FileRecord, HostName } from "../model/mod.ts";
import { MemoryStore } from "../state/mod.ts";
import { JoinedReads } from "./joined_reads.ts";

const F = "/F" as DbName, G = "/G" as DbName, H = "/H" as DbName;

/** A state that counts the questions it gets. */
async function counting() {
  const state = new MemoryStore();
  const record: FileRecord = { name: F, stored: "v1%3Atype=dir" };
  const mark = { name: G, peer: "a" as HostName, myName: "b" as HostName, forced: false };
  await state.transaction((tx) => {
    tx.putRecords([record]);
    tx.mark([mark]);
  });
  const asked: (readonly DbName[])[] = [];
  const { recordsOf } = state;
  state.recordsOf = (names) => {
    asked.push(names);
    return recordsOf.call(state, names);
  };
  return { state, record, asked };
}

Deno.test("JoinedReads asks for all names of one turn at once", async () => {
  const { state, record, asked } = await counting();
  const reads = new JoinedReads(state);
  equal(await Promise.all([F, G, H, F].map((name) => reads.of(name))), [
    { record, isDirty: false },
    { record: undefined, isDirty: true },
    { record: undefined, isDirty: false },
    { record, isDirty: false },
  ]);
  equal(asked, [[F, G, H, F]]);
  await reads.of(H);
  equal(asked.length, 2);
});

Deno.test("JoinedReads never answers with what was read before the question", async () => {
  const { state } = await counting();
  const reads = new JoinedReads(state);
  const first = reads.of(F);
  await first;
  const removed = state.transaction((tx) => tx.deleteRecords([F]));
  await removed;
  equal((await reads.of(F)).record, undefined);
});

Deno.test("JoinedReads tells everybody that the state fails, and asks again afterwards", async () => {
  const { state, record } = await counting();
  const reads = new JoinedReads(state);
  const { dirtyAmong } = state;
  state.dirtyAmong = () => Promise.reject(new Error("fails"));
  const both = [reads.of(F), reads.of(G)];
  for (const one of both) await rejects(one, /fails/);
  state.dirtyAmong = dirtyAmong;
  equal(await reads.of(F), { record, isDirty: false });
});
