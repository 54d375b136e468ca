import assert from "node:assert/strict";
import fc from "fast-check";
import { isDbName, percentEncode } from "../model/mod.ts";
import { nameOf } from "./rows.ts";

Deno.test("nameOf() takes exactly what is a database name", () => {
  const pieces = fc.constantFrom("/", "%", "%p%", "a", ".", "..", ".a", "\0", "%%", "//", " ");
  const names = fc.array(pieces, { maxLength: 7 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(names, (name) => {
      assert.equal(nameOf(percentEncode(name)), isDbName(name) ? name : undefined);
    }),
    { numRuns: 3_000 },
  );
});
