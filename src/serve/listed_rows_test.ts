import { deepStrictEqual as equal } from "node:assert/strict";
import type { DbName } from "../model/mod.ts";
import { shownText } from "./listed_rows.ts";

const CASES: [string, string, number | undefined, "seconds" | "nanos", string][] = [
  ["seconds stay", "v1%3Amtime=16%3Atype=fifo", 5, "seconds", "v1:mtime=16:type=fifo"],
  [
    "seconds get their fraction",
    "v1%3Amtime=16%3Atype=fifo",
    5,
    "nanos",
    "v1:mtime=16000000005:type=fifo",
  ],
  [
    "an unknown fraction is none",
    "v1%3Amtime=16%3Atype=fifo",
    undefined,
    "nanos",
    "v1:mtime=16000000000:type=fifo",
  ],
  [
    "nanoseconds are cut",
    "v1%3Amtime=1600000000999999999%3Atype=fifo",
    undefined,
    "seconds",
    "v1:mtime=1600000000:type=fifo",
  ],
  [
    "before 1970 it is rounded down",
    "v1%3Amtime=-1600000000000000001%3Atype=fifo",
    undefined,
    "seconds",
    "v1:mtime=-1600000001:type=fifo",
  ],
  ["directories have no time", "v1%3Amode=16877%3Atype=dir", 7, "nanos", "v1:mode=16877:type=dir"],
];
for (const [name, stored, subsecond, unit, wanted] of CASES) {
  Deno.test(`shownText() ${name}`, () => {
    const record = { name: "/x" as DbName, stored, ...(subsecond !== undefined && { subsecond }) };
    equal(shownText(record, unit), wanted);
  });
}
