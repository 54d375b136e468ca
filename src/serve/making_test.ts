import { deepStrictEqual as equal } from "node:assert/strict";
import { nanos } from "../model/mod.ts";
import { type Bodiless, makingOf } from "./making.ts";

const meta = { uid: 3, gid: 4, mode: 0o644, mtime: nanos(5n) };

/** In words: `stops` when a failure ends it. */
function steps(want: Bodiless): string {
  const { create, rest, stopsAtFailure } = makingOf(want);
  return `${[create, ...rest].map(({ kind }) => kind).join(" ")}${stopsAtFailure ? ", stops" : ""}`;
}

const CASES: readonly (readonly [string, Bodiless])[] = [
  ["mkdir own mode mtime", { kind: "dir", meta }],
  ["mkdir own mode mtime, stops", { kind: "dir", meta: { ...meta, mode: 0o2755 } }],
  ["link own, stops", { kind: "lnk", meta, target: "x" }],
  ["node own mode mtime", { kind: "chr", meta, rdev: 259 }],
  ["node own mode mtime, stops", { kind: "blk", meta: { ...meta, mode: 0o4644 }, rdev: 1 }],
  ["fifo own mode mtime", { kind: "fifo", meta }],
  ["sock", { kind: "sock", meta }],
];
for (const [wanted, want] of CASES) {
  Deno.test(`makingOf() ${want.kind}: ${wanted}`, () => equal(steps(want), wanted));
}

Deno.test("makingOf() gives each step what it needs", () => {
  equal(makingOf({ kind: "chr", meta, rdev: 259 }), {
    create: { kind: "node", type: "chr", rdev: 259 },
    rest: [
      { kind: "own", uid: 3, gid: 4 },
      { kind: "mode", mode: 0o644 },
      { kind: "mtime", mtime: nanos(5n) },
    ],
    stopsAtFailure: false,
  });
  equal(makingOf({ kind: "dir", meta }).create, { kind: "mkdir", meta });
  equal(makingOf({ kind: "lnk", meta, target: "x" }).create, { kind: "link", target: "x" });
});
