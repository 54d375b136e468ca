import assert from "node:assert/strict";
import { Bed } from "../../tests/support/journey_bed.ts";
import { MemoryReporter } from "../report/mod.ts";
import { listCompared } from "./list_compared.ts";

const list = (bed: Bed, top: string, o: { recursive?: boolean; peers?: string[] } = {}) => {
  bed.reporter = new MemoryReporter();
  const { config, jail, reporter } = bed;
  const targets = [bed.target(top, o.recursive ?? true)];
  listCompared({ config, jail, reporter, targets, ...(o.peers && { peerFilter: o.peers }) });
  return bed.reporter.printed.map((name) => bed.short(name));
};

Deno.test("listCompared() prints a directory, then its entries descending", async () => {
  await using bed = new Bed(
    "group g { host a.demo b.demo; key k; include @/a; compare @/b; exclude *.no; }",
    { "a/x/1": "", "a/x.y": "", "a/f.no": "", "b/1": "", c: "" },
  );
  assert.deepEqual(list(bed, ""), ["b", "b/1", "a", "a/x.y", "a/x", "a/x/1"]);
  assert.deepEqual(list(bed, "a", { recursive: false }), ["a"]);
  assert.deepEqual(list(bed, "b/1", { recursive: false }), ["b/1"]);
  assert.deepEqual(list(bed, "", { peers: ["b.demo"] }).length, 6);
  assert.deepEqual(list(bed, "", { peers: ["c.demo"] }), []);
  assert.deepEqual(await bed.recordNames(), []);
});

Deno.test("D 7.2.10 listCompared() prints once when the path is a prefix's directory", async () => {
  await using bed = new Bed(
    "group g { host a.demo b.demo; key k; include @/a %p%; } prefix p { on *: @/a; }",
    { "a/1": "" },
  );
  assert.deepEqual(list(bed, "a"), ["%p%", "%p%/1", "a", "a/1"]);
  assert.deepEqual(list(bed, ""), ["%p%", "%p%/1", "a", "a/1"]);
});
