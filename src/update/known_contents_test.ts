import assert from "node:assert/strict";
import type { FakePeerOptions } from "../../tests/support/fake_peer.ts";
import { GROUP, marked, type UpdateBed } from "../../tests/support/update_bed.ts";
import { failed } from "../model/mod.ts";

const FAST: FakePeerOptions = { maxOffers: 3, window: 8, copies: true };
/** Above what is looked for. */
const LARGE = "0123456789abcdef".repeat(16_385);
const OTHER = LARGE.replace("0", "x");

/** A peer that has everything, before something is copied here. */
async function equal(options: FakePeerOptions = {}, large = LARGE) {
  const spec = { "a/d/f": large, "a/d/g": "small", "a/other": OTHER.slice(1) };
  const { bed, peer } = await marked(GROUP, spec, { ...FAST, ...options });
  peer.directory(bed.path(""));
  await bed.update();
  assert.deepEqual(await bed.dirty(), []);
  peer.log.length = 0;
  peer.isDisposed = false;
  return { bed, peer };
}

async function push(bed: UpdateBed, ...args: Parameters<UpdateBed["update"]>): Promise<string[]> {
  await bed.check();
  await bed.update(...args);
  return bed.log().filter((line) => /^(COPY|PUT reg|DEL)/.test(line));
}

const copy = (bed: UpdateBed, from: string, to: string, { keepsTime = false } = {}) => {
  Deno.copyFileSync(bed.path(from), bed.path(to));
  const { mtime } = Deno.statSync(bed.path(from));
  if (keepsTime) Deno.utimeSync(bed.path(to), mtime!, mtime!);
};

for (const keepsTime of [false, true]) {
  Deno.test(`update() has the peer copy a large file that was copied${keepsTime ? " with its time" : ""}`, async () => {
    const { bed, peer } = await equal();
    await using _ = bed;
    copy(bed, "a/d/f", "a/new", { keepsTime });
    copy(bed, "a/d/g", "a/small");
    assert.deepEqual(await push(bed), ["PUT reg a/small", "COPY a/d/f a/new"]);
    assert.equal(peer.has(bed.name("a/new")), LARGE);
    assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
    assert.ok(bed.lines(1).includes("Updating a/new on b.demo ..."));
  });
}

Deno.test("update() of several of one size takes the one with the same time or the same name", async () => {
  const { bed, peer } = await equal();
  await using _ = bed;
  bed.tree.make({ "a/e/f": OTHER, "a/e/h": OTHER });
  Deno.utimeSync(bed.path("a/e/h"), 7, 7);
  await push(bed);
  peer.log.length = 0;
  peer.isDisposed = false;
  Deno.mkdirSync(bed.path("a/n"));
  copy(bed, "a/e/h", "a/n/x", { keepsTime: true });
  copy(bed, "a/e/h", "a/n/h");
  assert.deepEqual(await push(bed), ["COPY a/e/h a/n/h", "COPY a/e/h a/n/x"]);
});

Deno.test("update() finds the right one among several of one size, with another time and name", async () => {
  const { bed, peer } = await equal();
  await using _ = bed;
  bed.tree.make({ "a/b": OTHER, "a/c": LARGE.replace("1", "y"), "a/z": LARGE.replace("2", "z") });
  await push(bed);
  peer.log.length = 0;
  peer.isDisposed = false;
  copy(bed, "a/z", "a/new");
  assert.deepEqual(await push(bed), ["COPY a/z a/new"]);
});

Deno.test("update() asks for no copy of what has other bytes in the places that are looked at", async () => {
  const { bed, peer } = await equal();
  await using _ = bed;
  bed.tree.make({ "a/new": OTHER });
  assert.deepEqual(await push(bed), ["PUT reg a/new"]);
  assert.equal(peer.has(bed.name("a/new")), OTHER);
});

Deno.test("update() sends what is not the same between these places", async () => {
  const { bed, peer } = await equal();
  await using _ = bed;
  const other = LARGE.slice(0, 65_536) + "X" + LARGE.slice(65_537);
  bed.tree.make({ "a/new": other });
  assert.deepEqual(await push(bed), ["COPY a/d/f a/new", "PUT reg a/new"]);
  assert.equal(peer.has(bed.name("a/new")), other);
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
});

Deno.test("update() sends what the peer cannot copy, because it has another content there", async () => {
  const { bed, peer } = await equal();
  await using _ = bed;
  peer.objects.get(bed.name("a/d/f"))!.content = OTHER;
  copy(bed, "a/d/f", "a/new");
  assert.deepEqual(await push(bed), ["COPY a/d/f a/new", "PUT reg a/new"]);
  assert.equal(peer.has(bed.name("a/new")), LARGE);
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
});

Deno.test("update() asks for no copy of a file that the peer has not been sent yet", async () => {
  const { bed, peer } = await equal({
    instead: (request) => /^PUT reg .*\/later$/.test(request) ? failed("No space") : undefined,
  }, OTHER);
  await using _ = bed;
  bed.tree.make({ "a/later": LARGE });
  await push(bed);
  peer.log.length = 0;
  peer.isDisposed = false;
  copy(bed, "a/later", "a/new");
  assert.deepEqual(await push(bed), ["PUT reg a/later", "PUT reg a/new"]);
});

Deno.test("update() asks for no copies as a dry run, and none of a peer that makes none", async () => {
  for (const copies of [true, false]) {
    const { bed } = await equal({ copies });
    await using _ = bed;
    copy(bed, "a/d/f", "a/new");
    assert.deepEqual(await push(bed, { dryRun: copies }), copies ? [] : ["PUT reg a/new"]);
  }
});

Deno.test("update() has a file copied whose name looks like an encoded one", async () => {
  const { bed, peer } = await equal();
  await using _ = bed;
  bed.tree.make({ "a/per%20cent": LARGE.replace("3", "z") });
  await push(bed);
  peer.log.length = 0;
  peer.isDisposed = false;
  copy(bed, "a/per%20cent", "a/new");
  assert.deepEqual(await push(bed), ["COPY a/per%20cent a/new"]);
});
