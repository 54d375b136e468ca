import { createHash } from "node:crypto";
import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { ReceiverBed, type ReceiverBedOptions } from "../../tests/support/receiving.ts";
import { nanos, type Regular } from "../model/mod.ts";
import type { WantedCopy } from "../protocol/mod.ts";

const DONE = { kind: "done" };
const TIME = nanos(1_600_000_000_123_456_789n);

function test(
  name: string,
  work: (bed: ReceiverBed) => Promise<void>,
  options: ReceiverBedOptions = {},
): void {
  Deno.test(name, async () => {
    await using bed = await ReceiverBed.open(options);
    await work(bed);
    equal(bed.locks.size, 0);
    const left = [...Deno.readDirSync(bed.name(""))].filter(({ name }) => name.startsWith("."));
    equal(left, [], "temporary files were left");
  });
}

const hash = (content: string) => new Uint8Array(createHash("sha256").update(content).digest());

interface Changed {
  readonly content?: string;
  readonly size?: number;
  readonly key?: string;
  readonly likeKey?: string;
}

function wanted(bed: ReceiverBed, from: string, to: string, how: Changed = {}): WantedCopy {
  const { content = "content", size = content.length, key, likeKey } = how;
  const here: Regular = {
    kind: "reg",
    size,
    meta: { mode: 0o100640, uid: 3, gid: 4, mtime: TIME },
  };
  return { ...bed.at(to, key), here, like: bed.at(from, likeKey), digest: hash(content) };
}

const copy = (bed: ReceiverBed, want: WantedCopy) => bed.receiver.bulk.copy!(want);

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

for (const length of [7, 300_000, 5_000_000]) {
  test(`copy() makes a new file of ${length} bytes with all that it should have`, async (bed) => {
    const content = "content ".repeat(length / 8 + 1).slice(0, length);
    Deno.writeTextFileSync(bed.name("F"), content);
    equal(await copy(bed, wanted(bed, "F", "G", { content })), DONE);
    equal(Deno.readTextFileSync(bed.name("G")), content);
    const { mode, uid, gid, nlink, mtime } = Deno.lstatSync(bed.name("G"));
    equal([mode! & 0o7777, uid, gid, nlink], [0o640, 3, 4, 1]);
    equal(mtime!.getTime(), 1_600_000_000_123);
    equal(Deno.readTextFileSync(bed.name("F")), content);
    ok((await bed.stored("G"))?.endsWith(`:uid=3:gid=4:type=reg:size=${length}`));
  });
}

test("copy() makes nothing of a file with another content", async (bed) => {
  Deno.writeTextFileSync(bed.name("F"), "CONTENT");
  Deno.writeTextFileSync(bed.name("long"), "content and more");
  for (const from of ["F", "long", "none"]) {
    equal(await copy(bed, wanted(bed, from, "G")), undefined);
    ok(!isThere(bed.name("G")));
  }
});

test("copy() leaves a large file of another content behind", async (bed) => {
  Deno.writeTextFileSync(bed.name("F"), "x".repeat(2_000_000));
  equal(await copy(bed, wanted(bed, "F", "G", { content: "y".repeat(2_000_000) })), undefined);
  ok(!isThere(bed.name("G")));
  equal(await bed.state.intents(), []);
});

test("copy() replaces nothing", async (bed) => {
  Deno.writeTextFileSync(bed.name("F"), "content");
  Deno.writeTextFileSync(bed.name("G"), "old");
  Deno.mkdirSync(bed.name("D"));
  Deno.symlinkSync("nowhere", bed.name("L"));
  await bed.check("G", "D", "L");
  for (const to of ["G", "D", "L"]) equal(await copy(bed, wanted(bed, "F", to)), undefined);
  Deno.writeTextFileSync(bed.name("H"), "nobody has seen this");
  equal(await copy(bed, wanted(bed, "F", "H")), { kind: "conflict" });
  equal(Deno.readTextFileSync(bed.name("G")), "old");
});

test("copy() follows no link, and copies nothing but regular files", async (bed) => {
  Deno.writeTextFileSync(bed.name("F"), "content");
  Deno.symlinkSync("F", bed.name("L"));
  Deno.mkdirSync(bed.name("D"));
  Deno.writeTextFileSync(bed.name("D/F"), "content");
  Deno.symlinkSync("D", bed.name("M"));
  for (const from of ["L", "D", "M/F"]) equal(await copy(bed, wanted(bed, from, "G")), undefined);
  ok(!isThere(bed.name("G")));
});

test("copy() asks for both keys", async (bed) => {
  Deno.writeTextFileSync(bed.name("F"), "content");
  equal(await copy(bed, wanted(bed, "F", "G", { key: "wrong" })), {
    kind: "denied",
    why: "no grant",
  });
  equal(await copy(bed, wanted(bed, "F", "G", { likeKey: "wrong" })), undefined);
  ok(!isThere(bed.name("G")));
});

test("copy() takes nothing from outside of what the client may have", async (bed) => {
  const outside = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(outside, "content");
    const want = wanted(bed, "F", "G");
    const like = { ...want.like, name: outside as typeof want.like.name };
    equal(await copy(bed, { ...want, like }), undefined);
    ok(!isThere(bed.name("G")));
  } finally {
    Deno.removeSync(outside);
  }
});

test("copy() makes nothing where the directory above is missing", async (bed) => {
  Deno.writeTextFileSync(bed.name("F"), "content");
  equal(await copy(bed, wanted(bed, "F", "D/G")), undefined);
  ok(!isThere(bed.name("D")));
});
