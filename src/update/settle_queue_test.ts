import assert from "node:assert/strict";
import { markFor } from "../../tests/support/fake_peer.ts";
import { dbName, type DirtyRow, nanos } from "../model/mod.ts";
import { MemoryStore, unseenPushes } from "../state/mod.ts";
import { SettleQueue } from "./settle_queue.ts";

async function marked(count: number) {
  const state = new MemoryStore();
  const marks = Array.from({ length: count }, (_, at) => markFor(dbName(`/f${at}`), "b"));
  await state.transaction((tx) => tx.mark(marks));
  const rows: DirtyRow[] = (await Array.fromAsync(state.dirtyRows())).flat();
  return { state, rows };
}

const left = async (state: MemoryStore) => (await Array.fromAsync(state.dirtyRows())).flat().length;

Deno.test("SettleQueue deletes everything by the time flush() resolves", async () => {
  for (const count of [0, 1, 99, 100, 101, 250]) {
    const { state, rows } = await marked(count);
    const queue = new SettleQueue(state);
    for (const row of rows) await queue.add(row);
    await queue.flush();
    assert.equal(await left(state), 0);
  }
});

Deno.test("SettleQueue keeps a row that was marked again", async () => {
  const { state, rows } = await marked(3);
  const queue = new SettleQueue(state);
  for (const row of rows) await queue.add(row);
  await state.transaction((tx) => tx.mark([markFor(dbName("/f1"), "b")]));
  await queue.flush();
  assert.equal(await left(state), 1);
});

Deno.test("SettleQueue marks again what somebody else has settled meanwhile", async () => {
  const { state, rows } = await marked(3);
  const queue = new SettleQueue(state);
  await state.transaction((tx) => void tx.settle(rows[1]!));
  for (const row of rows) await queue.add(row);
  await queue.flush();
  assert.deepEqual([...queue.takeContested()], ["/f1"]);
  assert.equal(queue.takeContested().size, 0);
  assert.equal(await left(state), 1);
});

Deno.test("SettleQueue throws what the state throws, at the next call", async () => {
  const { state, rows } = await marked(150);
  state.transaction = () => Promise.reject(new Error("disk full"));
  const queue = new SettleQueue(state);
  await assert.rejects(async () => {
    for (const row of rows) await queue.add(row);
    await queue.flush();
  }, /disk full/);
  await assert.rejects(queue.flush(), /disk full/);
});

Deno.test("SettleQueue marks again what was taken away while something else than the record was sent", async () => {
  const { state, rows } = await marked(2);
  const record = { name: dbName("/f0"), stored: "v1%3Amode=16877%3Auid=0%3Agid=0%3Atype=dir" };
  await state.transaction((tx) => tx.putRecords([record]));
  const queue = new SettleQueue(state);
  await state.transaction((tx) => tx.clearMarks(dbName("/f0"))); // FLUSH by who won a conflict
  for (const row of rows) await queue.add(row, { kind: "absent", because: "leaf" });
  await queue.flush();
  assert.deepEqual([...queue.takeContested()], ["/f0"]);
  assert.equal(await left(state), 1);
});

for (const [isChecked, stay] of [[false, 0], [true, 1]] as const) {
  const what = isChecked ? "keeps" : "deletes";
  Deno.test(`SettleQueue ${what} the mark of what has no record, ${isChecked ? "" : "not "}behind a check`, async () => {
    const { state, rows } = await marked(1);
    const queue = new SettleQueue(state, { isChecked });
    const meta = { mode: 0o100644, uid: 0, gid: 0, mtime: nanos(7n) };
    await queue.add(rows[0]!, { kind: "reg", meta, size: 1 });
    await queue.flush();
    assert.equal(await left(state), stay);
  });
}

const FIFO = { kind: "fifo", meta: { mode: 0o10644, uid: 0, gid: 0, mtime: nanos(0n) } } as const;
const RECORDED = "v1%3Amtime=0%3Amode=4516%3Auid=0%3Agid=0%3Atype=fifo";

/** Three marked names with records, a queue that watches them, and how many records were read. */
async function recorded() {
  const { state, rows } = await marked(3);
  const put = (stored: string) =>
    state.transaction((tx) =>
      tx.putRecords(rows.map(({ name }) => ({ name, stored, subsecond: 0 })))
    );
  await put(RECORDED);
  let read = 0;
  const transaction = state.transaction.bind(state);
  state.transaction = (work) =>
    transaction((tx) => {
      const recordsOf = tx.recordsOf.bind(tx);
      tx.recordsOf = (names) => {
        read += names.length;
        return recordsOf(names);
      };
      return work(tx);
    });
  return { state, rows, put, queue: new SettleQueue(state), read: () => read };
}

Deno.test("SettleQueue reads no record again that nobody can have written since", async () => {
  const { state, rows, queue, read } = await recorded();
  await queue.watchRecords();
  queue.add(rows[0]!, FIFO, true);
  queue.add(rows[1]!, FIFO, true);
  await queue.flush();
  queue.add(rows[2]!, FIFO); // of which nobody said that it is recorded
  await queue.flush();
  assert.deepEqual([await left(state), read()], [0, 1]);
});

Deno.test("SettleQueue reads records again that may have been written since, and all later ones", async () => {
  const { state, rows, queue, put, read } = await recorded();
  await queue.watchRecords();
  queue.add(rows[0]!, FIFO, true);
  await put(RECORDED.replace("4516", "4500"));
  await queue.flush();
  assert.deepEqual([...queue.takeStayed()], [rows[0]!.name]);
  await put(RECORDED);
  queue.add(rows[1]!, FIFO, true);
  await queue.flush();
  assert.deepEqual([await left(state), read()], [2, 2]);
  await queue.watchRecords();
  queue.add(rows[2]!, FIFO, true);
  await queue.flush();
  assert.deepEqual([await left(state), read()], [1, 2]);
});

Deno.test("SettleQueue that watches nothing reads every record", async () => {
  const { state, rows, queue, read } = await recorded();
  for (const row of rows) queue.add(row, FIFO, true);
  await queue.flush();
  assert.deepEqual([await left(state), read()], [0, 3]);
});

Deno.test("SettleQueue marks again what is recorded and was settled by somebody else", async () => {
  const { state, rows, queue } = await recorded();
  await queue.watchRecords();
  await state.transaction((tx) => void tx.settle(rows[1]!));
  for (const row of rows) queue.add(row, FIFO, true);
  await queue.flush();
  assert.deepEqual([...queue.takeContested()], [rows[1]!.name]);
  assert.equal(await left(state), 1);
});

Deno.test("SettleQueue notes what has no record, until the peer has it no more", async () => {
  const { state, rows } = await marked(4);
  const stored = "v1%3Amode=16877%3Auid=0%3Agid=0%3Atype=dir";
  await state.transaction((tx) => tx.putRecords([{ name: dbName("/f1"), stored }]));
  const queue = new SettleQueue(state);
  const meta = { mode: 0o040755, uid: 0, gid: 0, mtime: nanos(7n) };
  for (const row of rows.slice(0, 3)) await queue.add(row, { kind: "dir", meta });
  await queue.flush();
  const noted = async () => (await unseenPushes(state)).map(({ name, peer }) => `${peer} ${name}`);
  assert.deepEqual(await noted(), ["b /f0", "b /f2"]);
  await queue.add(rows[0]!, { kind: "absent", because: "leaf" });
  await queue.add(rows[3]!, { kind: "sock", meta });
  await queue.flush();
  assert.deepEqual(await noted(), ["b /f2"]);
});
