import assert from "node:assert/strict";
import { runsOf } from "./chunks.ts";

const upTo = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => from + n);

Deno.test("runsOf() cuts numbers into runs without a gap and all others", () => {
  const numbers = [...upTo(101, 120), 50, ...upTo(1, 8).reverse(), 10, ...upTo(200, 206)];
  assert.deepEqual(runsOf(numbers), {
    runs: [[1, 8], [101, 120]],
    others: [10, 50, ...upTo(200, 206)],
  });
  assert.deepEqual(runsOf([]), { runs: [], others: [] });
});
