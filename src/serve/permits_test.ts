import { deepStrictEqual as equal } from "node:assert/strict";
import { Permits } from "./permits.ts";

Deno.test("Permits go to those who wait in their order, and come back once", async () => {
  const permits = new Permits(2);
  const first = await permits.take(), second = await permits.take();
  const order: string[] = [];
  const third = permits.take().then((permit) => (order.push("third"), permit));
  const fourth = permits.take().then((permit) => (order.push("fourth"), permit));
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  const held = await third;
  equal(order, ["third"]);
  second[Symbol.dispose]();
  await fourth;
  equal(order, ["third", "fourth"]);
  held[Symbol.dispose]();
  (await permits.take())[Symbol.dispose]();
});
