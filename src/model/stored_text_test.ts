import { deepStrictEqual as equal } from "node:assert/strict";
import type { DbName } from "./path.ts";
import { storedInUnit } from "./stored_text.ts";

const CASES: [string, string, number | undefined, "seconds" | "nanos", string][] = [
  ["seconds stay", "v1%3Amtime=16%3Atype=fifo", 5, "seconds", "v1%3Amtime=16%3Atype=fifo"],
  [
    "seconds get their fraction",
    "v1%3Amtime=16%3Atype=fifo",
    5,
    "nanos",
    "v1%3Amtime=16000000005%3Atype=fifo",
  ],
  [
    "an unknown fraction is none",
    "v1%3Amtime=16%3Atype=fifo",
    undefined,
    "nanos",
    "v1%3Amtime=16000000000%3Atype=fifo",
  ],
  [
    "nanoseconds are cut",
    "v1%3Amtime=1600000000999999999%3Atype=fifo",
    undefined,
    "seconds",
    "v1%3Amtime=1600000000%3Atype=fifo",
  ],
  [
    "before 1970 it is rounded down",
    "v1%3Amtime=-1600000000000000001%3Atype=fifo",
    undefined,
    "seconds",
    "v1%3Amtime=-1600000001%3Atype=fifo",
  ],
  [
    "a time in 1970 has no leading zero",
    "v1%3Amtime=0%3Atype=fifo",
    5,
    "nanos",
    "v1%3Amtime=5%3Atype=fifo",
  ],
  [
    "eleven digits are seconds, twelve are not",
    "v1%3Amtime=99999999999%3Atype=fifo",
    7,
    "nanos",
    "v1%3Amtime=99999999999000000007%3Atype=fifo",
  ],
  [
    "twelve digits are nanoseconds",
    "v1%3Amtime=123456789012%3Atype=fifo",
    7,
    "nanos",
    "v1%3Amtime=123456789012%3Atype=fifo",
  ],
  [
    "a text without a field behind the time stays",
    "v1%3Amtime=16",
    5,
    "nanos",
    "v1%3Amtime=16",
  ],
  [
    "a row stays one line",
    "v1%3Atype=lnk%3Atarget=a\nb\tc",
    5,
    "nanos",
    "v1%3Atype=lnk%3Atarget=a%0Ab%09c",
  ],
  [
    "directories have no time",
    "v1%3Amode=16877%3Atype=dir",
    7,
    "nanos",
    "v1%3Amode=16877%3Atype=dir",
  ],
];
for (const [name, stored, subsecond, unit, wanted] of CASES) {
  Deno.test(`storedInUnit() ${name}`, () => {
    const record = { name: "/x" as DbName, stored, ...(subsecond !== undefined && { subsecond }) };
    equal(storedInUnit(record, unit), wanted);
  });
}
