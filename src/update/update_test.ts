import assert from "node:assert/strict";
import {
  brokenConnection,
  FakePeer,
  type FakePeerOptions,
  markFor,
} from "../../tests/support/fake_peer.ts";
import { failsAt } from "../../tests/support/fault.ts";
import { Bed } from "../../tests/support/journey_bed.ts";
import { fifo, link, type TreeSpec } from "../../tests/support/tree.ts";
import { failed, type HostName, type Refusal } from "../model/mod.ts";
import { MemoryReporter } from "../report/mod.ts";
import { update, type UpdateOptions } from "./update.ts";

const GROUP = "group g { host a.demo b.demo; key k; include @/a; }";
const auto = (method: string) => GROUP.replace("include", `auto ${method}; include`);

/** A bed whose marks go to fake peers. */
class UpdateBed extends Bed {
  readonly peers = new Map<string, FakePeer>();
  dialled: string[] = [];

  peer(options: FakePeerOptions = {}, name = "b.demo"): FakePeer {
    const peer = new FakePeer(options);
    this.peers.set(name, peer);
    return peer;
  }

  async update(options: Partial<UpdateOptions> = {}): Promise<void> {
    this.reporter = new MemoryReporter();
    const { config, state, jail, reporter } = this;
    const dial = (peer: HostName) => {
      this.dialled.push(peer);
      return Promise.resolve(this.peers.get(peer));
    };
    await update({ config, state, jail, reporter, dial, ...options });
    for (const peer of this.peers.values()) if (peer.log.length > 0) assert.ok(peer.isDisposed);
  }

  /** Log of the peer with short names. */
  log(name = "b.demo"): string[] {
    return this.peers.get(name)!.log.map((line) => line.replaceAll(`${this.tree.path}/`, ""));
  }
}

/** Everything checked and marked, a peer that has the top directory. */
async function marked(
  text: string,
  spec: TreeSpec,
  options: FakePeerOptions = {},
): Promise<{ bed: UpdateBed; peer: FakePeer }> {
  const bed = new UpdateBed(text, spec);
  await bed.check();
  const peer = bed.peer(options);
  return { bed, peer };
}

Deno.test("update() sends a tree, parents first, and settles every mark", async () => {
  const { bed, peer } = await marked(GROUP, { "a/d/f": "one", "a/l": link("f"), "a/p": fifo() });
  await using _ = bed;
  await bed.update();
  const sent = bed.log().filter((l) => !l.startsWith("SIG"));
  assert.deepEqual(sent.map((l) => l.replace(/ \d+$/, "")), [
    "HELLO a.demo",
    "PUT dir a",
    "PUT dir a/d",
    "PUT reg a/d/f",
    "PUT lnk a/l",
    "PUT fifo a/p",
    "SETIME a/d", // W 15.7: sending what is in them has changed their times
    "SETIME a",
  ]);
  assert.equal(peer.has(bed.name("a/d/f")), "one");
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
  await bed.update();
  assert.equal(bed.dialled.length, 1);
});

Deno.test("update() of equal objects sends times only, never for links", async () => {
  const { bed, peer } = await marked(GROUP, { "a/f": "same", "a/l": link("f") });
  await using _ = bed;
  await bed.update();
  peer.log.length = 0;
  peer.isDisposed = false;
  await bed.clearDirty();
  await bed.state.transaction((tx) =>
    tx.mark(["a/f", "a/l"].map((n) => markFor(bed.name(n), "b.demo")))
  );
  await bed.update();
  assert.deepEqual(bed.log(), [
    "HELLO a.demo",
    "SIG a/f",
    "SETIME a/f 1000000000000000000",
    "SIG a/l",
  ]);
  assert.deepEqual(bed.lines().slice(0, 2), [
    "Updating a/f on b.demo ...",
    "File is already up to date on peer.",
  ]);
  assert.deepEqual(await bed.dirty(), []);
});

Deno.test("update() sends removals first, deepest first (W 15.1)", async () => {
  const { bed } = await marked(GROUP, { "a/d/f": "", "a/d/g": "", "a/z": "" });
  await using _ = bed;
  await bed.update();
  bed.tree.remove("a/d");
  bed.tree.make({ "a/new": "" });
  await bed.check();
  const peer = bed.peers.get("b.demo")!;
  peer.log.length = 0;
  peer.isDisposed = false;
  await bed.update();
  assert.deepEqual(bed.log().filter((l) => /^(DEL|PUT)/.test(l)), [
    "DEL a/d/g",
    "DEL a/d/f",
    "DEL a/d",
    "PUT reg a/new",
  ]);
  assert.deepEqual(await bed.dirty(), []);
});

Deno.test("update() settles a removal whose parent is missing there", async () => {
  const { bed } = await marked(GROUP, { "a/other": "" });
  await using _ = bed;
  await bed.clearDirty();
  await bed.state.transaction((tx) => tx.mark([markFor(bed.name("a/x/y"), "b.demo")]));
  await bed.update();
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
});

Deno.test("update() never deletes what came back after the rows were read", async () => {
  const { bed, peer } = await marked(GROUP, { "a/f": "" }, {
    instead: (request) => {
      if (request.startsWith("HELLO")) bed.tree.make({ "a/g": "back" });
    },
  });
  await using _ = bed;
  await bed.update();
  peer.isDisposed = false;
  peer.log.length = 0;
  bed.tree.remove("a/g");
  await bed.state.transaction((tx) => tx.mark([markFor(bed.name("a/g"), "b.demo")]));
  await bed.update();
  assert.equal(peer.has(bed.name("a/g")), "back");
  assert.ok(!bed.log().some((l) => l.startsWith("DEL")));
  assert.deepEqual(await bed.dirty(), []);
  await bed.check();
  assert.deepEqual(await bed.dirty(), ["a/g -> b.demo"]); // for the check it is new
});

Deno.test("update() of what vanished after the rows were read is an error, and the mark stays", async () => {
  const { bed } = await marked(GROUP, { "a/f": "" }, {
    instead: (request) => {
      if (request.startsWith("HELLO")) bed.tree.remove("a/f");
    },
  });
  await using _ = bed;
  await bed.update();
  assert.ok(bed.lines(0).includes("ERROR: Cant stat a/f."), bed.lines().join());
  assert.ok(bed.lines(1).includes("File stays in dirty state. Try again later..."));
  assert.deepEqual(await bed.dirty(), ["a/f -> b.demo"]);
});

Deno.test("D 7.4.6 update() says of each refused file which, where and why", async () => {
  const answers: [Refusal, string][] = [
    [{ kind: "conflict" }, "File is also marked dirty here!"],
    [{ kind: "denied", why: "no grant" }, "Permission denied!"],
    [{ kind: "denied", why: "slave" }, "Permission denied for slave!"],
    [failed("No space left on device"), "No space left on device"],
  ];
  for (const [refusal, why] of answers) {
    const { bed } = await marked(GROUP, { "a/f": "" }, {
      instead: (request) => request.startsWith("PUT reg") ? refusal : undefined,
    });
    await using _ = bed;
    await bed.update();
    assert.deepEqual(bed.lines(0), [`ERROR: Updating a/f on b.demo failed: ${why}`]);
    assert.equal(bed.reporter.errors, 1);
    assert.deepEqual(bed.lines().slice(-1), ["File stays in dirty state. Try again later..."]);
    assert.deepEqual(await bed.dirty(), ["a/f -> b.demo"]);
  }
});

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

Deno.test("D 7.4.1 a dry run changes nothing anywhere", async () => {
  const { bed, peer } = await marked(GROUP, {
    "a/same": "s",
    "a/diff": "d",
    "a/new": "n",
    "a/gone": "g",
  });
  await using _ = bed;
  await bed.update();
  bed.tree.remove("a/gone");
  peer.objects.delete(bed.name("a/new"));
  peer.file(bed.name("a/diff"), "D", 5n);
  peer.file(bed.name("a/same"), "s", 7n);
  await bed.state.transaction((tx) =>
    tx.mark(["a", "a/same", "a/diff", "a/new", "a/gone"].map((n) => markFor(bed.name(n), "b.demo")))
  );
  const before = structuredClone([...peer.objects]);
  const rows = await Array.fromAsync(bed.state.dirtyRows());
  const dry = async () => {
    peer.isDisposed = false;
    peer.log.length = 0;
    await bed.update({ dryRun: true });
    assert.deepEqual([...peer.objects], before);
    assert.ok(bed.log().every((l) => /^(HELLO|SIG)/.test(l)), bed.log().join());
    return bed.reporter.printed.map((line) => line.replaceAll(`${bed.tree.path}/`, ""));
  };
  assert.deepEqual(await dry(), [
    "?D: b.demo          a/gone",
    "?S: b.demo          a",
    "?M: b.demo          a/diff",
    "?M: b.demo          a/new",
    "?S: b.demo          a/same",
  ]);
  assert.deepEqual(await Array.fromAsync(bed.state.dirtyRows()), rows);
  await bed.state.transaction((tx) => tx.force({ name: bed.name("a"), below: true }));
  assert.deepEqual(await dry(), [
    "!D: b.demo          a/gone",
    "!M: b.demo          a",
    "!M: b.demo          a/diff",
    "!M: b.demo          a/new",
    "!M: b.demo          a/same",
  ]);
});

Deno.test("D 7.4.1 a dry run marks no missing parents", async () => {
  const { bed, peer } = await marked(GROUP, { "a/d/f": "1" });
  await using _ = bed;
  await bed.clearDirty();
  peer.directory(bed.name("a"));
  await bed.state.transaction((tx) => tx.mark([markFor(bed.name("a/d/f"), "b.demo")]));
  await bed.update({ dryRun: true });
  assert.equal(bed.reporter.printed.length, 1);
  assert.deepEqual(await bed.dirty(), ["a/d/f -> b.demo"]);
});

Deno.test("D 7.3.7 update() with paths takes rows under a prefix", async () => {
  const text = "group g { host a.demo b.demo; key k; include %p%; } prefix p { on *: @/a; }";
  const cases: [string, boolean, string[]][] = [
    ["a/f", false, ["%p%/f"]],
    ["a", false, ["%p%"]],
    ["a", true, ["%p%", "%p%/d", "%p%/d/g", "%p%/f"]],
    ["a/d", true, ["%p%/d", "%p%/d/g"]],
    ["", true, ["%p%", "%p%/d", "%p%/d/g", "%p%/f"]],
    ["/", false, ["%p%", "%p%/d", "%p%/d/g", "%p%/f"]],
    ["a/none", true, []],
  ];
  for (const [top, recursive, names] of cases) {
    const { bed, peer } = await marked(text, { "a/f": "1", "a/d/g": "2" });
    await using _ = bed;
    peer.directory("%p%");
    peer.directory("%p%/d");
    await bed.update({ targets: [bed.target(top, recursive)] });
    const sent = bed.log().filter((l) => l.startsWith("SIG")).map((l) => l.slice(4));
    assert.deepEqual(sent, names, `${top} ${recursive}`);
  }
});

Deno.test("update() serves peers side by side; a silent one delays nobody", async () => {
  const text = "group g { host a.demo b.demo c.demo d.demo; key k; include @/a; }";
  const bed = new UpdateBed(text, { "a/f": "1" });
  await using _ = bed;
  await bed.check();
  const silence = Promise.withResolvers<void>();
  const slow = bed.peer({ instead: () => silence.promise }, "d.demo");
  const others = ["b.demo", "c.demo"].map((name) => bed.peer({}, name));
  const run = bed.update();
  while (!others.every((peer) => peer.isDisposed)) await new Promise((r) => setTimeout(r, 1));
  assert.deepEqual(await bed.dirty(), ["a -> d.demo", "a/f -> d.demo"]);
  assert.ok(!slow.isDisposed);
  silence.resolve();
  await run;
  assert.deepEqual(await bed.dirty(), []);
});

Deno.test("update() keeps to its number of parallel peers and to -P", async () => {
  const text = "group g { host a.demo b.demo c.demo d.demo; key k; include @/a; }";
  const bed = new UpdateBed(text, {});
  await using _ = bed;
  bed.tree.make({ "a/f": "1" });
  await bed.check();
  let active = 0, most = 0;
  for (const name of ["b.demo", "c.demo", "d.demo"]) {
    bed.peer({
      instead: async (request) => {
        if (request.startsWith("HELLO")) most = Math.max(most, ++active);
        await new Promise((r) => setTimeout(r, 2));
        if (request.startsWith("SETIME")) active--;
      },
    }, name);
  }
  await bed.update({ onlyPeers: ["C.DEMO", "d.demo"], parallel: 1 });
  assert.equal(most, 1);
  assert.deepEqual(bed.dialled, ["d.demo", "c.demo"]);
  assert.deepEqual(await bed.dirty(), ["a -> b.demo", "a/f -> b.demo"]);
});

Deno.test("D 7.4.12 W 20.30 a failing peer is an error for that peer only", async () => {
  const text = "group g { host a.demo b.demo c.demo d.demo; key k; include @/a; }";
  const bed = new UpdateBed(text, { "a/f": "1" });
  await using _ = bed;
  await bed.check();
  bed.peer({}, "b.demo");
  bed.peer({
    instead: (request) => {
      if (request.startsWith("PUT reg")) throw brokenConnection();
    },
  }, "c.demo");
  await bed.update({ parallel: 1 }); // d.demo cannot be dialled
  assert.deepEqual(await bed.dirty(), ["a -> d.demo", "a/f -> c.demo", "a/f -> d.demo"]);
  assert.deepEqual(bed.lines(0), [
    "ERROR: Connection to c.demo lost: Cannot read: Connection reset by peer",
  ]);
  assert.equal(bed.lines(1).filter((l) => l.startsWith("Host stays in dirty")).length, 2);
});

Deno.test("D 7.4.13 a refused identification is one error, and ends nothing else", async () => {
  const text = `group g { host a.demo b.demo; key k; include @/a; }
    group h { host a.demo@other b.demo; key k; include @/b; }`;
  const bed = new UpdateBed(text, { "a/1": "", "a/2": "", "b/1": "" });
  await using _ = bed;
  await bed.check();
  const peer = bed.peer({
    instead: (request) => request === "HELLO a.demo" ? failed("Identification failed!") : undefined,
  });
  peer.directory(bed.name("b"));
  await bed.update();
  assert.equal(bed.reporter.errors, 1);
  assert.match(
    bed.lines(0)[0]!,
    /b\.demo did not accept my identification.*Identification failed!/,
  );
  assert.deepEqual(await bed.dirty(), ["a -> b.demo", "a/1 -> b.demo", "a/2 -> b.demo"]);
});

Deno.test("a mark that is set during the push is acted on before the end", async () => {
  const { bed } = await marked(GROUP, { "a/f": "1" }, {
    instead: async (request) => {
      if (!request.startsWith("PUT reg")) return;
      await bed.state.transaction((tx) => tx.mark([markFor(bed.name("a/f"), "b.demo")]));
    },
  });
  await using _ = bed;
  await bed.update();
  const asked = bed.log().filter((line) => line === "SIG a/f");
  assert.deepEqual([asked.length, await bed.dirty()], [2, []]);
});

Deno.test("a file that changes while it is sent is not taken over, and stays marked", async () => {
  const { bed, peer } = await marked(GROUP, { "a/f": "first" }, {
    instead: (request) => {
      if (request.startsWith("PUT reg")) Deno.writeTextFileSync(bed.path("a/f"), "other");
    },
  });
  await using _ = bed;
  await bed.update();
  assert.equal(peer.has(bed.name("a/f")), undefined);
  assert.deepEqual(bed.lines(0), [
    "ERROR: Updating a/f on b.demo failed: It changed while it was sent.",
  ]);
  assert.deepEqual(await bed.dirty(), ["a/f -> b.demo"]);
});

Deno.test("whatever call fails while sending, the peer gets the file whole or not at all", async () => {
  const content = "0123456789".repeat(2_000);
  let failures = 0;
  for (let n = 0, reached = true; reached; n++) {
    const { bed, peer } = await marked(GROUP, { "a/f": content });
    await using _ = bed;
    const run = await failsAt(n, () => bed.update());
    reached = run.reached;
    assert.equal(run.error, undefined);
    assert.ok([undefined, content].includes(peer.has(bed.name("a/f"))), `call ${n}`);
    if (peer.has(bed.name("a/f")) === undefined) {
      failures++;
      assert.ok(bed.reporter.errors > 0, `call ${n} ${run.calls[n]}`);
      assert.ok((await bed.dirty()).includes("a/f -> b.demo"));
    }
  }
  assert.ok(failures > 2);
});

Deno.test("W 20.32 rows for hosts and files that the configuration forgot are told", async () => {
  const { bed } = await marked(GROUP, { "a/f": "1", "a/g": "1" });
  await using _ = bed;
  bed.config = bed.parse("group g { host a.demo b.demo; key k; include @/a; exclude @/a/g; }");
  await bed.state.transaction((tx) => tx.mark([markFor(bed.name("a/f"), "gone.demo")]));
  await bed.update();
  assert.deepEqual(bed.lines(0), [
    "1 dirty rows are for gone.demo, a host of no group: not sent (csync2 -R removes them).",
    "1 dirty rows are in no group with b.demo any more: not sent (csync2 -R removes them).",
  ]);
  assert.deepEqual(bed.dialled, ["b.demo"]);
  assert.deepEqual(await bed.dirty(), ["a/f -> gone.demo", "a/g -> b.demo"]);
  await bed.update({ isRestricted: true, onlyPeers: ["gone.demo"] });
  assert.deepEqual(bed.lines(0), []);
});

Deno.test("W 20.23 a socket is not sent, and its mark goes", async () => {
  const { bed, peer } = await marked(GROUP, { "a/f": "1" });
  await using _ = bed;
  await bed.update();
  using _socket = Deno.listen({ transport: "unix", path: bed.path("a/s") });
  await bed.check();
  peer.isDisposed = false;
  await bed.update();
  assert.ok(!bed.log().some((l) => l.startsWith("PUT sock")));
  assert.match(bed.lines().join(), /File type \(mode=14\d{4}\) is not supported\./);
  assert.deepEqual(await bed.dirty(), []);
});

Deno.test("W 20.27 a check text that is only a beginning of ours is not equal", async () => {
  const { bed } = await marked(GROUP, { "a/f": "1" });
  await using _ = bed;
  const peer = bed.peer();
  peer.look = async (_key, _name, judge) => ({
    kind: "there",
    judged: await judge({ checkText: "v1", signature: (async function* () {})() }),
  });
  await bed.update();
  assert.ok(bed.log().includes("PUT reg a/f"));
});

Deno.test("D 7.3.4 a link whose target the peer does not tell is sent", async () => {
  const { bed } = await marked(GROUP, { "a/f": "1" });
  await using _ = bed;
  Deno.symlinkSync("elsewhere", bed.path("a/l"));
  await bed.check();
  const peer = bed.peer();
  peer.look = async (_key, _name, judge) => ({
    kind: "there",
    judged: await judge({
      checkText: "v1:mode=41471:uid=0:gid=0:type=lnk:target=",
      signature: (async function* () {})(),
    }),
  });
  await bed.update();
  assert.ok(bed.log().includes("PUT lnk a/l"), bed.log().join());
});

Deno.test("a signature that is none counts as another content, and everything is sent", async () => {
  const { bed } = await marked(GROUP, { "a/f": "content" });
  await using _ = bed;
  const peer = bed.peer();
  const garbage = async function* () {
    yield await Promise.resolve(new Uint8Array(100));
  };
  peer.look = async (_key, _name, judge) => ({
    kind: "there",
    judged: await judge({
      checkText: "v1:mtime=0:mode=33188:uid=0:gid=0:type=reg:size=7",
      signature: garbage(),
    }),
  });
  let sent = 0;
  peer.put = async (_key, _name, _want, delta) => {
    for await (const piece of (await delta?.(garbage()))?.bytes ?? []) sent += piece.length;
    return { kind: "done" };
  };
  await bed.update();
  assert.equal(sent, 4 + 1 + 7 + 1);
  assert.deepEqual(await bed.dirty(), []);
});

Deno.test("update() tells its progress: names in all, files and bytes done", async () => {
  const { bed } = await marked(GROUP, { "a/f": "12345", "a/g": "123" });
  await using _ = bed;
  await bed.update();
  const { steps } = bed.reporter;
  assert.equal(steps.find((s) => s.total !== undefined)?.total, 3);
  assert.equal(steps.reduce((sum, s) => sum + (s.files ?? 0), 0), 3);
  assert.equal(steps.reduce((sum, s) => sum + (s.bytes ?? 0), 0), 8);
});

Deno.test("update() stops after the file in hand", async () => {
  const stop = new AbortController();
  const { bed } = await marked(GROUP, { "a/f": "1", "a/g": "1" }, {
    instead: (request) => request.startsWith("PUT reg") ? stop.abort() : undefined,
  });
  await using _ = bed;
  await bed.update({ signal: stop.signal });
  assert.deepEqual(await bed.dirty(), ["a/g -> b.demo"]);
});

Deno.test("update() of many files settles all of them, in few transactions", async () => {
  const spec: Record<string, string> = {};
  for (let at = 0; at < 350; at++) spec[`a/f${at}`] = `${at}`;
  const { bed, peer } = await marked(GROUP, spec);
  await using _ = bed;
  let transactions = 0;
  const { state } = bed;
  const original = state.transaction.bind(state);
  state.transaction = (work) => (transactions++, original(work));
  await bed.update();
  assert.deepEqual(await bed.dirty(), []);
  assert.equal(peer.objects.size, 351);
  assert.ok(transactions <= 5, `${transactions}`);
});
