/** A push with many rows under way has the same results and tells the same as one row after the other. */
import assert from "node:assert/strict";
import { brokenConnection, FakePeer, markFor } from "../../tests/support/fake_peer.ts";
import { Bed } from "../../tests/support/journey_bed.ts";
import { tickIsOver } from "../../tests/support/tick.ts";
import { link, type TreeSpec } from "../../tests/support/tree.ts";
import { failed, type HostName } from "../model/mod.ts";
import { MemoryReporter } from "../report/mod.ts";
import { update } from "./update.ts";

const GROUP = "group g { host a.demo b.demo; key k; auto younger; include @/a; }";

/** The same numbers in [0, n) for the same seed. */
function dice(seed: number): (n: number) => number {
  let state = seed * 2_654_435_761 >>> 0;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * n);
  };
}

const PLACES = ["a/f", "a/d", "a/d/f", "a/d/g", "a/d/e", "a/d/e/f", "a/d.x", "a/l", "a/z", "a/z/f"];

/** Some of the places, each with whatever fits there. */
function someTree(roll: (n: number) => number): TreeSpec {
  const spec: Record<string, TreeSpec[string]> = {};
  const isLeaf = (place: string) => place in spec;
  for (const place of PLACES) {
    const parents = place.split("/").map((_, at, all) => all.slice(0, at).join("/"));
    if (roll(4) === 0 || parents.some(isLeaf)) continue;
    spec[place] = roll(5) === 0 ? link("f") : `${place} ${roll(3)}`;
    const hasContents = PLACES.some((other) => other.startsWith(`${place}/`));
    if (hasContents && roll(4) > 0) delete spec[place];
  }
  return spec;
}

/** Answers late and out of order; refuses some names, and has marks of its own for others. */
function oddPeer(seed: number, window: number, maxOffers?: number): FakePeer {
  const roll = dice(seed + 1_000);
  const refused = new Set(PLACES.filter(() => roll(12) === 0));
  return new FakePeer({
    window,
    timeUnit: "seconds",
    ...(maxOffers && { maxOffers }),
    instead: async (request) => {
      if (window > 1) {
        for (let hops = roll(60); hops > 0; hops--) await undefined;
        if (roll(10) === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      }
      const isRefused = [...refused].some((place) => request.endsWith(`/${place}`));
      return isRefused && /^(PUT|DEL) /.test(request) ? failed("Disk full") : undefined;
    },
  });
}

async function push(bed: Bed, peer: FakePeer): Promise<void> {
  bed.reporter = new MemoryReporter();
  const { config, state, jail, reporter } = bed;
  peer.isDisposed = false;
  await update({ config, state, jail, reporter, dial: () => Promise.resolve(peer) });
}

/** Two pushes of two random trees; everything that can be seen of them. */
async function journey(seed: number, window: number, maxOffers?: number) {
  const roll = dice(seed);
  const first = someTree(roll), second = someTree(roll);
  await using bed = new Bed(GROUP, first);
  const peer = oddPeer(seed, window, maxOffers);
  const seen: unknown[] = [];
  await bed.check();
  for (const tree of [undefined, second]) {
    if (tree !== undefined) {
      bed.tree.remove("a");
      bed.tree.make(tree);
      await bed.check();
      for (const name of PLACES) if (roll(6) === 0) peer.dirty.add(bed.name(name));
    }
    if (maxOffers !== undefined) await tickIsOver(bed, PLACES);
    await push(bed, peer);
    // Rows that were under way when a parent turned out to be missing are told before it is sent.
    const lines = bed.lines(2),
      isInOrder = !lines.some((text) => text.startsWith("missing parent"));
    seen.push(isInOrder ? lines : lines.toSorted(), await bed.dirty());
    const objects = [...peer.objects].map(([name, { entry, content }]) =>
      `${bed.short(name)} ${entry.kind} ${content}`
    );
    seen.push(objects.sort());
  }
  together += peer.batches.filter((names) => names.length > 1).length;
  return seen;
}

/** Batches of more than one file, in all journeys. */
let together = 0;

Deno.test("update() with eight rows under way ends and tells as with one", async () => {
  for (let seed = 0; seed < 120; seed++) {
    assert.deepEqual(await journey(seed, 8), await journey(seed, 1), `seed ${seed}`);
  }
});

Deno.test("update() that offers its rows ends and tells as one that looks at each of them", async () => {
  for (let seed = 0; seed < 80; seed++) {
    const offered = await journey(seed, 8, 1 + seed % 10);
    assert.deepEqual(offered, await journey(seed, 1), `seed ${seed}`);
  }
  assert.ok(together > 40, `${together} batches`);
});

Deno.test("update() with many rows under way keeps parents before children", async () => {
  const spec: Record<string, string> = {};
  for (let dir = 0; dir < 6; dir++) {
    for (let file = 0; file < 9; file++) spec[`a/d${dir}/e/f${file}`] = `${file}`;
  }
  await using bed = new Bed(GROUP, spec);
  await bed.check();
  const roll = dice(7);
  let most = 0, now = 0;
  const peer = new FakePeer({
    window: 16,
    instead: async () => {
      most = Math.max(most, ++now);
      for (let hops = roll(99); hops > 0; hops--) await undefined;
      now--;
    },
  });
  await push(bed, peer);
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
  assert.ok(most > 4 && most <= 16, `${most} at a time`);
  bed.tree.remove("a/d2");
  await bed.check();
  await push(bed, peer);
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
  assert.ok(![...peer.objects.keys()].some((name) => name.includes("/d2")));
});

Deno.test("W 15.6 many rows that lack the same directory cost one restart", async () => {
  const spec: Record<string, string> = { "a/z": "z" };
  for (let file = 0; file < 30; file++) spec[`a/d/e/f${file}`] = `${file}`;
  await using bed = new Bed(GROUP, spec);
  await bed.check();
  const peer = new FakePeer({ window: 16 });
  peer.directory(bed.name("a"));
  await bed.state.transaction(async (tx) => {
    for (const name of ["a", "a/d", "a/d/e"]) await tx.clearMarks(bed.name(name));
  });
  await push(bed, peer);
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
  assert.equal(peer.has(bed.name("a/d/e/f29")), "29");
  assert.equal(bed.lines().filter((text) => text.startsWith("missing parent")).length, 2);
});

Deno.test("update() settles what was done before a connection broke, and says once that it did", async () => {
  for (let broken = 1; broken < 45; broken++) {
    const spec: Record<string, string> = {};
    for (let file = 10; file < 24; file++) spec[`a/f${file}`] = `${file}`;
    await using bed = new Bed(GROUP, spec);
    await bed.check();
    let requests = 0;
    const peer = new FakePeer({
      window: 6,
      instead: () => {
        if (++requests >= broken) throw brokenConnection();
      },
    });
    await push(bed, peer);
    const left = (await bed.dirty()).map((text) => text.split(" ")[0]);
    const missing = Object.keys(spec).filter((name) => peer.has(bed.name(name)) === undefined);
    assert.ok(missing.every((name) => left.includes(name)), `${broken}: ${left}`);
    const isWhole = requests < broken;
    assert.equal(bed.reporter.errors, isWhole ? 0 : 1);
    const updates = bed.lines().filter((text) => text.startsWith("Updating"));
    assert.deepEqual(updates, updates.toSorted());
    if (!isWhole) continue;
    assert.deepEqual(left, []);
  }
});

Deno.test("update() that is stopped finishes what is under way", async () => {
  const spec: Record<string, string> = {};
  for (let file = 10; file < 40; file++) spec[`a/f${file}`] = `${file}`;
  await using bed = new Bed(GROUP, spec);
  await bed.check();
  const stop = new AbortController();
  const peer = new FakePeer({
    window: 4,
    instead: (request) => /PUT.*\/a\/f20/.test(request) ? stop.abort() : undefined,
  });
  const { config, state, jail, reporter } = bed;
  const dial = () => Promise.resolve(peer);
  await update({ config, state, jail, reporter, dial, signal: stop.signal });
  const sent = [...peer.objects.keys()].filter((name) => /f\d\d$/.test(name)).length;
  assert.ok(sent >= 11 && sent <= 15, `${sent}`);
  assert.equal((await bed.dirty()).length, 30 - sent);
  assert.equal(bed.reporter.errors, 0);
});

Deno.test("a new own name is announced while nothing else is under way", async () => {
  await using bed = new Bed(GROUP, { "a/f1": "1", "a/f2": "2", "a/f3": "3", "a/f4": "4" });
  await bed.check();
  let now = 0;
  const peer = new FakePeer({
    window: 8,
    instead: async (request) => {
      if (request.startsWith("HELLO")) assert.equal(now, 0);
      now++;
      for (let hops = 0; hops < 50; hops++) await undefined;
      now--;
    },
  });
  const other = { ...markFor(bed.name("a/f3"), "b.demo"), myName: "x.demo" as HostName };
  await bed.state.transaction((tx) => tx.mark([other]));
  await push(bed, peer);
  const hellos = peer.log.filter((line) => line.startsWith("HELLO"));
  assert.deepEqual(hellos, ["HELLO a.demo", "HELLO x.demo", "HELLO a.demo"]);
  assert.deepEqual(await bed.dirty(), []);
});
