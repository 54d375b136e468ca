/** What a push to a host of ours asks, sends and says. */
import assert from "node:assert/strict";
import { FakePeer, type FakePeerOptions } from "../../tests/support/fake_peer.ts";
import { auto, GROUP, marked, type UpdateBed } from "../../tests/support/update_bed.ts";
import type { TreeSpec } from "../../tests/support/tree.ts";
import type { HostName } from "../model/mod.ts";
import { MemoryReporter } from "../report/mod.ts";
import { update } from "./update.ts";

const TREE: TreeSpec = { "a/d/f": "f", "a/d/g": "gg", "a/x": "x" };
const FAST: FakePeerOptions = { maxOffers: 10, window: 8 };

/** Marks everything that is known, and forgets what the peer was asked. */
async function markAll(bed: UpdateBed, peer: FakePeer, forced = false): Promise<void> {
  for await (const rows of bed.state.records("ascending")) {
    const [myName, to] = ["a.demo", "b.demo"] as HostName[];
    const marks = rows.map(({ name }) => ({ name, myName: myName!, peer: to!, forced }));
    await bed.state.transaction((tx) => tx.mark(marks));
  }
  peer.log.length = 0;
  peer.isDisposed = false;
}

/** A host whose objects a peer of ours has, all marked again. */
async function equal(spec: TreeSpec = TREE, options: FakePeerOptions = FAST) {
  const { bed, peer } = await marked(GROUP, spec, options);
  await bed.update();
  await markAll(bed, peer);
  return { bed, peer };
}

const asked = (bed: UpdateBed) => bed.log().map((line) => line.replaceAll(bed.tree.path, "."));

Deno.test("a new tree is offered, and sent without another question", async () => {
  const { bed, peer } = await marked(GROUP, TREE, FAST);
  await using _ = bed;
  await bed.update();
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
  assert.equal(peer.has(bed.name("a/d/g")), "gg");
  const questions = asked(bed).filter((line) => !/^(PUT|SETIME)/.test(line));
  assert.deepEqual(questions, ["HELLO a.demo", "OFFER a a/d a/d/f a/d/g a/x"]);
});

Deno.test("what the peer has is settled by the offer, and told as ever", async () => {
  const { bed, peer } = await equal();
  await using _ = bed;
  await bed.update();
  assert.deepEqual(asked(bed), ["HELLO a.demo", "OFFER a a/d a/d/f a/d/g a/x"]);
  assert.deepEqual(await bed.dirty(), []);
  const told = bed.lines();
  await markAll(bed, peer);
  const classic = bed.peer();
  for (const [name, object] of peer.objects) classic.objects.set(name, object);
  await bed.update();
  assert.deepEqual(told, bed.lines());
});

Deno.test("contents are compared by digest where a record there is out of date", async () => {
  const { bed, peer } = await equal();
  await using _ = bed;
  peer.outdated.add(bed.name("a/d/f")).add(bed.name("a/d/g"));
  peer.objects.get(bed.name("a/d/g"))!.content = "GG";
  await bed.update();
  assert.deepEqual(
    asked(bed).slice(2).map((line) => line.replace(/ \d+$/, "")).sort(),
    [
      "DIGEST a/d/f",
      "DIGEST a/d/g",
      "PUT reg a/d/g",
      "SETIME a/d",
      "SETIME a/d/f",
      "SIG a/d/f",
      "SIG a/d/g",
    ],
  );
  assert.equal(peer.has(bed.name("a/d/g")), "gg");
  assert.deepEqual(await bed.dirty(), []);
});

Deno.test("--checksum compares every content", async () => {
  const { bed, peer } = await equal();
  await using _ = bed;
  peer.objects.get(bed.name("a/x"))!.content = "y";
  await bed.update({ checksum: true });
  const digests = asked(bed).filter((line) => line.startsWith("DIGEST"));
  assert.deepEqual(digests.sort(), ["DIGEST a/d/f", "DIGEST a/d/g", "DIGEST a/x"]);
  assert.equal(peer.has(bed.name("a/x")), "x");
  assert.deepEqual(await bed.dirty(), []);
});

Deno.test("forced marks are sent without an offer", async () => {
  const { bed, peer } = await equal({ "a/x": "x" });
  await using _ = bed;
  await markAll(bed, peer, true);
  await bed.update();
  assert.ok(!asked(bed).some((line) => line.startsWith("OFFER")));
  assert.deepEqual(asked(bed).filter((line) => line.endsWith("a/x")), ["FLUSH a/x", "PUT reg a/x"]);
});

Deno.test("D 7.4.1 a dry run offers nothing: an answer changes marks at the peer", async () => {
  const { bed, peer } = await equal();
  await using _ = bed;
  await bed.update({ dryRun: true });
  assert.ok(asked(bed).every((line) => /^(HELLO|SIG|DIGEST)/.test(line)));
  assert.equal((await bed.dirty()).length, 5);
  assert.equal(peer.objects.size, 5);
});

Deno.test("W 15.6 a directory that the peer lacks is sent when a put says so", async () => {
  const { bed, peer } = await marked(GROUP, TREE, FAST);
  await using _ = bed;
  peer.directory(bed.name("a"));
  await bed.state.transaction(async (tx) => {
    for (const name of ["a", "a/d"]) await tx.clearMarks(bed.name(name));
  });
  await bed.update();
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
  assert.equal(peer.has(bed.name("a/d/g")), "gg");
  assert.ok(bed.lines().some((text) => text.startsWith("missing parent dir")));
});

Deno.test("a conflict behind an offer is decided as ever", async () => {
  const { bed, peer } = await marked(auto("first"), TREE, FAST);
  await using _ = bed;
  await bed.update();
  await markAll(bed, peer);
  peer.objects.get(bed.name("a/x"))!.content = "theirs";
  peer.dirty.add(bed.name("a/x"));
  peer.outdated.add(bed.name("a/x"));
  await bed.update();
  assert.equal(peer.has(bed.name("a/x")), "x");
  assert.ok(bed.lines().includes("Auto-resolving conflict: Won 'first' test."));
});

Deno.test("small files go before a large one, which comes in time and whole", async () => {
  const large = "0123456789abcdef".repeat(9 * 65_536);
  const { bed, peer } = await marked(GROUP, { "a/a": large, "a/b": "b", "a/c": "c" }, FAST);
  await using _ = bed;
  await bed.update();
  const puts = asked(bed).filter((line) => line.startsWith("PUT reg"));
  assert.deepEqual(puts, ["PUT reg a/b", "PUT reg a/c", "PUT reg a/a"]);
  assert.equal(peer.has(bed.name("a/a")), large);
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
});

Deno.test("an offer that is refused as a whole leaves every row, each with its reason", async () => {
  const { bed } = await equal(TREE, {
    ...FAST,
    instead: (request) =>
      request.startsWith("OFFER") && isRefused ? { kind: "denied", why: "no grant" } : undefined,
  });
  await using _ = bed;
  isRefused = true;
  await bed.update();
  isRefused = false;
  assert.equal((await bed.dirty()).length, 5);
  assert.equal(bed.reporter.errors, 5);
});
let isRefused = false;

Deno.test("rows with several own names are offered with the name that was announced", async () => {
  const { bed, peer } = await marked(GROUP, { "a/1": "1", "a/2": "2", "a/3": "3" }, FAST);
  await using _ = bed;
  const [myName, to] = ["x.demo", "b.demo"] as HostName[];
  const other = { name: bed.name("a/2"), myName: myName!, peer: to!, forced: false };
  await bed.state.transaction((tx) => tx.mark([other]));
  await bed.update();
  assert.deepEqual(asked(bed).filter((line) => /^(HELLO|OFFER)/.test(line)), [
    "HELLO a.demo",
    "OFFER a a/1",
    "HELLO x.demo",
    "OFFER a/2",
    "HELLO a.demo",
    "OFFER a/3",
  ]);
  assert.deepEqual([await bed.dirty(), peer.objects.size], [[], 4]);
});

Deno.test("offers have fewer rows where memory is short, and some always", async () => {
  const spec = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`a/${n}`, ""]));
  const sizes: number[][] = [];
  for (const contentBytes of [undefined, 400_000, 1]) {
    const { bed, peer } = await marked(GROUP, spec, { ...FAST, maxOffers: 512 });
    await using _ = bed;
    await bed.update(contentBytes === undefined ? {} : { contentBytes });
    const offers = peer.log.filter((line) => line.startsWith("OFFER"));
    sizes.push(offers.map((line) => line.split(" ").length - 1));
    assert.deepEqual([await bed.dirty(), peer.objects.size], [[], 201]);
  }
  assert.deepEqual(sizes, [[201], [98, 98, 5], [64, 64, 64, 9]]);
});

Deno.test("a push that is stopped between an offer and its rows leaves their marks", async () => {
  const { bed, peer } = await equal(TREE, { ...FAST, maxOffers: 2 });
  await using _ = bed;
  const stop = new AbortController();
  bed.reporter = new MemoryReporter();
  const { config, state, jail, reporter } = bed;
  stop.abort();
  const dial = () => Promise.resolve(peer);
  await update({ config, state, jail, reporter, dial, signal: stop.signal });
  assert.equal((await bed.dirty()).length, 5);
});

Deno.test("what the peer has removed with its directory is told as in the classic dialect", async () => {
  const told: string[][] = [];
  for (const options of [FAST, {}]) {
    const { bed, peer } = await marked(GROUP, TREE, options);
    await using _ = bed;
    await bed.update();
    await markAll(bed, peer);
    for (const name of ["a/d/f", "a/d/g", "a/d"].map((name) => bed.name(name))) {
      peer.objects.delete(name);
      peer.dirty.add(name);
    }
    await bed.update();
    told.push(bed.lines(0));
    assert.equal((await bed.dirty()).length, 3);
  }
  assert.deepEqual(told[0], told[1]);
  assert.ok(told[0]!.some((line) => line.includes("Parent dir missing.")));
});

Deno.test("a peer that calls the same what no record vouches for is not believed", async () => {
  const { bed, peer } = await equal();
  await using _ = bed;
  peer.objects.get(bed.name("a/x"))!.content = "y";
  const bulk = peer.bulk as { offer: (rows: readonly unknown[]) => Promise<unknown> };
  bulk.offer = (rows) => Promise.resolve(rows.map(() => ({ kind: "same" })));
  await bed.update({ checksum: true });
  assert.equal(peer.has(bed.name("a/x")), "x");
  assert.deepEqual(await bed.dirty(), []);
});

/** Does something once, when a request of that kind comes. */
function once(kind: string, work: () => void | Promise<void>): FakePeerOptions {
  let isDue = false;
  arm = () => isDue = true;
  return {
    ...FAST,
    instead: async (request) => {
      if (!isDue || !request.startsWith(kind)) return;
      isDue = false;
      await work();
    },
  };
}
let arm = () => {};

Deno.test("what vanishes between the plan and its offer is an error, and the mark stays", async () => {
  let path = "";
  const { bed, peer } = await equal(TREE, once("HELLO", () => Deno.removeSync(path)));
  await using _ = bed;
  path = bed.tree.join("a/x");
  arm();
  await bed.update();
  assert.equal((await bed.dirty()).length, 1);
  assert.equal(peer.has(bed.name("a/x")), "x");
  assert.equal(bed.reporter.errors, 1);
});

Deno.test("what comes back between the plan and its removal is sent", async () => {
  let path = "";
  const { bed, peer } = await equal(
    TREE,
    once("HELLO", () => Deno.writeTextFileSync(path, "again")),
  );
  await using _ = bed;
  path = bed.tree.join("a/x");
  Deno.removeSync(path);
  await bed.check();
  arm();
  await bed.update();
  assert.equal(peer.has(bed.name("a/x")), "again");
  assert.equal(bed.reporter.errors, 0);
});

Deno.test("what is changed and checked while its offer is answered is sent as well", async () => {
  let change = () => Promise.resolve();
  const { bed, peer } = await equal(TREE, once("OFFER", () => change()));
  await using _ = bed;
  change = async () => {
    Deno.writeTextFileSync(bed.tree.join("a/x"), "changed");
    await bed.check();
  };
  arm();
  await bed.update();
  assert.equal(peer.has(bed.name("a/x")), "changed");
  assert.deepEqual(await bed.dirty(), []);
});

Deno.test("a record that is written without a mark while an offer is answered keeps the mark", async () => {
  let change = () => Promise.resolve();
  const { bed, peer } = await equal(TREE, once("OFFER", () => change()));
  await using _ = bed;
  const name = bed.name("a/x");
  change = async () => {
    const [record] = (await bed.state.recordsOf([name])).values();
    const stored = record!.stored.replace("size%3D1", "size%3D2").replace("size=1", "size=2");
    assert.notEqual(stored, record!.stored);
    await bed.state.transaction((tx) => tx.putRecords([{ ...record!, stored }]));
  };
  arm();
  await bed.update();
  assert.equal((await bed.dirty()).length, 1);
  assert.equal(peer.has(name), "x");
});

Deno.test("a mark that is set again while its offer is answered is not lost", async () => {
  let change = () => Promise.resolve();
  const { bed, peer } = await equal(TREE, once("OFFER", () => change()));
  await using _ = bed;
  change = async () => {
    const rows = (await Array.fromAsync(bed.state.dirtyRows())).flat();
    await bed.state.transaction((tx) => tx.mark(rows.filter(({ name }) => name.endsWith("a/x"))));
  };
  arm();
  await bed.update();
  const offers = asked(bed).filter((line) => /^(OFFER|SIG|DIGEST).* ?a\/x/.test(line));
  assert.ok(offers.length > 1, "it is compared once more");
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
  assert.equal(peer.has(bed.name("a/x")), "x");
});
