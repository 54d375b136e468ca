import assert from "node:assert/strict";
import { Neighbours } from "./neighbours.ts";
import type { Query, SqlValue } from "./sql_connection.ts";

const BETWEEN_QUERY: Query = { purpose: "p", columns: ["text", "key"], rest: "" };
const QUERY: Query = { ...BETWEEN_QUERY, between: BETWEEN_QUERY };

/** A table of texts by key, and what it was asked. */
function table(rows: readonly (readonly [text: string, key: SqlValue])[]) {
  const asked: string[] = [];
  const texts = rows.map(([text, key]) => [text, String(key)]);
  const neighbours = new Neighbours({
    select: (_query, [from, to, limit]) => {
      asked.push("between");
      const inRange = rows.map((_, n) => n)
        .filter((n) => rows[n]![1] >= from! && rows[n]![1] <= to!);
      return inRange.slice(0, Number(limit)).map((n) => texts[n]!);
    },
    many: (_query, tuples) => {
      asked.push("many");
      return tuples.map(([key]) => texts.filter((_, n) => rows[n]![1] === key));
    },
  });
  const rowsOf = (...keys: SqlValue[]) =>
    neighbours.rowsOf(QUERY, keys.map((key) => [key])).map((found) => found.map(([text]) => text));
  return { asked, rowsOf };
}

const keys = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => `k${1_000 + from + n}`);
const ALL = keys(0, 900).map((key) => [`t${key}`, key] as const);

Deno.test("Neighbours reads from the first value to the last, in any order", () => {
  const { asked, rowsOf } = table(ALL);
  const some = keys(100, 150);
  assert.deepEqual(rowsOf(...some), some.map((key) => [`t${key}`]));
  assert.deepEqual(rowsOf(...some.toReversed()), some.toReversed().map((key) => [`t${key}`]));
  const none = some.flatMap((key) => [`${key}x`, key]);
  assert.deepEqual(rowsOf(...none), some.flatMap((key) => [[], [`t${key}`]]));
  assert.deepEqual(asked, ["between", "between", "between"]);
});

Deno.test("Neighbours asks for a few values by themselves", () => {
  const { asked, rowsOf } = table(ALL);
  assert.deepEqual(rowsOf("k1001x", "k1001", "k9", "a"), [[], ["tk1001"], [], []]);
  assert.deepEqual(asked, ["many"]);
});

Deno.test("Neighbours goes on behind a gap, and gives up where there are nothing but gaps", () => {
  const { asked, rowsOf } = table(ALL);
  const two = [...keys(0, 4), ...keys(500, 564)];
  assert.deepEqual(rowsOf(...two), two.map((key) => [`t${key}`]));
  assert.deepEqual(asked.splice(0), ["between", "between"]);
  const far = keys(0, 900).filter((_, n) => n % 30 === 0);
  assert.deepEqual(rowsOf(...far), far.map((key) => [`t${key}`]));
  assert.deepEqual(asked.splice(0), ["between", "between", "many"]);
  for (let n = 0; n < 8; n++) rowsOf(...keys(0, 20));
  assert.deepEqual(asked.splice(0), new Array(8).fill("many"));
  rowsOf(...keys(0, 20));
  assert.deepEqual(asked, ["between"]);
});

Deno.test("Neighbours finds all rows of a value, also of the last one of a page", () => {
  const rows = keys(0, 30).flatMap((key) =>
    Array.from({ length: 7 }, (_, n) => [`${key}-${n}`, key] as const)
  );
  const { asked, rowsOf } = table(rows);
  for (let to = 16; to <= 30; to++) {
    const some = keys(0, to);
    const want = some.map((key) => Array.from({ length: 7 }, (_, n) => `${key}-${n}`));
    assert.deepEqual(rowsOf(...some), want, `${to}`);
  }
  assert.ok(asked.includes("between"));
  const one = table(Array.from({ length: 99 }, (_, n) => [`${n}`, "k1000"] as const));
  const first = Array.from({ length: 99 }, (_, n) => `${n}`);
  assert.deepEqual(one.rowsOf(...keys(0, 20)), [first, ...new Array(19).fill([])]);
  assert.deepEqual(one.asked, ["between", "many"]);
});

Deno.test("Neighbours compares numbers as numbers, and takes what is there twice for no neighbours", () => {
  const numbers = Array.from({ length: 20 }, (_, n) => 90 + n);
  const { asked, rowsOf } = table(numbers.map((number) => [`t${number}`, number] as const));
  assert.deepEqual(rowsOf(...numbers), numbers.map((number) => [`t${number}`]));
  const twice = numbers.map(() => 95);
  assert.deepEqual(rowsOf(...twice), twice.map(() => ["t95"]));
  assert.deepEqual(asked, ["between", "many"]);
});
