import assert from "node:assert/strict";
import { brokenConnection, type FakePeerOptions } from "../../tests/support/fake_peer.ts";
import { GROUP, marked, type UpdateBed } from "../../tests/support/update_bed.ts";
import { failed } from "../model/mod.ts";

const FAST: FakePeerOptions = { maxOffers: 3, window: 8, copies: true };
const TREE = { "a/d/f": "content of f", "a/d/s/g": "content of g", "a/d/empty": "" };

/** A peer that has everything, before something is renamed here. */
async function equal(options: FakePeerOptions = {}, spec: Record<string, string> = TREE) {
  const { bed, peer } = await marked(GROUP, spec, { ...FAST, ...options });
  peer.directory(bed.path(""));
  await bed.update();
  assert.deepEqual(await bed.dirty(), []);
  peer.log.length = 0;
  peer.isDisposed = false;
  return { bed, peer };
}

/** Checks and sends what was changed here. */
async function push(bed: UpdateBed): Promise<string[]> {
  await bed.check();
  await bed.update();
  return bed.log().filter((line) => /^(COPY|PUT|DEL)/.test(line));
}

const rename = (bed: UpdateBed, from: string, to: string) =>
  Deno.renameSync(bed.path(from), bed.path(to));

Deno.test("update() has the peer copy what was renamed, before the old names go", async () => {
  const { bed, peer } = await equal({ window: 1 });
  await using _ = bed;
  rename(bed, "a/d", "a/e");
  assert.deepEqual(await push(bed), [
    "PUT dir a/e",
    "PUT dir a/e/s",
    "COPY a/d/f a/e/f",
    "COPY a/d/s/g a/e/s/g",
    "DEL a/d/s/g",
    "DEL a/d/s",
    "DEL a/d/f",
    "DEL a/d/empty",
    "DEL a/d",
    "PUT reg a/e/empty",
  ]);
  assert.equal(peer.has(bed.name("a/e/s/g")), "content of g");
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
  assert.ok(bed.lines(1).includes("Updating a/e/f on b.demo ..."));
});

Deno.test("update() sends what only looks like a renamed file", async () => {
  const { bed, peer } = await equal();
  await using _ = bed;
  const old = Deno.statSync(bed.path("a/d/f"));
  bed.tree.remove("a/d/f");
  bed.tree.make({ "a/new": "CONTENT OF F" });
  Deno.utimeSync(bed.path("a/new"), old.atime!, old.mtime!);
  peer.objects.get(bed.name("a/d/f"))!.entry = bed.tree.entry("a/new") as never;
  const log = await push(bed);
  assert.deepEqual(log.filter((l) => !l.includes("dir")), [
    "COPY a/d/f a/new",
    "DEL a/d/f",
    "PUT reg a/new",
  ]);
  assert.equal(peer.has(bed.name("a/new")), "CONTENT OF F");
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
});

Deno.test("update() asks for no copy of what has another size or time", async () => {
  const { bed } = await equal();
  await using _ = bed;
  rename(bed, "a/d/f", "a/f");
  Deno.utimeSync(bed.path("a/f"), 7, 7);
  bed.tree.remove("a/d/s/g");
  bed.tree.make({ "a/g": "longer content" });
  const log = await push(bed);
  assert.deepEqual(log.filter((l) => l.startsWith("COPY")), []);
  assert.deepEqual(await bed.dirty(), []);
});

for (
  const [what, refusal] of [
    ["has no room", failed("No space left on device")],
    ["has a change of its own", { kind: "conflict" }],
  ] as const
) {
  Deno.test(`update() sends what a peer that ${what} did not copy, and says nothing of it`, async () => {
    const { bed, peer } = await equal({
      instead: (request) => request.startsWith("COPY") ? refusal : undefined,
    });
    await using _ = bed;
    rename(bed, "a/d/f", "a/d/x");
    const log = await push(bed);
    assert.deepEqual(log.filter((l) => !l.includes("dir")), [
      "COPY a/d/f a/d/x",
      "DEL a/d/f",
      "PUT reg a/d/x",
    ]);
    assert.equal(peer.has(bed.name("a/d/x")), "content of f");
    assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
  });
}

Deno.test("update() keeps all marks when the connection breaks while files are copied", async () => {
  const { bed } = await equal({
    instead: (request) => {
      if (request.startsWith("COPY")) throw brokenConnection();
    },
  });
  await using _ = bed;
  rename(bed, "a/d/f", "a/d/x");
  await push(bed);
  const marks = (await bed.dirty()).filter((mark) => /[fx] /.test(mark));
  assert.deepEqual(marks, ["a/d/f -> b.demo", "a/d/x -> b.demo"]);
});

Deno.test("update() as a dry run asks for no copies", async () => {
  const { bed } = await equal();
  await using _ = bed;
  rename(bed, "a/d/f", "a/d/x");
  await bed.check();
  await bed.update({ dryRun: true });
  assert.deepEqual(bed.log().filter((l) => /^(COPY|PUT|DEL)/.test(l)), []);
});

Deno.test("update() copies nothing when removals are held", async () => {
  const { bed } = await equal();
  await using _ = bed;
  rename(bed, "a/d/f", "a/d/x");
  await bed.check();
  await bed.update({ maxRemovals: { kind: "names", most: 0 } });
  const log = bed.log().filter((line) => /^(COPY|PUT|DEL)/.test(line));
  assert.deepEqual(log.filter((l) => !l.includes("dir")), ["PUT reg a/d/x"]);
});
