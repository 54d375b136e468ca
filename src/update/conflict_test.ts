import assert from "node:assert/strict";
import { markFor } from "../../tests/support/fake_peer.ts";
import { fifo, link, type TreeSpec } from "../../tests/support/tree.ts";
import { auto, GROUP, marked } from "../../tests/support/update_bed.ts";
import { failed } from "../model/mod.ts";

/** One file that both sides have changed; what the peer has is bigger and younger. */
async function conflicting(text: string, here: string, there: [string, bigint] | undefined) {
  const spec: TreeSpec = { "a/f": { data: here, mtime: 1_500_000_000_900_000_000n } };
  const { bed, peer } = await marked(text, spec);
  await bed.update();
  const name = bed.name("a/f");
  if (there === undefined) peer.objects.delete(name);
  else peer.file(name, there[0], there[1]);
  peer.dirty.add(name);
  peer.log.length = 0;
  peer.isDisposed = false;
  await bed.state.transaction((tx) => tx.mark([markFor(name, "b.demo")]));
  await bed.update();
  return { bed, peer, content: peer.has(name), lines: bed.lines(0) };
}

Deno.test("update() resolves conflicts by every auto method (W 16)", async () => {
  const second = 1_500_000_000n * 1_000_000_000n;
  const cases: [string, [string, bigint] | undefined, boolean, string][] = [
    ["none", ["other", 0n], false, ""],
    ["first", ["other", 0n], true, "first"],
    ["left", ["other", 0n], true, "left/right"],
    ["right", ["other", 0n], false, "left/right"],
    ["younger", ["other", second - 1_000_000_000n], true, "younger/older"],
    ["younger", ["other", second], false, "younger/older"], // the fraction is cut: a tie
    ["older", ["other", second], true, "younger/older"],
    ["older", ["other", second - 1_000_000_000n], false, "younger/older"],
    ["bigger", ["other", 0n], false, "bigger/smaller"],
    ["bigger", ["on", 0n], true, "bigger/smaller"],
    ["smaller", ["other", 0n], true, "bigger/smaller"],
    ["smaller", ["two", 0n], true, "bigger/smaller"],
    ["younger", undefined, true, "younger/older"],
    ["bigger", undefined, true, "bigger/smaller"],
  ];
  for (const [method, there, isWon, test] of cases) {
    const { bed, content, lines } = await conflicting(auto(method), "one", there);
    await using _ = bed;
    const why = `${method} against ${there}`;
    assert.equal(content, isWon ? "one" : there?.[0], why);
    assert.deepEqual(await bed.dirty(), isWon ? [] : ["a/f -> b.demo"], why);
    const refused = "ERROR: Updating a/f on b.demo failed: File is also marked dirty here!";
    const lost = `Do not auto-resolve conflict: Lost '${test}' test.`;
    assert.deepEqual(
      lines,
      isWon
        ? [`Auto-resolving conflict: Won '${test}' test.`]
        : test === ""
        ? [refused]
        : [lost, refused],
      why,
    );
    if (isWon) assert.deepEqual(bed.log().slice(-2), ["FLUSH a/f", "PUT reg a/f"], why);
  }
});

Deno.test("update() of what was below a file of the peer: a removal is done, the rest is sent from above", async () => {
  const { bed, peer } = await marked(GROUP, { "a/d/f": "one", "a/e/g": "" }, {
    instead: (request) =>
      request.endsWith("a/d/f") && peer.objects.get(bed.name("a/d"))?.entry.kind === "reg"
        ? failed("Not a directory")
        : undefined,
  });
  await using _ = bed;
  peer.directory(bed.name("a"));
  peer.file(bed.name("a/d"), "in the way");
  await bed.clearDirty();
  await bed.state.transaction((tx) => tx.mark([markFor(bed.name("a/d/f"), "b.demo")]));
  await bed.update();
  assert.deepEqual([peer.has(bed.name("a/d/f")), await bed.dirty()], ["one", []]);
  peer.isDisposed = false;
  bed.tree.remove("a/d");
  await bed.check();
  await bed.clearDirty();
  peer.file(bed.name("a/d"), "in the way");
  await bed.state.transaction((tx) => tx.mark([markFor(bed.name("a/d/f"), "b.demo")]));
  await bed.update();
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
});

Deno.test("update() looks again when another program has pushed the same name", async () => {
  const { bed, peer } = await marked(GROUP, { "a/f": "one", "a/gone": "" }, {
    instead: async (request) => {
      if (!request.startsWith("PUT reg") || isOver) return;
      // The other program sees the newest state and sends it; then what is on its way arrives.
      isOver = true;
      bed.tree.remove("a/gone");
      const rows = (await Array.fromAsync(bed.state.dirtyRows())).flat();
      await bed.state.transaction(async (tx) => {
        for (const row of rows) if (row.name === bed.name("a/gone")) await tx.settle(row);
      });
    },
    window: 8,
  });
  let isOver = false;
  await using _ = bed;
  await bed.update();
  assert.deepEqual([peer.has(bed.name("a/f")), await bed.dirty()], ["one", ["a/gone -> b.demo"]]);
});

Deno.test("update() of what is not what the last check has seen leaves the mark", async () => {
  const { bed, peer } = await marked(GROUP, { "a/l": link("one"), "a/f": "one" });
  await using _ = bed;
  bed.tree.remove("a/l");
  bed.tree.make({ "a/l": fifo() }); // for a moment only
  Deno.renameSync(bed.path("a/f"), bed.path("f"));
  peer.directory(bed.name("a"));
  peer.file(bed.name("a/f"), "one");
  await bed.update();
  assert.equal(peer.objects.get(bed.name("a/l"))?.entry.kind, "fifo");
  assert.equal(peer.has(bed.name("a/f")), undefined);
  bed.tree.remove("a/l");
  bed.tree.make({ "a/l": link("one") });
  Deno.renameSync(bed.path("f"), bed.path("a/f"));
  assert.equal((await bed.check()).written, 0); // it finds nothing
  peer.isDisposed = false;
  await bed.update();
  assert.equal(peer.objects.get(bed.name("a/l"))?.entry.kind, "lnk");
  assert.deepEqual([peer.has(bed.name("a/f")), await bed.dirty()], ["one", []]);
});

Deno.test("update() that wins a conflict tells the other hosts again", async () => {
  const text = auto("first").replace("b.demo", "b.demo c.demo");
  const { bed, peer } = await marked(text, { "a/f": "one" });
  await using _ = bed;
  await bed.clearDirty();
  await bed.state.transaction((tx) => tx.mark([markFor(bed.name("a/f"), "b.demo")]));
  peer.directory(bed.name("a"));
  peer.file(bed.name("a/f"), "lost, and perhaps at c.demo by now");
  peer.dirty.add(bed.name("a/f"));
  await bed.update();
  assert.equal(peer.has(bed.name("a/f")), "one");
  assert.deepEqual(await bed.dirty(), ["a/f -> c.demo"]);
});

Deno.test("update() as master wins over a slave, whatever the method", async () => {
  const text = auto("right").replace("b.demo", "(b.demo)");
  const { bed, content, lines } = await conflicting(text, "one", ["other", 0n]);
  await using _ = bed;
  assert.equal(content, "one");
  assert.deepEqual(lines, ["Auto-resolving conflict: Won 'master/slave' test."]);
});

Deno.test("update() loses with a removal by comparing methods", async () => {
  const { bed, peer } = await marked(auto("younger"), { "a/f": "" });
  await using _ = bed;
  await bed.update();
  bed.tree.remove("a/f");
  await bed.check();
  peer.dirty.add(bed.name("a/f"));
  peer.isDisposed = false;
  await bed.update();
  assert.deepEqual(bed.lines(0), [
    "Do not auto-resolve conflict: This is a removal.",
    "ERROR: Deleting a/f on b.demo failed: File is also marked dirty here!",
  ]);
  assert.equal(bed.reporter.errors, 1);
});

Deno.test("update() gives up after a second refusal", async () => {
  const { bed } = await marked(auto("first"), { "a/f": "" }, {
    instead: (request) => request.startsWith("PUT reg") ? { kind: "conflict" } : undefined,
  });
  await using _ = bed;
  await bed.update();
  assert.deepEqual(bed.lines(0), [
    "Auto-resolving conflict: Won 'first' test.",
    "ERROR: Auto-resolving failed. Giving up.",
    "ERROR: Updating a/f on b.demo failed: File is also marked dirty here!",
  ]);
  assert.equal(bed.log().filter((l) => l.startsWith("PUT reg")).length, 2);
});

Deno.test("update() of forced marks flushes and does not look", async () => {
  const { bed, peer } = await marked(GROUP, { "a/f": "one" });
  await using _ = bed;
  await bed.update();
  peer.file(bed.name("a/f"), "other");
  peer.dirty.add(bed.name("a/f"));
  peer.log.length = 0;
  peer.isDisposed = false;
  await bed.state.transaction((tx) => tx.mark([markFor(bed.name("a/f"), "b.demo", true)]));
  await bed.update();
  assert.deepEqual(bed.log(), ["HELLO a.demo", "FLUSH a/f", "PUT reg a/f"]);
  assert.equal(peer.has(bed.name("a/f")), "one");
  assert.deepEqual(await bed.dirty(), []);
});
