import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { Workbench } from "../../tests/support/workbench.ts";
import { nanos } from "../model/mod.ts";
import type { Applier } from "./mod.ts";

const DAY_MS = 24 * 3_600_000;
const START_MS = 1_700_000_000_000;

/** Appliers with a clock, and what they leave behind. */
class Bench extends Workbench {
  nowMs = START_MS;

  timed(): Applier {
    return this.applier({ now: () => nanos(BigInt(this.nowMs) * 1_000_000n) });
  }

  async breakOff(applier: Applier, name: string, size = 5_000_000): Promise<void> {
    using held = (await applier.hold(this.target(name)))!;
    held.look();
    const begun = held.beginPut();
    if ("kind" in begun) throw new Error(JSON.stringify(begun));
    await using put = begun;
    await put.spill();
    put.write(new Uint8Array(size).fill(7));
    await put.keep();
  }

  async tidy(applier: Applier, isKnown = true): Promise<void> {
    await applier.tidy((name) =>
      isKnown ? this.target(name.slice(name.lastIndexOf("/") + 1)).at : undefined
    );
  }
}

function test(name: string, work: (bench: Bench) => Promise<void>): void {
  Deno.test(name, async () => {
    using bench = new Bench();
    await work(bench);
    equal(await bench.state.intents(), []);
  });
}

test("what is kept is removed after a day, and not before", async (bench) => {
  const applier = bench.timed();
  await bench.tidy(applier);
  await bench.breakOff(applier, "F");
  equal(bench.leftovers.length, 1);
  for (const hours of [1, 23]) {
    bench.nowMs = START_MS + hours * 3_600_000;
    await bench.tidy(bench.timed());
    equal(bench.leftovers.length, 1);
  }
  bench.nowMs = START_MS + DAY_MS;
  await bench.tidy(applier);
  equal(bench.leftovers, []);
  equal(await bench.state.note("partials"), "");
});

test("what is kept is known after a restart, and removed when the time comes", async (bench) => {
  await bench.breakOff(bench.timed(), "F");
  const next = bench.timed();
  await bench.tidy(next);
  equal(bench.leftovers.length, 1);
  using held = (await next.hold(bench.target("F")))!;
  held.look();
  const put = held.beginPut();
  ok(!("kind" in put));
  equal(put.partial?.size, 5_000_000);
  await put[Symbol.asyncDispose]();
});

test("what is kept in the future is removed", async (bench) => {
  await bench.breakOff(bench.timed(), "F");
  bench.nowMs -= 1;
  await bench.tidy(bench.timed());
  equal(bench.leftovers, []);
});

test("what is kept for a name that is nowhere now stays", async (bench) => {
  await bench.breakOff(bench.timed(), "F");
  bench.nowMs += 2 * DAY_MS;
  await bench.tidy(bench.timed(), false);
  equal(bench.leftovers.length, 1);
  await bench.tidy(bench.timed());
  equal(bench.leftovers, []);
});

test("no more is kept than fits", async (bench) => {
  const applier = bench.timed();
  for (let i = 0; i < 65; i++) await bench.breakOff(applier, `F${i}`, 4_194_304);
  equal(bench.leftovers.length, 64);
  await bench.breakOff(applier, "F0", 4_200_000); // in place of what is there
  equal(bench.leftovers.length, 64);
});

test("a note that somebody made removes nothing of a user's", async (bench) => {
  bench.write("precious", "content");
  const name = bench.target("F").name;
  await bench.state.transaction((tx) => tx.putNote("partials", `${name} precious 5\nx\n\n%2F`));
  await bench.tidy(bench.timed());
  ok("precious" in bench.tree());
});

test("what was moved is not forgotten before a check had time to find it", async (bench) => {
  const applier = bench.timed();
  await bench.breakOff(applier, "F");
  const [temp] = bench.leftovers;
  Deno.mkdirSync(`${bench.root}/D`);
  Deno.renameSync(`${bench.root}/${temp}`, `${bench.root}/D/${temp}`);
  for (const days of [1, 29]) {
    bench.nowMs = START_MS + days * DAY_MS;
    await bench.tidy(applier);
    ok(await bench.state.note("partials") !== "");
  }
  bench.nowMs = START_MS + 30 * DAY_MS;
  await bench.tidy(applier);
  equal(await bench.state.note("partials"), "");
  Deno.removeSync(`${bench.root}/D`, { recursive: true });
});

test("what was not found for long takes no place", async (bench) => {
  const applier = bench.timed();
  for (let i = 0; i < 64; i++) await bench.breakOff(applier, `F${i}`, 4_194_304);
  for (const temp of bench.leftovers) Deno.removeSync(`${bench.root}/${temp}`);
  bench.nowMs += 2 * DAY_MS - 1;
  await bench.breakOff(applier, "G");
  equal(bench.leftovers, []);
  bench.nowMs += 1;
  await bench.breakOff(applier, "G");
  equal(bench.leftovers.length, 1);
});
