/** Joined transactions leave the same state as one transaction after the other, failures included. */
import assert from "node:assert/strict";
import type { DbName, HostName, Name } from "../../src/model/mod.ts";
import {
  MemoryStore,
  openState,
  rememberTold,
  type StateStore,
  type StateTx,
  supersedeTold,
} from "../../src/state/mod.ts";

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
const WORKS = 120;
const NAMES = Array.from({ length: 12 }, (_, n) => `/d ${n % 3}/\xff${n}` as DbName);
const PEERS = ["b.demo", "c.demo", "fe80::1"] as HostName[];

type Step = (tx: StateTx) => unknown;

function randomOf(seed: number): (below: number) => number {
  let state = seed * 0x9e3779b1 >>> 0;
  return (below) => {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x6d2b79f5 >>> 0;
    return (state >>> 8) % below;
  };
}

/** One write of a kind that is put off, or something that needs it to be done. */
function stepOf(random: (below: number) => number, seen: string[]): Step {
  const name = NAMES[random(NAMES.length)]!, peer = PEERS[random(PEERS.length)]!;
  const number = random(1_000);
  const steps: Step[] = [
    (tx) => tx.putRecords([{ name, stored: `v1%3A${number}`, subsecond: number }]),
    (tx) => tx.deleteRecords([name]),
    (tx) => tx.putIntent({ name, peer, temp: `t${number}` as Name, want: "w: \xfe" }),
    (tx) => tx.deleteIntent(name),
    (tx) => tx.mark([{ name, peer, forced: number % 2 === 0, myName: "a.demo" as HostName }]),
    (tx) => tx.clearMarks(name, peer),
    (tx) => tx.clearMarks(name),
    (tx) => tx.schedule([{ name, command: `c${number % 3}`, logfile: "/l" }]),
    (tx) => rememberTold(tx, [{ name, peer, version: `v${number}`, relays: 0 }]),
    (tx) => supersedeTold(tx, name, peer),
    async (tx) => void seen.push(JSON.stringify(await tx.record(name) ?? null)),
    async (tx) => void seen.push(JSON.stringify([...await tx.dirtyAmong(NAMES)])),
    async (tx) => void seen.push(`${await tx.isDirty(name)}`),
    async (tx) => void seen.push((await tx.intents()).map(({ temp }) => temp).join()),
  ];
  return steps[random(steps.length)]!;
}

interface Play {
  readonly how: "joined" | "transaction";
  readonly seed: number;
}

/** Runs the works of a seed; a few fail after what they have written. @returns all there is to see */
async function play(store: StateStore, { how, seed }: Play) {
  const random = randomOf(seed);
  const seenBy: string[][] = [], ends: Promise<string>[] = [];
  for (let n = 0; n < WORKS; n++) {
    const seen: string[] = seenBy[n] = [];
    const steps = Array.from({ length: 1 + random(5) }, () => stepOf(random, seen));
    const fails = random(25) === 0, isLast = random(20) === 0;
    const end = store[how](async (tx) => {
      seen.length = 0; // what it sees the last time counts
      for (const step of steps) await step(tx);
      if (fails) throw new Error(`work ${n}`);
    });
    ends.push(end.then(() => "", (error) => `${error}`));
    if (isLast) await end.catch(() => {});
  }
  return { ends: await Promise.all(ends), seenBy, left: await contents(store) };
}

async function contents(store: StateStore) {
  const records = await Array.fromAsync(store.records("ascending"));
  const marks = await Array.fromAsync(store.dirtyRows());
  return {
    records: records.flat(),
    marks: marks.flat().map(({ generation: _, ...mark }) => mark),
    intents: await store.intents(),
    actions: await store.actions(),
    outdated: (await store.outdatedTold()).map((row) => JSON.stringify(row)).sort(),
  };
}

for (const seed of SEEDS) {
  Deno.test(`joined() leaves and shows what transactions one after the other do, seed ${seed}`, async () => {
    const dir = await Deno.makeTempDir();
    try {
      const open = (name: string) =>
        openState({
          database: `sqlite3://${dir}/${name}.db3`,
          hostName: "a.demo",
          configName: "",
          lockTimeoutSeconds: 12,
          defaultDir: dir,
        });
      await using serial = new MemoryStore();
      await using together = await open("together");
      await using alone = await open("alone");
      await using memory = new MemoryStore();
      const want = await play(serial, { how: "transaction", seed });
      assert.ok(want.ends.some((end) => end !== "") && want.left.records.length > 0);
      assert.deepEqual(await play(together, { how: "joined", seed }), want);
      assert.deepEqual(await play(alone, { how: "transaction", seed }), want);
      assert.deepEqual(await play(memory, { how: "joined", seed }), want);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}
