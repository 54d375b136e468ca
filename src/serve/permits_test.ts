import { deepStrictEqual as equal } from "node:assert/strict";
import { Permits, type Share } from "./permits.ts";

/** Takes until it would wait; the one that waits stays in the queue. */
async function takeAll(share: Share): Promise<Disposable[]> {
  const taken: Disposable[] = [];
  while (true) {
    let isHere = false;
    const next = share.take().then((permit) => {
      isHere = true;
      taken.push(permit);
    });
    await Promise.race([next, turns()]);
    if (!isHere) return taken;
  }
}

/** Longer than anything takes that waits for nobody. */
async function turns(): Promise<void> {
  for (let n = 0; n < 20; n++) await undefined;
}

function dispose(permits: Iterable<Disposable>): void {
  for (const permit of permits) permit[Symbol.dispose]();
}

Deno.test("Permits go to those who wait in their order, and come back once", async () => {
  const share = new Permits(2).share(); // its own, and half of the others
  const first = await share.take(), second = await share.take();
  const order: string[] = [];
  const third = share.take().then((permit) => (order.push("third"), permit));
  const fourth = share.take().then((permit) => (order.push("fourth"), permit));
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  const held = await third;
  equal(order, ["third"]);
  second[Symbol.dispose]();
  await fourth;
  equal(order, ["third", "fourth"]);
  held[Symbol.dispose]();
  (await share.take())[Symbol.dispose]();
});

Deno.test("Permits: who takes all he can leaves as many to others, and everybody has one", async () => {
  const permits = new Permits(256);
  const counts: number[] = [];
  for (let n = 0; n < 12; n++) counts.push((await takeAll(permits.share())).length);
  equal(counts, [129, 65, 33, 17, 9, 5, 3, 2, 2, 1, 1, 1]);
});

Deno.test("Permits: what comes back goes to those who have less", async () => {
  const permits = new Permits(8);
  const greedy = permits.share(), other = permits.share();
  const held = await takeAll(greedy);
  equal(held.length, 5);
  const few = await takeAll(other);
  equal(few.length, 3);
  dispose(held.slice(0, 2)); // 4 are free now, of which the greedy one has 2, and waits for more
  await turns();
  equal(held.length, 6);
  equal(few.length, 4);
});

Deno.test("Permits: a share without others has one, and no more", async () => {
  const permits = new Permits(0), first = permits.share(), second = permits.share();
  equal((await takeAll(first)).length, 1);
  equal((await takeAll(second)).length, 1);
});

Deno.test("Permits: takeMore() takes what is free, passes nobody, and gives all back once", async () => {
  const permits = new Permits(8);
  const one = permits.share(), other = permits.share();
  using first = await one.take();
  const few = one.takeMore(3), rest = one.takeMore(100);
  equal([few.count, rest.count], [3, 1]); // five of its own by now: four are left for others
  const others = await takeAll(other); // one of them waits now
  equal(others.length, 3);
  equal([one.takeMore(1).count, other.takeMore(1).count], [0, 0]);
  few[Symbol.dispose]();
  few[Symbol.dispose]();
  rest[Symbol.dispose]();
  first[Symbol.dispose]();
  await turns();
  dispose(others);
  equal((await takeAll(permits.share())).length, 5);
});
