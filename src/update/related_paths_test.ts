import assert from "node:assert/strict";
import { type DiskPath, isBelow } from "../model/mod.ts";
import { RelatedPaths } from "./related_paths.ts";

const path = (text: string) => ({ path: text as DiskPath });

Deno.test("RelatedPaths finds the same path, those above and those below", () => {
  const paths = new RelatedPaths<{ path: DiskPath }>();
  const [top, file, other, beside] = ["/a/b", "/a/b/c/d", "/a/b/c/e", "/a/bb"].map(path);
  assert.deepEqual(paths.add(file!), []);
  assert.deepEqual(paths.add(other!), []);
  assert.deepEqual(paths.add(beside!), []);
  assert.deepEqual(paths.add(top!), [file, other]);
  assert.deepEqual(paths.add(path("/a/b/x")), [top]);
  paths.delete(file!);
  assert.deepEqual(paths.add(path("/a/b/c")), [top, other]);
  paths.delete(top!);
  assert.deepEqual(paths.add(path("/a/b/y")), []);
  assert.equal(paths.add(path("/")).length, 5);
});

Deno.test("RelatedPaths: whoever waits for those it names waits for all that it is related to", () => {
  let seed = 5;
  const roll = (n: number) => (seed = (seed * 48_271) % 2_147_483_647) % n;
  const paths = new RelatedPaths<{ path: DiskPath }>();
  const going: { path: DiskPath; after: Set<unknown> }[] = [];
  for (let step = 0; step < 5_000; step++) {
    if (going.length > 12) paths.delete(going.shift()!);
    const depth = 1 + roll(4);
    const text = Array.from({ length: depth }, () => `/${"abc"[roll(3)]}`).join("");
    const one = { path: text as DiskPath, after: new Set<unknown>() };
    const isRelated = (other: typeof one) =>
      other.path === one.path || isBelow(other.path, one.path) || isBelow(one.path, other.path);
    const wanted = going.filter(isRelated);
    for (const other of paths.add(one)) {
      assert.ok(wanted.includes(other as typeof one));
      one.after.add(other);
      for (const earlier of (other as typeof one).after) one.after.add(earlier);
    }
    for (const other of wanted) assert.ok(one.after.has(other), `${other.path} before ${text}`);
    going.push(one);
  }
});
