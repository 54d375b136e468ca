import assert from "node:assert/strict";
import { markFor } from "../../tests/support/fake_peer.ts";
import { GROUP, marked } from "../../tests/support/update_bed.ts";
import { failed } from "../model/mod.ts";

Deno.test("W 15.6 update() sends a missing parent with all that is known below it", async () => {
  const { bed, peer } = await marked(GROUP, { "a/d/e/f": "1", "a/d/g": "2", "a/d/gone": "" });
  await using _ = bed;
  await bed.clearDirty();
  bed.tree.remove("a/d/gone");
  peer.directory(bed.name("a"));
  await bed.state.transaction((tx) => tx.mark([markFor(bed.name("a/d/e/f"), "b.demo")]));
  await bed.update();
  assert.deepEqual(bed.log().filter((l) => l.startsWith("PUT")), [
    "PUT dir a/d",
    "PUT dir a/d/e",
    "PUT reg a/d/e/f",
    "PUT reg a/d/g",
  ]);
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
  assert.ok(bed.lines().includes("missing parent dir : a/d/e"));
  assert.ok(bed.lines().includes("missing parent dir : a/d"));
});

Deno.test("D 7.3.12 a missing parent is marked for that peer only", async () => {
  const text = "group g { host a.demo b.demo c.demo; key k; include @/a; }";
  const { bed, peer } = await marked(text, { "a/d/f": "1" });
  await using _ = bed;
  await bed.clearDirty();
  peer.directory(bed.name("a"));
  await bed.state.transaction((tx) => tx.mark([markFor(bed.name("a/d/f"), "b.demo")]));
  await bed.update({ onlyPeers: ["b.demo"] });
  assert.equal(peer.has(bed.name("a/d/f")), "1");
  assert.deepEqual(await bed.dirty(), []);
});

Deno.test("W 15.6 update() ends when a peer misses the same parent for ever", async () => {
  const { bed } = await marked(GROUP, { "a/d/f": "1", "a/d/g": "1" }, {
    instead: (request) => request.startsWith("SIG") ? { kind: "parent-missing" } : undefined,
  });
  await using _ = bed;
  await bed.update();
  assert.deepEqual(
    bed.lines(0),
    ["a", "a/d", "a/d/f", "a/d/g"].map((name) =>
      `ERROR: Updating ${name} on b.demo failed: Parent dir missing.`
    ),
  );
  assert.equal((await bed.dirty()).length, 4);
  assert.ok(bed.log().length < 30);
});

Deno.test("W 15.6 update() makes the directory of a bare prefix without asking for its parent", async () => {
  const { bed } = await marked(
    "group g { host a.demo b.demo; key k; include %p%; } prefix p { on *: @/a; }",
    { "a/f": "1" },
    { instead: (request) => request === "SIG %p%" ? { kind: "parent-missing" } : undefined },
  );
  await using _ = bed;
  await bed.update();
  assert.deepEqual(bed.log().filter((l) => l.startsWith("PUT")), ["PUT dir %p%", "PUT reg %p%/f"]);
  assert.deepEqual(await bed.dirty(), []);
});

Deno.test("a forced push finds out that its parent is missing", async () => {
  const { bed, peer } = await marked(GROUP, { "a/d/f": "1" }, {
    instead: (request) =>
      request.startsWith("PUT reg") && !peer.objects.has(bed.name("a/d"))
        ? failed("No such file or directory")
        : undefined,
  });
  await using _ = bed;
  await bed.clearDirty();
  peer.directory(bed.name("a"));
  await bed.state.transaction((tx) => tx.mark([markFor(bed.name("a/d/f"), "b.demo", true)]));
  await bed.update();
  assert.equal(peer.has(bed.name("a/d/f")), "1");
  assert.deepEqual(await bed.dirty(), []);
});
