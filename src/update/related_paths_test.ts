import assert from "node:assert/strict";
import { type DiskPath, isBelow } from "../model/mod.ts";
import { RelatedPaths } from "./related_paths.ts";

const path = (text: string) => ({ path: text as DiskPath });

function related<T extends { readonly path: DiskPath }>() {
  const paths = new RelatedPaths<T>();
  return {
    paths,
    add: (one: T) => paths.add(one, one.path),
    remove: (one: T) => paths.delete(one, one.path),
  };
}

Deno.test("RelatedPaths finds the same path, those above and those below", () => {
  const { add, remove } = related<{ path: DiskPath }>();
  const [top, file, other, beside] = ["/a/b", "/a/b/c/d", "/a/b/c/e", "/a/bb"].map(path);
  assert.deepEqual(add(file!), []);
  assert.deepEqual(add(other!), []);
  assert.deepEqual(add(beside!), []);
  assert.deepEqual(add(top!), [file, other]);
  assert.deepEqual(add(path("/a/b/x")), [top]);
  remove(file!);
  assert.deepEqual(add(path("/a/b/c")), [top, other]);
  remove(top!);
  assert.deepEqual(add(path("/a/b/y")), []);
  assert.equal(add(path("/")).length, 5);
});

Deno.test("RelatedPaths: whoever waits for those it names waits for all that it is related to", () => {
  let seed = 5;
  const roll = (n: number) => (seed = (seed * 48_271) % 2_147_483_647) % n;
  const { add, remove } = related<{ path: DiskPath }>();
  const going: { path: DiskPath; after: Set<unknown> }[] = [];
  for (let step = 0; step < 5_000; step++) {
    if (going.length > 12) remove(going.shift()!);
    const depth = 1 + roll(4);
    const text = Array.from({ length: depth }, () => `/${"abc"[roll(3)]}`).join("");
    const one = { path: text as DiskPath, after: new Set<unknown>() };
    const isRelated = (other: typeof one) =>
      other.path === one.path || isBelow(other.path, one.path) || isBelow(one.path, other.path);
    const wanted = going.filter(isRelated);
    for (const other of add(one)) {
      assert.ok(wanted.includes(other as typeof one));
      one.after.add(other);
      for (const earlier of (other as typeof one).after) one.after.add(earlier);
    }
    for (const other of wanted) assert.ok(one.after.has(other), `${other.path} before ${text}`);
    going.push(one);
  }
});

Deno.test("RelatedPaths knows whether a path is free", () => {
  const { paths, add, remove } = related<{ path: DiskPath }>();
  const isFree = (text: string) => paths.isFree(text as DiskPath);
  const [file, other] = ["/a/b/c", "/a/b/d"].map(path);
  add(file!);
  add(other!);
  assert.deepEqual(["/", "/a", "/a/b", "/a/b/c", "/a/b/d"].map(isFree), Array(5).fill(false));
  assert.deepEqual(["/a/b/c/x", "/a/bb", "/a/b/e"].map(isFree), [true, true, true]);
  remove(file!);
  assert.deepEqual([isFree("/a/b/c"), isFree("/a/b")], [true, false]);
  remove(other!);
  assert.deepEqual(["/", "/a", "/a/b", "/a/b/d"].map(isFree), Array(4).fill(true));
});
