/** What a name may be, and the order of names. */
import assert from "node:assert/strict";
import {
  type DbName,
  dbName,
  diskPath,
  isBelow,
  isDbName,
  isName,
  join,
  leaf,
  nameOrder,
  parent,
} from "./path.ts";

const name = (text: string) => text as DbName;

Deno.test("isDbName() takes rooted names with proper components", () => {
  for (
    const good of ["/", "/a", "/a/b", "/.a", "/...", "/a b\n", "/\xff", "%p%", "%p%/a", "%a b%/x"]
  ) {
    assert.ok(isDbName(good), good);
    assert.equal(dbName(good), good);
  }
});

Deno.test("W 20.16 isDbName() refuses dots, empty parts, relative names, slashes at the end, NUL", () => {
  const bad = [
    "",
    "a",
    "a/b",
    ".",
    "..",
    "//",
    "//a",
    "/a//b",
    "/a/",
    "/.",
    "/..",
    "/a/.",
    "/a/..",
    "/a/../b",
    "/a/./b",
    "/a\0",
    "\0",
    "%p",
    "%p%a",
    "%%",
    "%%/a",
    "%p%/",
    "%p%/..",
    "%p%/../x",
    "%p%//a",
    "%a/b%",
    "%a/b%/c",
    "x%p%/a",
    " /a",
    "%p%x%/a",
  ];
  for (const text of bad) {
    assert.equal(isDbName(text), false, JSON.stringify(text));
    assert.throws(() => dbName(text), RangeError);
  }
});

Deno.test("isName() takes one component only", () => {
  for (const good of ["a", ".a", "...", " ", "\n", "%p%"]) assert.ok(isName(good));
  for (const bad of ["", ".", "..", "a/b", "/", "a\0"]) assert.equal(isName(bad), false);
});

Deno.test("diskPath() takes canonical absolute paths only", () => {
  for (const good of ["/", "/a", "/a/b", "/%p%"]) assert.equal(diskPath(good), good);
  for (const bad of ["", "a", "/a/", "//", "/a/..", "/./a", "%p%"]) {
    assert.throws(() => diskPath(bad), RangeError, bad);
  }
});

Deno.test("join(), parent() and leaf() fit together", () => {
  const rows: readonly (readonly [string, string, string])[] = [
    ["/", "a", "/a"],
    ["/a", "b", "/a/b"],
    ["%p%", "a", "%p%/a"],
    ["%p%/a", "b", "%p%/a/b"],
  ];
  for (const [dir, part, whole] of rows) {
    assert.equal(join(name(dir), part), whole);
    assert.equal(parent(name(whole)), dir);
    assert.equal(leaf(name(whole)), part);
  }
  for (const top of ["/", "%p%"]) {
    assert.equal(parent(name(top)), undefined);
    assert.equal(leaf(name(top)), top);
  }
});

Deno.test("isBelow() is strict, and knows components", () => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ["/a/b", "/a", true],
    ["/a/b/c", "/a", true],
    ["/a", "/a", false],
    ["/ab", "/a", false],
    ["/", "/", false],
    ["/a", "/", true],
    ["%p%/a", "/", false],
    ["%p%/a", "%p%", true],
    ["%p%", "%p%", false],
    ["/a", "%p%", false],
  ];
  for (const [below, dir, want] of rows) {
    assert.equal(isBelow(name(below), name(dir)), want, `${below} below ${dir}`);
  }
});

Deno.test("nameOrder() is the byte order of encoded names (D 4.4)", () => {
  const sorted = ["f!", "f#", "f b", "f$", "f%", "f:x", "f&", "f.t", "f;"].map((f) =>
    name(`/${f}`)
  );
  assert.deepEqual(sorted.toReversed().sort(nameOrder), sorted);
  const tree = ["/a", "/a.x", "/a/b", "/a0"].map(name);
  assert.deepEqual(tree.toReversed().sort(nameOrder), tree);
  assert.equal(nameOrder(name("/a"), name("/a")), 0);
});
