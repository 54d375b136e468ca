import assert from "node:assert/strict";
import type { DbName, FileRecord } from "../model/mod.ts";
import { Joined } from "./joined.ts";
import { openState } from "./open.ts";
import type { StateStore } from "./store.ts";

/** Transactions over a list, which a failing one leaves as it was. */
class Bed {
  list: string[] = [];
  /** Sizes and ends of all transactions. */
  readonly log: string[] = [];
  refuse: Error | undefined;
  refuseCommit: Error | undefined;
  readonly joined = new Joined<string[]>({
    transact: async (work) => {
      if (this.refuse !== undefined) throw this.refuse;
      const tx = [...this.list];
      try {
        await work(tx);
        if (this.refuseCommit !== undefined) throw this.refuseCommit;
        this.list = tx;
        this.log.push(`commit ${tx.length}`);
      } catch (error) {
        this.log.push("undone");
        throw error;
      }
    },
    flush: (tx) => {
      if (tx.includes("bad at the end")) throw new Error("flush");
    },
  });

  add(text: string, fault?: Error): Promise<number> {
    return this.joined.run((tx) => {
      tx.push(text);
      if (fault !== undefined) throw fault;
      return tx.length;
    });
  }
}

Deno.test("Joined runs works of one turn in one transaction, in the order of their calls", async () => {
  const bed = new Bed();
  const ends = [bed.add("a"), bed.add("b"), Promise.resolve().then(() => bed.add("c"))];
  assert.deepEqual(await Promise.all(ends), [1, 2, 3]);
  assert.deepEqual(bed.list, ["a", "b", "c"]);
  assert.deepEqual(bed.log, ["commit 3"]);
  assert.equal(await bed.add("d"), 4);
  assert.deepEqual(bed.log, ["commit 3", "commit 4"]);
});

Deno.test("Joined runs what comes during a transaction after it, all together", async () => {
  const bed = new Bed();
  const later: Promise<number>[] = [];
  const first = bed.joined.run((tx) => {
    tx.push("a");
    later.push(bed.add("b"), bed.add("c"));
  });
  await first;
  assert.deepEqual(bed.list, ["a"]);
  assert.deepEqual(await Promise.all(later), [2, 3]);
  assert.deepEqual(bed.log, ["commit 1", "commit 3"]);
});

Deno.test("Joined lets a failing work fail alone", async () => {
  const bed = new Bed(), fault = new Error("mine");
  const ends = await Promise.allSettled([
    bed.add("a"),
    bed.add("b", fault),
    bed.add("c"),
    bed.joined.run((tx) => Promise.reject(new Error(`late, after ${tx.length}`))),
  ]);
  assert.deepEqual(ends.map((end) => end.status === "fulfilled" ? end.value : end.reason.message), [
    1,
    "mine",
    2,
    "late, after 2",
  ]);
  assert.deepEqual(bed.list, ["a", "c"]);
  assert.deepEqual(bed.log, ["undone", "commit 1", "undone", "commit 2", "undone"]);
});

Deno.test("Joined finds out whose write it was that failed at the end", async () => {
  const bed = new Bed();
  const ends = await Promise.allSettled([bed.add("a"), bed.add("bad at the end"), bed.add("c")]);
  assert.deepEqual(ends.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assert.deepEqual(bed.list, ["a", "c"]);
});

Deno.test("Joined tells all when a transaction does not begin, and tries nothing again", async () => {
  const bed = new Bed();
  bed.refuse = new Error("busy");
  const ends = await Promise.allSettled([bed.add("a"), bed.add("b")]);
  assert.ok(ends.every((end) => end.status === "rejected" && end.reason === bed.refuse));
  assert.deepEqual(bed.log, []);
  bed.refuse = undefined;
  assert.equal(await bed.add("c"), 1);
});

Deno.test("Joined tells all when one by one a transaction does not begin any more", async () => {
  const bed = new Bed(), busy = new Error("busy");
  let calls = 0;
  const good = bed.add("a");
  const bad = bed.joined.run(() => {
    if (++calls === 2) bed.refuse = busy;
    throw new Error("mine");
  });
  const ends = await Promise.allSettled([good, bad, bed.add("c"), bed.add("d")]);
  assert.deepEqual(
    ends.map((end) => end.status === "fulfilled" ? end.value : end.reason.message),
    [1, "mine", "busy", "busy"],
  );
  assert.deepEqual(bed.log, ["undone", "commit 1", "undone"]);
});

Deno.test("Joined does not run works again when it is not known whether they were committed", async () => {
  const bed = new Bed();
  bed.refuseCommit = new Error("lost");
  const ends = await Promise.allSettled([bed.add("a"), bed.add("b")]);
  assert.ok(ends.every((end) => end.status === "rejected" && end.reason === bed.refuseCommit));
  assert.deepEqual(bed.log, ["undone"]);
});

Deno.test("Joined runs at most 512 works in one transaction", async () => {
  const bed = new Bed();
  await Promise.all(Array.from({ length: 1_300 }, (_, n) => bed.add(`${n}`)));
  assert.deepEqual(bed.log, ["commit 512", "commit 1024", "commit 1300"]);
  assert.deepEqual(bed.list, Array.from({ length: 1_300 }, (_, n) => `${n}`));
});

Deno.test("Joined is idle when nothing waits", async () => {
  const bed = new Bed();
  await bed.joined.idle();
  const end = bed.add("a");
  await bed.joined.idle();
  assert.deepEqual(bed.list, ["a"]);
  await end;
});

function open(dir: string, lockTimeoutSeconds = 20): Promise<StateStore> {
  return openState({
    database: `sqlite3://${dir}/x.db3`,
    hostName: "a.demo",
    configName: "",
    lockTimeoutSeconds,
    graceSeconds: 0,
    defaultDir: dir,
  });
}

function rec(name: string): FileRecord {
  return { name: name as DbName, stored: "v1%3Atype=dir" };
}

Deno.test("joined() carries out what was asked for before the store is closed, and nothing later", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const store = await open(dir);
    const ends = ["/1", "/2"].map((name) => store.joined((tx) => tx.putRecords([rec(name)])));
    await store[Symbol.asyncDispose]();
    await Promise.all(ends);
    await assert.rejects(store.joined((tx) => tx.putRecords([rec("/3")])), {
      code: "state/broken",
    });
    await using again = await open(dir);
    const names = ["/1", "/2", "/3"] as DbName[];
    assert.deepEqual([...(await again.recordsOf(names)).keys()], ["/1", "/2"]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("joined() waits for a database that another one writes to, and gives up all at once", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await using other = await open(dir);
    await using patient = await open(dir);
    await using hasty = await open(dir, 0);
    const { promise: gate, resolve: openGate } = Promise.withResolvers<void>();
    const { promise: begun, resolve: tellBegun } = Promise.withResolvers<void>();
    const writing = other.transaction(async (tx) => {
      await tx.putRecords([rec("/other")]);
      tellBegun();
      await gate;
    });
    await begun;
    let calls = 0;
    const waiting = ["/1", "/2"].map((name) => patient.joined((tx) => tx.putRecords([rec(name)])));
    const refused = ["/3", "/4"].map(() => hasty.joined(() => void calls++));
    for (const end of await Promise.allSettled(refused)) {
      assert.ok(end.status === "rejected" && end.reason.code === "state/busy");
    }
    assert.equal(calls, 0);
    openGate();
    await Promise.all([writing, ...waiting]);
    const names = ["/1", "/2", "/other"] as DbName[];
    assert.equal((await hasty.recordsOf(names)).size, 3);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
