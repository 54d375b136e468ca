import assert from "node:assert/strict";
import { dbName, type Key, type Meta, nanos, type Present } from "../../model/mod.ts";
import { ClientFlavour, creationLine, followUps, timeFromServer } from "./flavour.ts";

const key = "K" as Key, name = dbName("/a b");
const meta: Meta = { mode: 0o100644, uid: 4_294_967_294, gid: 7, mtime: nanos(-1n) };
const late = { ...meta, mtime: nanos(2n ** 31n * 1_000_000_000n) };

const ROWS: readonly {
  what: string;
  want: Present;
  unit: "seconds" | "nanos";
  first: string;
  then: string[][];
}[] = [
  {
    what: "a file for rc1",
    want: { kind: "reg", meta, size: 1 },
    unit: "seconds",
    first: "PATCH K /a%20b",
    then: [["SETOWN K /a%20b -2 7", "SETMOD K /a%20b 33188", "SETIME K /a%20b -1"]],
  },
  {
    what: "a set-uid file for rc1: the mode waits for the owner",
    want: { kind: "reg", meta: { ...meta, mode: 0o104755 }, size: 1 },
    unit: "seconds",
    first: "PATCH K /a%20b",
    then: [["SETOWN K /a%20b -2 7"], ["SETMOD K /a%20b 35309", "SETIME K /a%20b -1"]],
  },
  {
    what: "a file for 2.1.1",
    want: { kind: "reg", meta, size: 1 },
    unit: "nanos",
    first: "ATOMICPATCH K /a%20b -2 7 33188 -1",
    then: [],
  },
  {
    what: "a file of 2038 for 2.1.1, which cuts seconds to 32 bits in ATOMICPATCH",
    want: { kind: "reg", meta: late, size: 1 },
    unit: "nanos",
    first: "ATOMICPATCH K /a%20b -2 7 33188 2147483648000000000",
    then: [["SETIME K /a%20b 2147483648000000000"]],
  },
  {
    what: "a directory",
    want: { kind: "dir", meta: { ...meta, mode: 0o40755 } },
    unit: "nanos",
    first: "MKDIR K /a%20b -2 7 16877 -1",
    then: [["SETOWN K /a%20b -2 7", "SETMOD K /a%20b 16877", "SETIME K /a%20b -1"]],
  },
  {
    what: "a block device",
    want: { kind: "blk", meta: { ...meta, mode: 0o60600 }, rdev: 0xffff_ff00 },
    unit: "nanos",
    first: "MKBLK K /a%20b -256",
    then: [["SETOWN K /a%20b -2 7", "SETMOD K /a%20b 24960", "SETIME K /a%20b -1"]],
  },
  {
    what: "a link",
    want: { kind: "lnk", meta, target: "x\ny" },
    unit: "nanos",
    first: "MKLINK K /a%20b x%0Ay",
    then: [["SETOWN K /a%20b -2 7"]],
  },
  {
    what: "a fifo",
    want: { kind: "fifo", meta: { ...meta, mode: 0o10600 } },
    unit: "seconds",
    first: "MKFIFO K /a%20b",
    then: [["SETOWN K /a%20b -2 7", "SETMOD K /a%20b 4480", "SETIME K /a%20b -1"]],
  },
  {
    what: "a socket, which no server makes",
    want: { kind: "sock", meta },
    unit: "seconds",
    first: "MKSOCK K /a%20b",
    then: [],
  },
];

for (const { what, want, unit, first, then } of ROWS) {
  Deno.test(`creationLine() and followUps() for ${what}`, () => {
    assert.equal(creationLine(unit, key, name, want), first);
    assert.deepEqual(followUps(unit, key, name, want), then);
  });
}

Deno.test("timeFromServer() goes by the flavour, and by magnitude where nobody means seconds", () => {
  assert.equal(timeFromServer("seconds", 5n), 5_000_000_000n);
  assert.equal(timeFromServer("nanos", 5n), 5n);
  assert.equal(timeFromServer("nanos", 1_000_000_000n), 1_000_000_000n);
  assert.equal(timeFromServer("seconds", 1_600_000_000_000_000_000n), 1_600_000_000_000_000_000n);
});

Deno.test("ClientFlavour: our own clients count exactly, others by magnitude, the first sign counts", () => {
  const ours = new ClientFlavour(), other = new ClientFlavour();
  ours.isOurs();
  ours.shows("seconds");
  assert.equal(ours.shown, "nanos");
  assert.equal(ours.timeFrom(1_000_000_000n), 1_000_000_000n);
  assert.equal(other.shown, undefined);
  other.shows("seconds");
  other.shows("nanos");
  assert.equal(other.shown, "seconds");
  assert.equal(other.timeFrom(1_000_000_000n), 1_000_000_000_000_000_000n);
  assert.equal(other.timeFrom(1_600_000_000_000_000_001n), 1_600_000_000_000_000_001n);
});
