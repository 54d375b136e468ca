import assert from "node:assert/strict";
import { Bed } from "../../tests/support/journey_bed.ts";
import { pathOf } from "./targets.ts";

Deno.test("D 7.2.9 pathOf() takes a name with a prefix, unless there is such a file", async () => {
  await using bed = new Bed(
    "group g { host a.demo b.demo; key k; include %p%; } prefix p { on *: @/t; }",
    {
      "t/x": "",
      "here/%p%/x": "",
      "else/": "",
    },
  );
  for (
    const [directory, paths] of [
      ["else", { "%p%/x": "t/x", "%p%/x/": "t/x", "%p%": "t", "%p%/new": "t/new" }],
      ["else", { "%p%/../x": "else/x", "%q%/x": "else/%q%/x", "%p": "else/%p", "x": "else/x" }],
      ["here", { "%p%/x": "here/%p%/x", "%p%": "here/%p%", "%p%/new": "t/new" }],
    ] as const
  ) {
    for (const [argument, path] of Object.entries(paths)) {
      assert.equal(
        pathOf(argument, { ...bed, cwd: bed.path(directory) }),
        bed.path(path),
        argument,
      );
    }
  }
});
