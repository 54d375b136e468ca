import assert from "node:assert/strict";
import { type FakePeerOptions, markFor } from "../../tests/support/fake_peer.ts";
import { fifo, link } from "../../tests/support/tree.ts";
import { GROUP, marked } from "../../tests/support/update_bed.ts";
import { failed, type Refusal } from "../model/mod.ts";

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

Deno.test("update() behind a check tells of what came after it and goes before the next one", async () => {
  const { bed, peer } = await marked(GROUP, { "a/g": "was" });
  await using _ = bed;
  await bed.update();
  bed.tree.remove("a/g");
  await bed.check();
  bed.tree.make({ "a/g": "for a moment" });
  peer.isDisposed = false;
  await bed.update({ isChecked: true });
  assert.equal(peer.has(bed.name("a/g")), "for a moment");
  bed.tree.remove("a/g");
  await bed.check();
  peer.isDisposed = false;
  await bed.update({ isChecked: true });
  assert.equal(peer.has(bed.name("a/g")), undefined);
  assert.deepEqual(await bed.dirty(), []);
});

Deno.test("update() of what was marked by hand: the next check misses it when it has gone", async () => {
  const { bed, peer } = await marked(GROUP, { "a/g": "was" });
  await using _ = bed;
  await bed.update();
  bed.tree.make({ "a/new": "for a moment" });
  const mark = markFor(bed.name("a/new"), "b.demo");
  await bed.state.transaction((tx) => tx.mark([mark]));
  peer.isDisposed = false;
  await bed.update();
  assert.equal(peer.has(bed.name("a/new")), "for a moment");
  assert.deepEqual(await bed.dirty(), []);
  bed.tree.remove("a/new");
  await bed.check();
  peer.isDisposed = false;
  await bed.update();
  assert.equal(peer.has(bed.name("a/new")), undefined);
  assert.deepEqual(await bed.dirty(), []);
  await bed.check();
  assert.deepEqual(await bed.dirty(), []);
});

Deno.test("update() of several peers has no more contents under way than it may, and one of each", async () => {
  const spec = Object.fromEntries(
    Array.from({ length: 12 }, (_, n) => [`a/${n}`, "x".repeat(100)]),
  );
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  let underWay = 0;
  const wanted: [() => boolean, () => void][] = [];
  const options: FakePeerOptions = {
    maxOffers: 64,
    window: 64,
    instead: async (request) => {
      if (!request.startsWith("PUT reg")) return;
      underWay++;
      for (const [isSo, tell] of wanted) if (isSo()) tell();
      await go;
    },
  };
  const group = GROUP.replace("b.demo", "b.demo c.demo d.demo");
  const { bed } = await marked(group, spec, options);
  await using _ = bed;
  for (const name of ["c.demo", "d.demo"]) bed.peer(options, name);
  const three = new Promise<void>((tell) => wanted.push([() => underWay === 9, tell]));
  const updating = bed.update({ contentBytes: 750 });
  await three; // of each peer three: 250 bytes, and the rest of a row
  await new Promise((turn) => setTimeout(turn, 10));
  assert.equal(underWay, 9);
  release();
  await updating;
  assert.equal(underWay, 36);
  assert.deepEqual([await bed.dirty(), bed.reporter.errors], [[], 0]);
  const again = [...bed.peers].flatMap(([host, peer]) => {
    peer.isDisposed = false;
    return ["a/0", "a/1"].map((file) => {
      peer.file(bed.name(file), "other");
      return markFor(bed.name(file), host);
    });
  });
  await bed.state.transaction((tx) => tx.mark(again));
  await bed.update({ contentBytes: 1 });
  assert.equal(underWay, 42);
});
