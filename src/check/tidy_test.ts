import assert from "node:assert/strict";
import { Bed } from "../../tests/support/journey_bed.ts";
import type { HostName } from "../model/mod.ts";
import { MemoryReporter } from "../report/mod.ts";
import { tidy } from "./tidy.ts";

const run = async (bed: Bed) => {
  bed.reporter = new MemoryReporter();
  await tidy({ ...bed, config: bed.config, reporter: bed.reporter });
  return bed.lines();
};

Deno.test("D 7.3.15 tidy() removes marks and records that no group covers, descending", async () => {
  await using bed = new Bed("group g { host a.demo b.demo; key k; include @; }", {
    "x/y z": "",
    z: "",
  });
  await bed.check();
  bed.config = bed.parse("group g { host a.demo b.demo; key k; include @; exclude @/x; }");
  assert.deepEqual(await run(bed), [
    "Removing x/y%20z (b.demo) from dirty db.",
    "Removing x (b.demo) from dirty db.",
    "Removing x/y%20z from file db.",
    "Removing x from file db.",
  ]);
  assert.deepEqual(await bed.recordNames(), [".", "z"]);
  assert.deepEqual(await bed.dirty(), [". -> b.demo", "z -> b.demo"]);
  assert.deepEqual(await run(bed), []);
  // Old rows would come to life again with the exclude gone.
  bed.config = bed.parse("group g { host a.demo b.demo; key k; include @; }");
  bed.tree.remove("x");
  await bed.check();
  assert.deepEqual(bed.marked(), [], "their removal is no news");
});

Deno.test("tidy() removes the marks of peers that left, and keeps the records", async () => {
  await using bed = new Bed("group g { host a.demo b.demo; key k; include @; }", {});
  await bed.check();
  bed.config = bed.parse("group g { host a.demo c.demo; key k; include @; }");
  assert.deepEqual(await run(bed), ["Removing . (b.demo) from dirty db."]);
  assert.deepEqual([await bed.recordNames(), await bed.dirty()], [["."], []]);
});

Deno.test("D 7.4.14 tidy() keeps marks whose own name has a colon", async () => {
  await using bed = new Bed("group g { host a.demo@fe80::1 b.demo; key k; include @; }", {});
  await bed.check();
  for await (const rows of bed.state.dirtyRows()) {
    assert.deepEqual(rows.map((row) => row.myName), ["fe80::1" as HostName]);
  }
  assert.deepEqual(await run(bed), []);
  assert.deepEqual(await bed.dirty(), [". -> b.demo"]);
});

Deno.test("D 7.1.16 tidy() removes rows of a prefix without a path", async () => {
  await using bed = new Bed(
    "group g { host a.demo b.demo; key k; include %p%; } prefix p { on *: @; }",
    {},
  );
  await bed.check({ init: true });
  bed.config = bed.parse("group g { host a.demo b.demo; key k; include %p%; }");
  assert.deepEqual(await run(bed), ["Removing %25p%25 from file db."]);
  assert.deepEqual(await bed.recordNames(), []);
});
