import { deepStrictEqual as equal } from "node:assert/strict";
import {
  type DbName,
  type HostName,
  nanos,
  NOTHING_IGNORED,
  type Present,
  storedCheckText,
} from "../model/mod.ts";
import { checkStep, type CheckStepOptions } from "./check_step.ts";
import { isSameObject, type SameObjectFacts } from "./same_object.ts";

const name = "/F" as DbName, a = "a" as HostName, c = "c" as HostName;
const meta = { uid: 1, gid: 2, mode: 0o100644, mtime: nanos(1_600_000_000_000_000_001n) };
const options: CheckStepOptions = { name, time: "seconds", ignored: NOTHING_IGNORED };
const F1: Present = { kind: "reg", meta, size: 1 };
const WHOLE: Present = { ...F1, meta: { ...meta, mtime: nanos(1_600_000_000_000_000_000n) } };
const D: Present = { kind: "dir", meta: { ...WHOLE.meta, mode: 0o040755 } };
const CHR: Present = { kind: "chr", meta: { ...meta, mode: 0o020600 }, rdev: 259 };
const LNK: Present = { kind: "lnk", meta: { ...meta, mode: 0o120777 }, target: "x" };
const FIFO: Present = { kind: "fifo", meta: { ...meta, mode: 0o010600 } };

/** Equal, recorded and without marks. */
function facts(seen: Present, more: Partial<SameObjectFacts> = {}): SameObjectFacts {
  const { record } = checkStep(seen, undefined, options);
  return { offered: { here: seen, isCurrent: true }, seen, record, marked: [], peer: a, ...more };
}
const offering = (here: Present, seen: Present = F1) =>
  facts(seen, { offered: { here, isCurrent: true } });
const moved = (entry: Present): Present => ({
  ...entry,
  meta: { ...entry.meta, mtime: nanos(7n) },
});

const CASES: readonly (readonly [string, boolean, SameObjectFacts])[] = [
  ["equal files", true, facts(F1)],
  ["equal directories", true, facts(D)],
  ["equal devices", true, facts(CHR)],
  ["equal links", true, facts(LNK)],
  ["equal pipes", true, facts(FIFO)],
  ["another time", false, offering(WHOLE)],
  ["another size", false, offering({ ...F1, size: 2 })],
  ["another kind", false, offering(D)],
  ["another device", false, offering({ ...CHR, rdev: 1 }, CHR)],
  ["another target", false, offering({ ...LNK, target: "y" }, LNK)],
  ["a link of another time", true, offering(moved(LNK), LNK)],
  ["a directory of another time", false, offering(moved(D), D)],
  ["a pipe of another time", false, offering(moved(FIFO), FIFO)],
  ["no record here", false, facts(F1, { record: undefined })],
  ["a record of something else here", false, { ...facts(F1), record: facts(CHR).record }],
  ["no current record there", false, facts(F1, { offered: { here: F1, isCurrent: false } })],
  [
    "a record without a fraction",
    false,
    facts(F1, { record: { name, stored: storedCheckText(F1, options) } }),
  ],
  ["a mark for the peer", false, facts(F1, { marked: [a] })],
  ["a mark for the peer, time in whole seconds", false, facts(WHOLE, { marked: [a] })],
  ["whole seconds", false, facts(WHOLE)],
  ["a directory with a mark for the peer", true, facts(D, { marked: [a] })],
  ["a link with a mark for the peer", true, facts(LNK, { marked: [a] })],
  ["a mark for another host", false, facts(F1, { marked: [c] })],
  ["marks for both", false, facts(F1, { marked: [a, c] })],
];
for (const [what, wanted, given] of CASES) {
  Deno.test(`isSameObject() ${what}: ${wanted}`, () => equal(isSameObject(given, options), wanted));
}

Deno.test("isSameObject() compares what is not ignored", () => {
  const other = { ...F1, meta: { ...meta, uid: 9, gid: 9, mode: 0o100600 } };
  const ignored = { uid: true, gid: true, mod: true };
  const { record } = checkStep(F1, undefined, { ...options, ignored });
  equal(isSameObject({ ...offering(other), record }, { ...options, ignored }), true);
  for (const part of ["uid", "gid", "mod"] as const) {
    const less = { ...ignored, [part]: false };
    const { record } = checkStep(F1, undefined, { ...options, ignored: less });
    equal(isSameObject({ ...offering(other), record }, { ...options, ignored: less }), false, part);
  }
});
