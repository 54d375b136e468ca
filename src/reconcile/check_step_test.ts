/** Records of every origin against objects as they are now. */
import assert from "node:assert/strict";
import {
  ABSENT,
  BEHIND_LINK,
  type CheckTime,
  type DbName,
  type Entry,
  type FileRecord,
  type Ignored,
  nanos,
  NOTHING_IGNORED,
  percentEncode,
  type Present,
  storedCheckText,
} from "../model/mod.ts";
import { checkStep } from "./check_step.ts";

const NAME = "/a/f" as DbName;
const T = 1_600_000_000_123_456_789n;
const meta = { mode: 0o100644, uid: 0, gid: 4_000_000_000, mtime: nanos(T) };
const FILE: Present = { kind: "reg", meta, size: 5 };
const LINK: Present = { kind: "lnk", meta: { ...meta, mode: 0o120777 }, target: "x y" };
const DIR: Present = { kind: "dir", meta: { ...meta, mode: 0o40755 } };
const NODE: Present = { kind: "chr", meta: { ...meta, mode: 0o20644 }, rdev: 4_000_000_000 };

function step(entry: Entry | "unknown", record?: FileRecord, o: {
  time?: "seconds" | "nanos";
  ignored?: Ignored;
} = {}) {
  return checkStep(entry, record, {
    name: NAME,
    time: o.time ?? "seconds",
    ignored: o.ignored ?? NOTHING_IGNORED,
  });
}

/** As one of our programs writes it. */
function ours(entry: Present, o: Parameters<typeof step>[2] = {}): FileRecord {
  return step(entry, undefined, o).record!;
}

/** As a C program writes it. */
function theirs(entry: Present, time: CheckTime, ignored = NOTHING_IGNORED): FileRecord {
  return { name: NAME, stored: storedCheckText(entry, { time, ignored }) };
}

function at<E extends Present>(entry: E, mtime: bigint): E {
  return { ...entry, meta: { ...entry.meta, mtime: nanos(mtime) } };
}

Deno.test("checkStep() records what appeared, with the fraction of its second", () => {
  assert.deepEqual(step(FILE), {
    do: "appeared",
    record: {
      name: NAME,
      stored: "v1%3Amtime=1600000000%3Amode=33188%3Auid=0%3Agid=-294967296%3Atype=reg%3Asize=5",
      subsecond: 123_456_789,
    },
  });
  assert.deepEqual(Object.keys(step(DIR).record!), ["name", "stored"]);
  assert.deepEqual(Object.keys(step(LINK).record!), ["name", "stored"]);
  assert.deepEqual(Object.keys(step(FILE, undefined, { time: "nanos" }).record!), [
    "name",
    "stored",
  ]);
});

Deno.test("checkStep() finds nothing new in what it recorded", () => {
  for (const entry of [FILE, LINK, DIR, NODE, at(FILE, -1_500_000_000n), at(FILE, 5n)]) {
    for (const time of ["seconds", "nanos"] as const) {
      assert.deepEqual(step(entry, ours(entry, { time }), { time }), { do: "same" });
    }
  }
});

const CHANGES: readonly (readonly [string, Present, Present])[] = [
  ["size", FILE, { ...FILE, size: 6 }],
  ["time", FILE, at(FILE, T + 1_000_000_000n)],
  ["mode", FILE, { ...FILE, meta: { ...meta, mode: 0o100600 } }],
  ["owner", FILE, { ...FILE, meta: { ...meta, uid: 1 } }],
  ["group", DIR, { ...DIR, meta: { ...DIR.meta, gid: 1 } }],
  ["type", FILE, { kind: "fifo", meta }],
  ["target", LINK, { ...LINK, target: "x" }],
  ["device", NODE, { ...NODE, rdev: 259 }],
];
for (const [what, before, after] of CHANGES) {
  Deno.test(`checkStep() sees another ${what}`, () => {
    for (const record of [ours(before), theirs(before, "seconds"), theirs(before, "nanos")]) {
      assert.deepEqual(step(after, record), { do: "changed", record: ours(after) });
    }
  });
}

Deno.test("checkStep() does not look at times of directories and links", () => {
  assert.equal(step(at(DIR, 1n), ours(DIR)).do, "same");
  assert.equal(step(at(LINK, 1n), ours(LINK)).do, "same");
});

Deno.test("D 7.3.1 what cannot be examined is no removal, what is absent is one", () => {
  assert.deepEqual(step("unknown", ours(FILE)), { do: "nothing" });
  assert.deepEqual(step("unknown"), { do: "nothing" });
  assert.deepEqual(step(ABSENT), { do: "nothing" });
  for (const gone of [ABSENT, BEHIND_LINK]) {
    assert.deepEqual(step(gone, ours(FILE)), { do: "vanished" });
  }
});

Deno.test("D 7.3.4 a link recorded with an empty target is the same, and learns its target", () => {
  const record = theirs({ ...LINK, target: "" } as Present, "seconds");
  assert.deepEqual(step(LINK, record), { do: "same", record: ours(LINK) });
  const other = { ...LINK, meta: { ...LINK.meta, uid: 7 } };
  assert.equal(step(other, record).do, "changed");
});

Deno.test("D 7.3.5 changes within a second are seen when the fraction is known", () => {
  assert.equal(step(at(FILE, T + 1n), ours(FILE)).do, "changed");
  assert.equal(
    step(at(FILE, T + 1n), ours(FILE, { time: "nanos" }), { time: "nanos" }).do,
    "changed",
  );
  const learned = step(FILE, theirs(FILE, "seconds"));
  assert.deepEqual(learned, { do: "same", record: ours(FILE) });
});

Deno.test("D 6 records of 2.1.1 compare in nanoseconds, those of 2.0 in seconds", () => {
  for (const time of ["seconds", "nanos"] as const) {
    assert.equal(step(FILE, theirs(FILE, "nanos"), { time }).do, "same");
    assert.equal(step(at(FILE, T + 1n), theirs(FILE, "nanos"), { time }).do, "changed");
    assert.equal(step(FILE, theirs(FILE, "seconds"), { time }).do, "same");
    assert.equal(step(at(FILE, T + 1n), theirs(FILE, "seconds"), { time }).do, "same");
    assert.equal(step(at(FILE, T + 10n ** 9n), theirs(FILE, "seconds"), { time }).do, "changed");
  }
});

Deno.test("checkStep() tells the units apart near the epoch as well", () => {
  const early = at(FILE, 5_000_000_000n);
  assert.equal(step(early, theirs(early, "seconds")).do, "same");
  assert.equal(step(early, theirs(early, "nanos"), { time: "nanos" }).do, "same");
  assert.equal(step(early, theirs(early, "seconds"), { time: "nanos" }).do, "same");
  assert.equal(step(at(early, 6_000_000_000n), theirs(early, "seconds")).do, "changed");
});

Deno.test("D 7.3.10 ids above 2^31 are the same, however they are written", () => {
  const unsigned = theirs(FILE, "seconds").stored.replace("gid=-294967296", "gid=4000000000");
  assert.equal(step(FILE, { name: NAME, stored: unsigned }).do, "same");
});

Deno.test("D 7.3.11 another ignore statement changes the record and nothing else", () => {
  const ignored = { uid: true, gid: false, mod: true };
  const added = step(FILE, ours(FILE), { ignored });
  assert.deepEqual(added, { do: "same", record: ours(FILE, { ignored }) });
  assert.deepEqual(step(FILE, ours(FILE, { ignored })), { do: "same", record: ours(FILE) });
  const bigger = { ...FILE, size: 6 };
  assert.equal(step(bigger, ours(FILE), { ignored }).do, "changed");
});

Deno.test("checkStep() takes a record that is none for a change", () => {
  for (const text of ["", "junk", "v2:size=5", "v1:type=reg:size=x", "v1:type=dir:size=5"]) {
    const record = { name: NAME, stored: percentEncode(text) };
    assert.deepEqual(step(FILE, record), { do: "changed", record: ours(FILE) }, text);
  }
});
