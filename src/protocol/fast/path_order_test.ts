import assert from "node:assert/strict";
import fc from "fast-check";
import { PathOrder, type Place } from "./path_order.ts";

const PATHS = ["/", "/a", "/a/b", "/a/b/c", "/a/bc", "/d", "/d/e", "%p%", "%p%/x", "%p%/x/y"];

function areRelated(a: string, b: string): boolean {
  const below = (x: string, y: string) => y === "/" ? x.startsWith("/") : x.startsWith(`${y}/`);
  return a === b || below(a, b) || below(b, a);
}

Deno.test("property: PathOrder lets nobody pass whom he is related to, and holds up nobody else", () => {
  const path = fc.constantFrom(...PATHS);
  const step = fc.oneof(
    fc.record({ paths: fc.array(path, { minLength: 1, maxLength: 2 }) }),
    fc.record({ waits: fc.array(path, { maxLength: 3 }) }),
    fc.record({ ends: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const order = new PathOrder();
      interface Request {
        paths: string[];
        isOffer: boolean;
        place: Place;
        isReady: boolean;
      }
      let open: Request[] = [];
      const check = () => {
        open.forEach((request, at) => {
          const isHeldUp = open.slice(0, at).some((earlier) =>
            !earlier.isOffer &&
            earlier.paths.some((p) => request.paths.some((q) => areRelated(p, q)))
          );
          assert.equal(request.isReady, !isHeldUp);
        });
      };
      const end = (request: Request) => {
        open = open.filter((other) => other !== request);
        order.leave(request.place);
        check();
      };
      for (const step of steps) {
        if ("ends" in step) {
          const ready = open.filter(({ isReady }) => isReady);
          if (ready.length > 0) end(ready[step.ends % ready.length]!);
          continue;
        }
        const isOffer = "waits" in step, paths = isOffer ? step.waits : step.paths;
        const request = { paths, isOffer, isReady: false } as unknown as Request;
        const ready = () => {
          assert(!request.isReady);
          request.isReady = true;
        };
        request.place = isOffer ? order.wait(paths, ready) : order.enter(paths, ready);
        if (request.place.before === 0) request.isReady = true;
        open.push(request);
        check();
      }
      while (open.length > 0) end(open.find(({ isReady }) => isReady)!);
      assert.equal(order.size, 0);
    }),
    { numRuns: 400 },
  );
});

const later = () => {};

/** Everybody leaves when it is his turn; nothing is left then. */
function leaveAll(order: PathOrder, places: readonly Place[]): void {
  for (const place of places) {
    assert.equal(place.before, 0);
    order.leave(place);
  }
  assert.equal(order.size, 0);
}

Deno.test("PathOrder takes names of thousands of directories, which cost no more than others", () => {
  const order = new PathOrder(), places: Place[] = [];
  for (let n = 0; n < 512; n++) places.push(order.enter([`/${n}${"/a".repeat(8_000)}`], later));
  assert(order.size <= 512 * 32 + 1, `${order.size} paths`);
  assert(places.every(({ before }) => before === 0));
  const deep = `/7${"/a".repeat(8_001)}`;
  const behind = [order.enter([deep], later), order.enter([`/7`], later)];
  const offer = order.wait([deep, "/8/a"], later);
  assert.deepEqual(behind.map(({ before }) => before), [1, 1]);
  assert.equal(offer.before, 2);
  leaveAll(order, [...places, ...behind, offer]);
});

Deno.test("PathOrder: whoever waits for many does it once, however often he is told to", () => {
  const order = new PathOrder(), below: Place[] = [], above: Place[] = [];
  const names = (n: number) => Array.from({ length: 128 }, (_, k) => `/a/${n}-${k}`);
  for (let n = 0; n < 200; n++) below.push(order.enter(names(n), later));
  const again = Array.from({ length: 128 }, () => "/a");
  for (let n = 0; n < 200; n++) above.push(order.enter(again, later));
  const waits = above.reduce((sum, { before }) => sum + before, 0);
  assert(waits <= 2 * 200 * 128, `${waits} waits`);
  leaveAll(order, [...below, ...above]);
});

Deno.test("PathOrder: offers of what is above many wait for them together", () => {
  const order = new PathOrder(), below: Place[] = [], offers: Place[] = [];
  for (let n = 0; n < 20_000; n++) below.push(order.enter([`/a/${n}`], later));
  const rows = Array.from({ length: 512 }, (_, n) => n % 2 === 0 ? "/" : "/a");
  for (let n = 0; n < 500; n++) offers.push(order.wait(rows, later));
  const waits = offers.reduce((sum, { before }) => sum + before, 0);
  assert(waits <= 500 * (4_096 + 2 * 512), `${waits} waits`);
  const behind = order.enter(["/a/new"], later);
  leaveAll(order, [...below, ...offers, behind]);
});

Deno.test("PathOrder holds a limited number of paths, and keeps their order", () => {
  const order = new PathOrder(), places: Place[] = [];
  for (let n = 0; n < 20_000; n++) {
    places.push(order.enter([`/${n}${"/a".repeat(31)}`, `%p%/${n}`], later));
    assert(order.size <= 262_144 + 64);
  }
  assert.equal(places.at(-1)!.before > 0, true);
  leaveAll(order, places);
});

Deno.test("PathOrder keeps nothing above a path that somebody came in above of", () => {
  const order = new PathOrder(), none = () => {};
  const below = order.enter(["/a/b/c/d"], none), above = order.enter(["/a"], none);
  assert.deepEqual(below.nodes.map(({ parent }) => parent), [undefined]);
  assert.equal(above.before, 1);
  order.leave(below);
  assert.equal(above.before, 0);
  order.leave(above);
  assert.equal(order.size, 0);
});
