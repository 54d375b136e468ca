import { deepEqual, equal, rejects } from "node:assert/strict";
import type { DiskPath } from "../model/mod.ts";
import { type LockOptions, PathLocks } from "./path_locks.ts";

/** Takes locks in the order of the test, and tells in which order they were granted. */
class Script {
  readonly locks = new PathLocks();
  readonly granted: string[] = [];
  readonly #held = new Map<string, Disposable>();

  /** `label` names the claim in `granted` and for free(). */
  async ask(label: string, path: string, options: LockOptions = {}): Promise<void> {
    this.#held.set(label, await this.locks.take(path as DiskPath, options));
    this.granted.push(label);
  }

  async free(label: string): Promise<void> {
    this.#held.get(label)![Symbol.dispose]();
    await settle();
  }
}

/** Lets everything run that can run now. */
async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}

Deno.test("PathLocks gives different paths at once and one path in turn", async () => {
  const s = new Script();
  for (const [label, path] of [["a1", "/a"], ["b", "/b"], ["a2", "/a"], ["a3", "/a"]] as const) {
    void s.ask(label, path);
  }
  await settle();
  deepEqual(s.granted, ["a1", "b"]);
  await s.free("a1");
  deepEqual(s.granted, ["a1", "b", "a2"]);
  await s.free("a2");
  deepEqual(s.granted, ["a1", "b", "a2", "a3"]);
  await s.free("a3");
  await s.free("b");
  equal(s.locks.size, 0);
});

Deno.test("PathLocks: a subtree excludes what is in it, and nothing else", async () => {
  const s = new Script();
  void s.ask("tree", "/a", { below: true });
  void s.ask("itself", "/a");
  void s.ask("inside", "/a/b/c");
  void s.ask("neighbour", "/ab");
  void s.ask("smaller", "/a.x");
  void s.ask("above", "/");
  await settle();
  deepEqual(s.granted, ["tree", "neighbour", "smaller", "above"]);
  await s.free("tree");
  deepEqual(s.granted.slice(4), ["itself", "inside"]);
});

Deno.test("PathLocks: a subtree waits for everything in it, and later ones wait for it", async () => {
  const s = new Script();
  void s.ask("x", "/a/x");
  void s.ask("y", "/a/y/z");
  void s.ask("other", "/b");
  void s.ask("tree", "/a", { below: true });
  void s.ask("late", "/a/new");
  void s.ask("root", "/", { below: true });
  void s.ask("last", "/b/c");
  await settle();
  deepEqual(s.granted, ["x", "y", "other"]);
  await s.free("x");
  deepEqual(s.granted.length, 3);
  await s.free("y");
  deepEqual(s.granted.slice(3), ["tree"]);
  await s.free("tree");
  deepEqual(s.granted.slice(4), ["late"]);
  await s.free("late");
  await s.free("other");
  deepEqual(s.granted.slice(5), ["root"]);
  await s.free("root");
  deepEqual(s.granted.slice(6), ["last"]);
});

Deno.test("PathLocks: nested subtrees exclude each other", async () => {
  const s = new Script();
  void s.ask("inner", "/a/b", { below: true });
  void s.ask("outer", "/a", { below: true });
  void s.ask("again", "/a/b", { below: true });
  await settle();
  deepEqual(s.granted, ["inner"]);
  await s.free("inner");
  deepEqual(s.granted, ["inner", "outer"]);
  await s.free("outer");
  deepEqual(s.granted, ["inner", "outer", "again"]);
});

Deno.test("PathLocks: giving up a wait frees whoever waited behind", async () => {
  const s = new Script();
  const controller = new AbortController();
  void s.ask("first", "/a/x");
  const waiting = s.ask("tree", "/a", { below: true, signal: controller.signal });
  void s.ask("behind", "/a/y");
  await settle();
  deepEqual(s.granted, ["first"]);
  controller.abort(new Error("enough"));
  await rejects(waiting, { message: "enough" });
  await settle();
  deepEqual(s.granted, ["first", "behind"]);
  equal(s.locks.size, 2);
  await rejects(s.ask("no", "/z", { signal: controller.signal }), { message: "enough" });
  equal(s.locks.size, 2);
});

Deno.test("PathLocks: releasing twice releases nobody else", async () => {
  const locks = new PathLocks();
  const first = await locks.take("/a" as DiskPath);
  first[Symbol.dispose]();
  using _second = await locks.take("/a" as DiskPath);
  first[Symbol.dispose]();
  equal(locks.size, 1);
});

Deno.test("PathLocks: random claims never overlap, and all are granted", async () => {
  const locks = new PathLocks();
  const held = new Set<{ path: string; below: boolean }>();
  const random = sequence(42);
  const paths = ["/", "/a", "/a/b", "/a/b/c", "/a/c", "/ab", "/b"];
  const jobs = Array.from({ length: 400 }, async () => {
    const claim = { path: paths[random() % paths.length]!, below: random() % 3 === 0 };
    using _lock = await locks.take(claim.path as DiskPath, { below: claim.below });
    for (const other of held) equal(overlap(claim, other) || overlap(other, claim), false);
    held.add(claim);
    for (let i = random() % 5; i > 0; i--) await Promise.resolve();
    held.delete(claim);
  });
  await Promise.all(jobs);
  equal(locks.size, 0);
});

function overlap(a: { path: string; below: boolean }, b: { path: string }): boolean {
  return a.path === b.path || a.below && (a.path === "/" || b.path.startsWith(`${a.path}/`));
}

/** A small generator with a seed: the order of claims is the same in every run. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 16;
}

Deno.test("PathLocks.tryTake() takes what is free and never waits or overtakes", async () => {
  const locks = new PathLocks();
  const path = "/a/b" as DiskPath;
  const first = locks.tryTake(path)!;
  equal(locks.tryTake(path), undefined);
  const second = locks.take(path);
  first[Symbol.dispose]();
  equal(locks.tryTake(path), undefined, "another one was waiting");
  (await second)[Symbol.dispose]();
  const above = await locks.take("/a" as DiskPath, { below: true });
  equal(locks.tryTake(path), undefined);
  above[Symbol.dispose]();
  locks.tryTake(path)![Symbol.dispose]();
  equal(locks.size, 0);
});

Deno.test("PathLocks.isFree() is what tryTake() would find, without taking anything", async () => {
  const locks = new PathLocks();
  const free = (path: string) => locks.isFree(path as DiskPath);
  deepEqual([free("/a"), free("/")], [true, true]);
  {
    using _file = await locks.take("/a" as DiskPath);
    using _tree = await locks.take("/t" as DiskPath, { below: true });
    deepEqual(["/a", "/a/b", "/t", "/t/x/y", "/tt", "/"].map(free), [
      false,
      true,
      false,
      false,
      true,
      true,
    ]);
    equal(locks.size, 2);
  }
  deepEqual([free("/a"), free("/t/x")], [true, true]);
});

Deno.test("PathLocks.tryTakeEach() takes those in whose way there is nothing, each once", async () => {
  const locks = new PathLocks();
  const path = (text: string) => text as DiskPath;
  const held = locks.tryTake(path("/b"))!;
  const below = await locks.take(path("/d"), { below: true });
  const paths = ["/a", "/b", "/a", "/d/x", "/dx"].map(path);
  const taken = locks.tryTakeEach(paths);
  deepEqual(paths.map((_, n) => taken.isTaken(n)), [true, false, false, false, true]);
  equal(locks.tryTake(path("/a")), undefined);
  const waiting = locks.take(path("/dx"));
  taken[Symbol.dispose]();
  taken[Symbol.dispose]();
  (await waiting)[Symbol.dispose]();
  equal(locks.size, 2);
  held[Symbol.dispose]();
  below[Symbol.dispose]();
  equal(locks.size, 0);
});
