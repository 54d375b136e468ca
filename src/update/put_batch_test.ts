/** Small files that go together: what they are, and what becomes of each. */
import assert from "node:assert/strict";
import {
  brokenConnection,
  type FakePeer,
  type FakePeerOptions,
} from "../../tests/support/fake_peer.ts";
import { tickIsOver } from "../../tests/support/tick.ts";
import { link, type TreeSpec } from "../../tests/support/tree.ts";
import {
  auto,
  GROUP,
  marked as freshlyMarked,
  type UpdateBed,
} from "../../tests/support/update_bed.ts";
import { failed, type HostName } from "../model/mod.ts";
import { MemoryReporter } from "../report/mod.ts";
import { update } from "./update.ts";

const FAST: FakePeerOptions = { maxOffers: 50, window: 8, maxPuts: 10, maxPutBytes: 1_000 };
/** Six small files in one directory. */
const SIX: TreeSpec = Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [`a/f${n}`, `${n}`]));

async function marked(text: string, spec: TreeSpec, options: FakePeerOptions) {
  const made = await freshlyMarked(text, spec, options);
  await tickIsOver(made.bed, Object.keys(spec));
  return made;
}

/** What went together, with short names. */
function batches(bed: UpdateBed, peer: FakePeer): string[] {
  return peer.batches.map((names) => names.map((name) => bed.short(name)).join(" "));
}

async function markAgain(bed: UpdateBed, peer: FakePeer, names: readonly string[]): Promise<void> {
  const [myName, to] = ["a.demo", "b.demo"] as HostName[];
  const marks = names.map((name) => ({
    name: bed.name(name),
    myName: myName!,
    peer: to!,
    forced: false,
  }));
  await bed.state.transaction((tx) => tx.mark(marks));
  peer.log.length = peer.batches.length = 0;
  peer.isDisposed = false;
}

const ALL = Object.keys(SIX);

Deno.test("small files go together, whatever lies between them", async () => {
  const { bed, peer } = await marked(GROUP, {
    "a/d/f": "f",
    "a/d/g": "g",
    "a/e/h": "h",
    "a/large": "x".repeat(1_001),
    "a/link": link("x"),
    "a/z": "z",
  }, FAST);
  await using _ = bed;
  await bed.update();
  assert.deepEqual(batches(bed, peer), ["a/d/f a/d/g a/e/h a/z"]);
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
  assert.equal(peer.has(bed.name("a/e/h")), "h");
  const updates = bed.lines().filter((text) => text.startsWith("Updating"));
  assert.deepEqual(updates.map((text) => text.split(" ")[1]), [
    ...["a", "a/d", "a/d/f", "a/d/g", "a/e", "a/e/h", "a/large", "a/link", "a/z"],
  ]);
  // W 15.7: what came into a directory has changed its time
  assert.deepEqual(bed.log().filter((l) => l.startsWith("SETIME")).map((l) => l.split(" ")[1]), [
    ...["a/e", "a/d", "a"],
  ]);
});

Deno.test("no more files go together than the peer takes, nor more bytes", async () => {
  const { bed, peer } = await marked(GROUP, SIX, { ...FAST, maxPuts: 4, maxPutBytes: 1_000 });
  await using _ = bed;
  await bed.update();
  assert.deepEqual(batches(bed, peer), ["a/f1 a/f2 a/f3 a/f4", "a/f5 a/f6"]);
  await markAgain(bed, peer, ALL);
  bed.tree.make({ "a/f1": "123", "a/f2": "12", "a/f3": "123456", "a/f4": "12345", "a/f6": "" });
  (peer.bulk as { maxPutBytes: number }).maxPutBytes = 5;
  await bed.check();
  await tickIsOver(bed, ALL);
  await bed.update();
  assert.deepEqual(batches(bed, peer), ["a/f1 a/f2", "a/f4 a/f6"]);
  assert.equal(peer.has(bed.name("a/f3")), "123456", "too large for any");
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
});

Deno.test("of files that are there with other contents those of another length go together", async () => {
  const { bed, peer } = await marked(GROUP, SIX, FAST);
  await using _ = bed;
  await bed.update();
  bed.tree.make({ "a/f2": "other", "a/f3": "O", "a/f4": "another" });
  await bed.check();
  await tickIsOver(bed, ALL);
  await markAgain(bed, peer, ["a/f3"]);
  peer.outdated.add(bed.name("a/f3"));
  await bed.update();
  assert.deepEqual(batches(bed, peer), ["a/f2 a/f4"]);
  assert.deepEqual(bed.log().filter((l) => l.startsWith("DIGEST")), ["DIGEST a/f3"]);
  assert.deepEqual(["a/f2", "a/f3", "a/f4"].map((n) => peer.has(bed.name(n))), [
    ...["other", "O", "another"],
  ]);
  assert.deepEqual(await bed.dirty(), []);
});

Deno.test("each file of a batch has an outcome of its own", async () => {
  const { bed, peer } = await marked(GROUP, SIX, {
    ...FAST,
    instead: (request) => {
      if (/^PUT .*f2$/.test(request)) return failed("No space left on device");
      return /^PUT .*f5$/.test(request) ? { kind: "denied", why: "no grant" } : undefined;
    },
  });
  await using _ = bed;
  await bed.update();
  assert.equal(peer.batches.length, 1);
  assert.deepEqual(await bed.dirty(), ["a/f2 -> b.demo", "a/f5 -> b.demo"]);
  assert.deepEqual(bed.lines(1).filter((text) => !text.includes("on b.demo ...")), [
    "ERROR: Updating a/f2 on b.demo failed: No space left on device",
    "File stays in dirty state. Try again later...",
    "ERROR: Updating a/f5 on b.demo failed: Permission denied!",
    "File stays in dirty state. Try again later...",
  ]);
  const told = bed.lines(1);
  assert.equal(told.findIndex((t) => t.includes("a/f2 on b.demo failed")), 3, told.join("\n"));
  assert.ok(ALL.every((name) => (peer.has(bed.name(name)) === undefined) === /[25]$/.test(name)));
});

for (const [method, wins] of [["first", true], ["none", false]] as const) {
  Deno.test(`a conflict in the middle of a batch is ${wins ? "won" : "left"} by itself (auto ${method})`, async () => {
    const { bed, peer } = await marked(auto(method), SIX, FAST);
    await using _ = bed;
    peer.dirty.add(bed.name("a/f3"));
    await bed.update();
    assert.equal(batches(bed, peer).length, 1);
    const flushed = bed.log().filter((line) => line.startsWith("FLUSH"));
    assert.deepEqual(flushed, wins ? ["FLUSH a/f3"] : []);
    assert.equal(peer.has(bed.name("a/f3")), wins ? "3" : undefined);
    assert.deepEqual(await bed.dirty(), wins ? [] : ["a/f3 -> b.demo"]);
    assert.equal(peer.has(bed.name("a/f6")), "6");
    assert.equal(bed.lines().includes("Auto-resolving conflict: Won 'first' test."), wins);
  });
}

Deno.test("W 15.6 a directory that is missing for some of a batch is sent once, and they come again", async () => {
  const { bed, peer } = await marked(GROUP, {
    "a/b/f1": "1",
    "a/d/f2": "2",
    "a/d/f3": "3",
    "a/z": "z",
  }, FAST);
  await using _ = bed;
  peer.directory(bed.name("a"));
  await bed.state.transaction((tx) => tx.clearMarks(bed.name("a/d")));
  await bed.update();
  assert.deepEqual(batches(bed, peer), ["a/b/f1 a/d/f2 a/d/f3 a/z", "a/d/f2 a/d/f3"]);
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
  assert.equal(bed.lines().filter((text) => text.startsWith("missing parent")).length, 1);
  assert.equal(bed.lines().filter((text) => text === "Updating a/z on b.demo ...").length, 1);
});

Deno.test("a file below a directory that is not made yet is sent again behind it", async () => {
  let isFirst = true;
  const { bed, peer } = await marked(auto("first"), { "a/d/f": "f", "a/d/g": "g" }, {
    ...FAST,
    // The directory is refused for a mark of the peer, and sent again when its contents have come.
    instead: async (request) => {
      if (!request.startsWith("FLUSH")) return;
      assert.deepEqual([request.split("/").at(-1), isFirst], ["d", true]);
      isFirst = false;
      for (let hops = 0; hops < 200; hops++) await undefined;
    },
  });
  await using _ = bed;
  peer.dirty.add(bed.name("a/d"));
  await bed.update();
  assert.deepEqual(batches(bed, peer), ["a/d/f a/d/g"]);
  assert.deepEqual([await bed.dirty(), bed.reporter.errors, isFirst], [[], 0, false]);
  assert.deepEqual(["a/d/f", "a/d/g"].map((n) => peer.has(bed.name(n))), ["f", "g"]);
});

Deno.test("what changes or goes between the offer and the reading goes by itself, or stays marked", async () => {
  const { bed, peer } = await marked(GROUP, SIX, {
    ...FAST,
    instead: (request) => {
      if (!request.startsWith("OFFER")) return;
      bed.tree.remove("a/f2");
      bed.tree.make({ "a/f4": "a longer one", "a/f5": "" });
    },
  });
  await using _ = bed;
  await bed.update();
  assert.equal(peer.batches.length, 1);
  assert.equal(bed.reporter.errors, 1);
  assert.ok(bed.lines(0).includes("ERROR: Cant stat a/f2."), bed.lines(0).join());
  assert.deepEqual(["a/f2", "a/f4", "a/f5", "a/f6"].map((n) => peer.has(bed.name(n))), [
    ...[undefined, "a longer one", "", "6"],
  ]);
  // f4 and f5 are not what the check has recorded
  assert.deepEqual(await bed.dirty(), ["a/f2", "a/f4", "a/f5"].map((n) => `${n} -> b.demo`));
});

Deno.test("a connection that is lost with a batch under way leaves its marks, and those behind it", async () => {
  const { bed, peer } = await marked(GROUP, SIX, {
    ...FAST,
    maxPuts: 2,
    instead: (request) => {
      if (/^PUTS .*f3/.test(request)) throw brokenConnection();
    },
  });
  await using _ = bed;
  await bed.update();
  assert.equal(bed.reporter.errors, 1);
  const left = await bed.dirty();
  assert.deepEqual(left.filter((text) => /f[34]/.test(text)).length, 2);
  for (const name of ALL) {
    assert.ok(left.includes(`${name} -> b.demo`) || peer.has(bed.name(name)) !== undefined, name);
  }
  assert.ok(bed.lines(0).some((text) => text.includes("lost")), bed.lines(0).join());
});

Deno.test("a mark that is set again while its batch travels stays", async () => {
  let again: (() => Promise<void>) | undefined;
  const { bed, peer } = await marked(GROUP, SIX, {
    ...FAST,
    instead: async (request) => {
      if (!request.startsWith("PUTS")) return;
      await again?.();
      again = undefined;
    },
  });
  await using _ = bed;
  const [myName, to] = ["a.demo", "b.demo"] as HostName[];
  const mark = { name: bed.name("a/f4"), myName: myName!, peer: to!, forced: false };
  let sent = 0;
  again = async () => {
    sent++;
    await bed.state.transaction((tx) => tx.mark([mark]));
  };
  await bed.update();
  assert.equal(sent, 1);
  // Whose object came last nobody knows: it was compared once more.
  assert.ok(bed.log().filter((line) => line.endsWith("a/f4") && line.startsWith("SIG")).length > 0);
  assert.deepEqual([await bed.dirty(), peer.has(bed.name("a/f4"))], [[], "4"]);
});

Deno.test("a push that is stopped finishes the batches under way, and begins no more", async () => {
  const stop = new AbortController();
  const spec = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`a/f${n + 10}`, `${n}`]));
  const { bed, peer } = await marked(GROUP, spec, {
    ...FAST,
    maxOffers: 5,
    maxPuts: 5,
    instead: (request) => request.startsWith("PUTS") ? stop.abort() : undefined,
  });
  await using _ = bed;
  const { config, state, jail } = bed;
  const reporter = bed.reporter = new MemoryReporter();
  const dial = () => Promise.resolve(peer);
  await update({ config, state, jail, reporter, dial, signal: stop.signal });
  const sent = peer.batches.flat().length;
  assert.ok(sent > 0 && sent < 40, `${sent}`);
  assert.deepEqual([(await bed.dirty()).length, reporter.errors], [40 - sent, 0]);
});

Deno.test("rows and bytes of a batch count as those of single files do", async () => {
  const told: unknown[] = [];
  for (const options of [FAST, {}]) {
    const { bed } = await marked(GROUP, { ...SIX, "a/d/g": "1234" }, options);
    await using _ = bed;
    const sums = { total: 0, files: 0, bytes: 0 };
    class Counting extends MemoryReporter {
      override progress(step: Parameters<MemoryReporter["progress"]>[0]): void {
        super.progress(step);
        for (const key of ["total", "files", "bytes"] as const) sums[key] += step[key] ?? 0;
      }
    }
    const { config, state, jail } = bed, reporter = new Counting();
    const dial = () => Promise.resolve(bed.peers.get("b.demo"));
    await update({ config, state, jail, reporter, dial });
    told.push(sums);
  }
  assert.deepEqual(told[0], { total: 9, files: 9, bytes: 10 });
  assert.deepEqual(told[0], told[1]);
});
