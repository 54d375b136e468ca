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
