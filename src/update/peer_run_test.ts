import assert from "node:assert/strict";
import { brokenConnection, markFor } from "../../tests/support/fake_peer.ts";
import { failsAt } from "../../tests/support/fault.ts";
import { GROUP, marked, UpdateBed } from "../../tests/support/update_bed.ts";
import { failed } from "../model/mod.ts";

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
