import { equal } from "node:assert/strict";
import { Budget } from "./budget.ts";

Deno.test("Budget gives everybody the same part, and no more than there is", () => {
  const budget = new Budget(1_200);
  const first = budget.take();
  equal(first.bytes, 1_200);
  const others = Array.from({ length: 3 }, () => budget.take());
  for (const part of [first, ...others]) equal(part.bytes, 300);
  others[0]![Symbol.dispose]();
  others[0]![Symbol.dispose]();
  equal(first.bytes, 400);
});
