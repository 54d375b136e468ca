import assert from "node:assert/strict";
import fc from "fast-check";
import { isDbName, percentEncode } from "../model/mod.ts";
import { nameOf, rootOf } from "./rows.ts";

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

Deno.test("rootOf() leaves out rows that say nothing sensible", () => {
  const place = "type=ef53 device=8:1 inode=2 =x junk mountPoint=/a%20b";
  assert.deepEqual(rootOf(["/a", "itself", place]), {
    name: "/a",
    of: "itself",
    place: { mountPoint: "/a b", type: "ef53", device: "8:1", inode: "2" },
  });
  for (const row of [["/a/../b", "itself", place], ["/a", "other", place], ["/a", "itself", ""]]) {
    assert.equal(rootOf(row), undefined);
  }
});
