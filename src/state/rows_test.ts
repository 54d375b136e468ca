import assert from "node:assert/strict";
import fc from "fast-check";
import { type DbName, isDbName, percentEncode, storedInUnit } from "../model/mod.ts";
import { listedText, nameOf, recordOf, rootOf } from "./rows.ts";

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

Deno.test("listedText() says what storedInUnit() says of the record, whatever is in the column", () => {
  const times = [
    "",
    "0",
    "01",
    "7",
    "1600000000",
    "99999999999",
    "160000000012",
    "1600000000000000007",
    "-5",
    "1x",
  ];
  const ends = ["%3Asize=1", "%3Atarget=a%253A\xff", ":size=1", "%3", "", "%3A\x01", "%3A\n"];
  const additions = [
    "",
    "\0",
    "\0ns=",
    "\0ns=0",
    "\0ns=999999999",
    "\0ns=1234567890",
    "\0ns=-1",
    "\0ns=5 ",
    "\0ns=5\0ns=6",
    "\0xx=5",
    "\0ns=5\n",
  ];
  const name = "/a" as DbName;
  for (const start of ["v1%3Amtime=", "v1%3Amode=1%3Amtime=", "v1:mtime=", ""]) {
    for (const time of times) {
      for (const end of ends) {
        for (const addition of additions) {
          const text = start + time + end + addition;
          for (const unit of ["seconds", "nanos"] as const) {
            const want = storedInUnit(recordOf(name, text)!, unit);
            assert.equal(listedText(name, text, unit), want, JSON.stringify(text));
          }
        }
      }
    }
  }
});
