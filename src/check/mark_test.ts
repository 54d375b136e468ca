import assert from "node:assert/strict";
import { Bed } from "../../tests/support/journey_bed.ts";
import { MemoryReporter } from "../report/mod.ts";
import { addHints, forcePaths, markPaths } from "./mark.ts";

const GROUP = "group g { host a.demo b.demo c.demo; key k; include @/a; }";
const PREFIXES = `group g { host a.demo b.demo; key k; include %p% %q%; }
  prefix p { on *: @/a; } prefix q { on *: @/a; }`;

const mark = (bed: Bed, names: string[], o: { recursive?: boolean; forced?: boolean } = {}) => {
  bed.reporter = new MemoryReporter();
  const targets = names.map((name) => bed.target(name, o.recursive ?? false));
  return markPaths({ ...bed, config: bed.config, targets, forced: o.forced ?? false });
};

Deno.test("markPaths() marks a name, existing or not, and warns of useless ones", async () => {
  await using bed = new Bed(GROUP, { "a/x/1": "" });
  await bed.check({ init: true });
  await mark(bed, ["a/x", "a/none", "b"]);
  assert.deepEqual(await bed.dirty(), [
    "a/none -> b.demo",
    "a/none -> c.demo",
    "a/x -> b.demo",
    "a/x -> c.demo",
  ]);
  assert.deepEqual(bed.lines(2), [
    "Marking file as dirty: a/x",
    "Marking file as dirty: a/none",
    "WARNING: Parameter will be ignored: b",
    "Not in one of my groups: b (NULL)",
  ]);
});

Deno.test("markPaths() marks what is known below with recursion", async () => {
  await using bed = new Bed(GROUP, { "a/x/1": "", "a/x.y": "" });
  await bed.check({ init: true });
  await mark(bed, ["a/x"], { recursive: true, forced: true });
  assert.deepEqual((await bed.dirty()).filter((d) => d.endsWith("b.demo")), [
    "!a/x -> b.demo",
    "!a/x/1 -> b.demo",
  ]);
  await mark(bed, ["/"], { recursive: true });
  assert.equal((await bed.dirty()).length, 8);
});

Deno.test("markPaths() and forcePaths() use the name of the last declared prefix", async () => {
  await using bed = new Bed(PREFIXES, { "a/1": "", "a/2": "" });
  await bed.check({ init: true });
  await mark(bed, ["a/1", "a/2"]);
  assert.deepEqual(await bed.dirty(), ["%q%/1 -> b.demo", "%q%/2 -> b.demo"]);
  await forcePaths({ ...bed, config: bed.config, targets: [bed.target("a/1", false)] });
  assert.deepEqual(await bed.dirty(), ["!%q%/1 -> b.demo", "%q%/2 -> b.demo"]);
  await forcePaths({ ...bed, config: bed.config, targets: [bed.target("a", true)] });
  assert.deepEqual(await bed.dirty(), ["!%q%/1 -> b.demo", "!%q%/2 -> b.demo"]);
});

Deno.test("addHints() stores paths as they are, each kind once", async () => {
  await using bed = new Bed(PREFIXES, {});
  const targets = [bed.target("a/x", false), bed.target("a/x", false), bed.target("a/x", true)];
  await addHints({ ...bed, config: bed.config, reporter: bed.reporter, targets });
  assert.deepEqual(await bed.state.hints(), [
    { path: bed.path("a/x"), recursive: false },
    { path: bed.path("a/x"), recursive: true },
  ]);
  await addHints({
    ...bed,
    config: bed.config,
    reporter: bed.reporter,
    targets: [bed.target("b")],
  });
  assert.deepEqual(bed.lines(), ["WARNING: Parameter will be ignored: b"]);
  assert.equal((await bed.state.hints()).length, 3);
});
