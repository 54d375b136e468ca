import assert from "node:assert/strict";
import { type DbName, nanos } from "../model/mod.ts";
import { Alike, type FileSketch } from "./alike.ts";

const file = (name: string, size = 5, mtime = 7n): FileSketch => ({
  name: name as DbName,
  size,
  mtime: nanos(mtime),
});

const CASES: readonly {
  readonly name: string;
  readonly there: readonly FileSketch[];
  readonly now: FileSketch;
  readonly want: string | undefined;
}[] = [
  { name: "another name", there: [file("/d/a")], now: file("/d/b"), want: "/d/a" },
  { name: "another directory", there: [file("/d/a")], now: file("/e/f/a"), want: "/d/a" },
  { name: "another size", there: [file("/d/a", 6)], now: file("/d/b"), want: undefined },
  {
    name: "another nanosecond",
    there: [file("/d/a", 5, 8n)],
    now: file("/d/b"),
    want: undefined,
  },
  { name: "nothing in it", there: [file("/d/a", 0)], now: file("/d/b", 0), want: undefined },
  {
    name: "an own name that several have",
    there: [file("/d/x/1/a"), file("/d/x/2/a"), file("/d/x/2/b")],
    now: file("/d/y/2/a"),
    want: "/d/x/2/a",
  },
  {
    name: "its own name in no directory like its own",
    there: [file("/d/b"), file("/d/x/a"), file("/d/y/a")],
    now: file("/e/a"),
    want: "/d/x/a",
  },
  {
    name: "an own name that none has",
    there: [file("/d/b"), file("/d/c")],
    now: file("/d/e"),
    want: "/d/b",
  },
];

for (const { name, there, now, want } of CASES) {
  Deno.test(`Alike guesses for ${name}`, () => {
    const alike = new Alike();
    for (const one of there) alike.add(one);
    assert.equal(alike.isEmpty, there.every(({ size }) => size === 0));
    assert.equal(alike.for(now), want);
  });
}

Deno.test("Alike pairs each of ten thousand files of one size and time", () => {
  const alike = new Alike();
  for (let i = 0; i < 10_000; i++) alike.add(file(`/d/old/${i % 100}/${i}`));
  for (let i = 0; i < 10_000; i++) {
    assert.equal(alike.for(file(`/d/new/${i % 100}/${i}`)), `/d/old/${i % 100}/${i}`);
  }
});
