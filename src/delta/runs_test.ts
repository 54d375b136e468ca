import assert from "node:assert/strict";
import { Runs } from "./runs.ts";

Deno.test("Runs keeps what was added, in order, beyond its first room", () => {
  const runs = new Runs(32_768);
  const copies = Array.from({ length: 1000 }, (_, i) => ({
    source: i * 2 ** 40,
    basis: 2 ** 52 - i,
    length: i + 1,
  }));
  for (const copy of copies) runs.add(copy);
  assert.equal(runs.count, 1000);
  assert.deepEqual([...runs], copies);
  assert.throws(() => runs.at(1000), RangeError);
});

Deno.test("Runs drops the shortest copies when there are too many", () => {
  const runs = new Runs(32_768, 100);
  for (let i = 0; i < 10_000; i++) {
    const length = i % 10 === 0 ? 1000 : 10;
    runs.add({ source: i * 1000, basis: 0, length });
    assert(runs.count <= 100);
  }
  const kept = [...runs];
  assert(kept.length >= 50);
  assert(kept.every(({ length }) => length === 1000));
  for (let i = 1; i < kept.length; i++) assert(kept[i]!.source > kept[i - 1]!.source);
});

Deno.test("Runs keeps the long copies among many short ones", () => {
  const runs = new Runs(32_768, 64);
  for (let i = 0; i < 5000; i++) {
    runs.add({ source: i * 10_000, basis: 0, length: i % 500 === 0 ? 9000 : 1 + i % 7 });
  }
  assert.equal([...runs].filter(({ length }) => length === 9000).length, 10);
});

Deno.test("Runs refuses a limit without any copy", () => {
  assert.throws(() => new Runs(32_768, 0), RangeError);
});
