import assert from "node:assert/strict";
import { failsAt } from "../../tests/support/fault.ts";
import { Bed } from "../../tests/support/journey_bed.ts";
import { MemoryReporter } from "../report/mod.ts";
import { locate } from "../config/mod.ts";
import { checkOne, isAsRecorded } from "./check_one.ts";

const GROUP = "group g { host a.demo b.demo c.demo; key k; include @/a; exclude *.no; }";
const BOTH = "group g { host a.demo b.demo; key k; include @/a %p%; } prefix p { on *: @/a; }";

async function one(bed: Bed, name: string): Promise<string[]> {
  bed.reporter = new MemoryReporter();
  await checkOne(bed, bed.name(name));
  return bed.marked();
}

Deno.test("checkOne() marks what appeared, changed and vanished, once each (W 13.1)", async () => {
  await using bed = new Bed(GROUP, { "a/f": "" });
  assert.deepEqual(await one(bed, "a/f"), ["a/f"]);
  assert.deepEqual(await bed.dirty(), ["a/f -> b.demo", "a/f -> c.demo"]);
  assert.deepEqual(await one(bed, "a/f"), []);
  bed.tree.make({ "a/f": "new" });
  assert.deepEqual(await one(bed, "a/f"), ["a/f"]);
  bed.tree.remove("a/f");
  assert.deepEqual(await one(bed, "a/f"), ["a/f"]);
  assert.deepEqual(await bed.recordNames(), []);
  assert.deepEqual(await one(bed, "a/f"), []);
});

Deno.test("checkOne() ignores names that no group includes and prefixes without a path", async () => {
  await using bed = new Bed(GROUP, { "a/f.no": "", b: "" });
  for (const name of ["a/f.no", "b", "%q%/x"]) assert.deepEqual(await one(bed, name), []);
  assert.deepEqual(await bed.recordNames(), []);
});

Deno.test("checkOne() is never recursive and makes no rows for directories above", async () => {
  await using bed = new Bed("group g { host a.demo b.demo; key k; include @/a/b; }", {
    "a/b/c": "",
  });
  assert.deepEqual(await one(bed, "a"), []);
  assert.deepEqual(await one(bed, "a/b"), ["a/b"]);
  assert.deepEqual(await bed.recordNames(), ["a/b"]);
});

Deno.test("checkOne() checks every name of the object", async () => {
  await using bed = new Bed(BOTH, { "a/f": "" });
  assert.deepEqual((await one(bed, "%p%/f")).sort(), ["%p%/f", "a/f"]);
  bed.tree.remove("a/f");
  assert.deepEqual((await one(bed, "a/f")).sort(), ["%p%/f", "a/f"]);
});

Deno.test("D 7.3.1 checkOne() reports what cannot be examined and leaves it alone", async () => {
  await using bed = new Bed(GROUP, { "a/f": "" });
  await one(bed, "a/f");
  await bed.clearDirty();
  await failsAt(0, () => one(bed, "a/f"), { errno: "EIO" });
  assert.equal(bed.reporter.errors, 1);
  assert.deepEqual([await bed.dirty(), await bed.recordNames()], [[], ["a/f"]]);
});

Deno.test("isAsRecorded() is true only where checkOne() finds nothing, under all names", async () => {
  await using bed = new Bed(BOTH, { "a/f": "", "b/f": "" });
  const known = async (name: string) => {
    const at = locate(bed.config, bed.name(name))!;
    return { seen: bed.jail.look(at), record: await bed.state.record(bed.name(name)) };
  };
  const is = async (name: string) => isAsRecorded(bed, bed.name(name), await known(name));
  assert.deepEqual([await is("a/f"), await is("a/none"), await is("b/f")], [false, false, true]);
  await one(bed, "a/f");
  // Of the other name it knows nothing without a question to the state.
  assert.deepEqual([await is("a/f"), await is("%p%/f")], [false, false]);

  await using plain = new Bed(GROUP, { "a/f": "", "a/f.no": "" });
  const isPlain = async (name: string) => {
    const at = locate(plain.config, plain.name(name))!;
    const record = await plain.state.record(plain.name(name));
    return isAsRecorded(plain, plain.name(name), { seen: plain.jail.look(at), record });
  };
  assert.deepEqual([await isPlain("a/f"), await isPlain("a/none")], [false, true]);
  assert.equal(await isPlain("a/f.no"), true);
  await one(plain, "a/f");
  assert.equal(await isPlain("a/f"), true);
  plain.tree.make({ "a/f": "new" });
  assert.equal(await isPlain("a/f"), false);
  plain.tree.remove("a/f");
  assert.equal(await isPlain("a/f"), false);
});
