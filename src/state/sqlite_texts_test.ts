import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { fromBytes, toBytes } from "../model/mod.ts";
import { asStored, type Value } from "./sqlite_texts.ts";

/** What the driver reads of a text with these bytes. */
function read(bytes: string): Value[][] {
  using db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE t (a, b)");
  db.prepare("INSERT INTO t VALUES (7, CAST(? AS TEXT))").run(toBytes(bytes));
  const rows = db.prepare("SELECT a, b, octet_length(b) FROM t").all();
  return rows.map((row) => Object.values(row) as Value[]);
}

const utf8 = (text: string) => fromBytes(new TextEncoder().encode(text));

for (
  const { name, bytes } of [
    { name: "plain text", bytes: "/a/b" },
    { name: "nothing", bytes: "" },
    { name: "UTF-8 of two to four bytes", bytes: utf8("/\u00e9\u20ac\u{1f600}") },
    { name: "a byte order mark", bytes: utf8("\ufeffx") },
  ]
) {
  Deno.test(`asStored() gives the bytes of ${name}`, () => {
    assert.deepEqual(asStored(read(bytes)), [["7", bytes]]);
  });
}

for (
  const { name, bytes } of [
    { name: "a NUL", bytes: "/a\0b" },
    { name: "a NUL at the end", bytes: "/a\0" },
    { name: "a byte that is no UTF-8", bytes: "/\xffa" },
    { name: "a surrogate", bytes: "/\xed\xa0\x80" },
    { name: "a long form of NUL", bytes: "/\xc0\x80" },
    { name: "the sign for what is no UTF-8", bytes: utf8("/\ufffd") },
  ]
) {
  Deno.test(`asStored() does not take a text with ${name} for what is stored`, () => {
    assert.equal(asStored(read(bytes)), undefined);
  });
}

Deno.test("asStored() gives nothing for NULL, and the bytes of a blob", () => {
  assert.deepEqual(asStored([[null, new Uint8Array([0xff, 0]), 2]]), [["", "\xff\0"]]);
});

Deno.test("asStored() leaves fractions to the database", () => {
  assert.equal(asStored([[1.5, "a", 1]]), undefined);
});
