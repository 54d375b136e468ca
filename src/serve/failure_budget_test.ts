import { deepStrictEqual as equal } from "node:assert/strict";
import { FailureBudget } from "./failure_budget.ts";

Deno.test("FailureBudget lets ten failures a minute be told", () => {
  let now = 5;
  const budget = new FailureBudget({ now: () => now });
  const spend = (count: number) => Array.from({ length: count }, () => budget.spend());
  equal(spend(12), [...Array(9).fill("tell"), "last", "hide", "hide"]);
  now += 59_999;
  equal(spend(1), ["hide"]);
  now += 1;
  equal(spend(10), [...Array(9).fill("tell"), "last"]);
});
