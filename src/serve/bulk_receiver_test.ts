import { createHash } from "node:crypto";
import { deepStrictEqual as equal, ok, rejects } from "node:assert/strict";
import { ReceiverBed, type ReceiverBedOptions } from "../../tests/support/receiving.ts";
import { toBytes, utf8Bytes } from "../model/mod.ts";
import { type ByteStream, nanos, type Present } from "../model/mod.ts";
import type { PutSession } from "../protocol/mod.ts";
import { Permits } from "./permits.ts";
import { ServerEnding } from "./turn.ts";

const DONE = { kind: "done" };
const MISSING = { kind: "failed", reply: "No such file or directory" };
const TIME = nanos(1_600_000_000_000_000_000n);
const META = { uid: 0, gid: 0, mode: 0o100644, mtime: TIME };

function test(
  name: string,
  work: (bed: ReceiverBed) => Promise<void>,
  options: ReceiverBedOptions = {},
): void {
  Deno.test(name, async () => {
    await using bed = await ReceiverBed.open(options);
    await work(bed);
    equal(bed.locks.size, 0);
  });
}

async function* pieces(...texts: readonly string[]): ByteStream {
  for (const text of texts) yield await Promise.resolve(toBytes(utf8Bytes(text)));
}

function isPut<T extends object>(begun: PutSession | T): PutSession {
  if ("kind" in begun) throw new Error(JSON.stringify(begun));
  return begun as PutSession;
}

test("digest() is the SHA-256 of a regular file, and of nothing else", async (bed) => {
  Deno.writeTextFileSync(bed.name("F"), "content".repeat(300_000));
  Deno.writeTextFileSync(bed.name("empty"), "");
  Deno.mkdirSync(bed.name("D"));
  Deno.symlinkSync("F", bed.name("L"));
  const { bulk } = bed.receiver;
  const sum = (text: string) => new Uint8Array(createHash("sha256").update(text).digest());
  equal(await bulk.digest(bed.at("F")), sum("content".repeat(300_000)));
  equal(await bulk.digest(bed.at("empty")), sum(""));
  equal(await bulk.digest(bed.at("D")), undefined);
  equal(await bulk.digest(bed.at("L")), undefined);
  equal(await bulk.digest(bed.at("none")), undefined);
  equal(await bulk.digest(bed.at("F", "wrong")), { kind: "denied", why: "no grant" });
});

test("digest() is none of a file that is written to all the time", async (bed) => {
  Deno.writeTextFileSync(bed.name("F"), "x".repeat(1_000));
  let writes = 0;
  const { open } = bed.jail;
  bed.jail.open = (at) => {
    const file = open.call(bed.jail, at);
    const readAt = file.readAt.bind(file);
    file.readAt = (into, offset) => {
      Deno.writeTextFileSync(bed.name("F"), `${writes++}`, { append: true });
      return readAt(into, offset);
    };
    return file;
  };
  const answer = await bed.receiver.bulk.digest(bed.at("F"));
  equal(answer, { kind: "failed", reply: "Text file busy" });
  ok(writes >= 3);
});

test("a file that was changed here since digest() is a conflict for SETIME", async (bed) => {
  Deno.writeTextFileSync(bed.name("F"), "one");
  await bed.check("F");
  const { receiver } = bed;
  await receiver.bulk.digest(bed.at("F"));
  equal(await receiver.change(bed.at("F"), { kind: "mtime", mtime: TIME }), DONE);
  await receiver.bulk.digest(bed.at("F"));
  Deno.writeTextFileSync(bed.name("F"), "two");
  const outcome = await receiver.change(bed.at("F"), { kind: "mtime", mtime: nanos(TIME + 1n) });
  equal(outcome, { kind: "conflict" });
  equal((await bed.marks()).toSorted(), ["a.demo F", "c.demo F"]);
});

const MADE: readonly Present[] = [
  { kind: "dir", meta: { ...META, uid: 7, gid: 8, mode: 0o042750 } },
  { kind: "lnk", meta: { ...META, uid: 7, gid: 8, mode: 0o120777 }, target: "a b" },
  { kind: "fifo", meta: { ...META, uid: 7, gid: 8, mode: 0o014640 } },
  { kind: "chr", meta: { ...META, uid: 7, gid: 8, mode: 0o020600 }, rdev: 259 },
];
for (const want of MADE) {
  test(`make() of ${want.kind}: owner, mode and time in one request`, async (bed) => {
    if (want.kind === "reg") throw new Error("no content");
    equal(await bed.receiver.bulk.make(bed.at("X"), want), DONE);
    const { meta, ...rest } = bed.seen("X");
    const { meta: wanted, ...other } = want;
    equal(rest, other as unknown);
    if (want.kind === "lnk") equal({ ...meta, mtime: TIME }, wanted);
    else equal(meta, wanted);
    equal(await bed.marks(), []);
    equal(await bed.state.intents(), []);
    // What is recorded is what is there: nobody takes it for a change that was made here.
    equal(await bed.offer(bed.row("X")), [{ kind: "same" }]);
    const record = await bed.stored("X");
    await bed.check("X");
    equal(await bed.stored("X"), record);
    equal(await bed.receiver.bulk.make(bed.at("X"), want), DONE);
    equal([...Deno.readDirSync(bed.root)].length, 1);
  });
}

test("make() refuses what was changed here, and what has no parent", async (bed) => {
  const want = MADE[0] as Extract<Present, { kind: "dir" }>;
  Deno.writeTextFileSync(bed.name("F"), "mine");
  equal(await bed.receiver.bulk.make(bed.at("F"), want), { kind: "conflict" });
  equal(Deno.readTextFileSync(bed.name("F")), "mine");
  equal(await bed.receiver.bulk.make(bed.at("none/D"), want), MISSING);
  equal((await bed.marks()).toSorted(), ["a.demo F", "c.demo F"]);
});

test("make() of a socket makes nothing, and takes nothing away", async (bed) => {
  const want = { kind: "sock", meta: META } as const;
  equal(await bed.receiver.bulk.make(bed.at("S"), want), DONE);
  equal([...Deno.readDirSync(bed.root)], []);
});

test("applyWhole() installs the content as it comes", async (bed) => {
  await using put = isPut(await bed.receiver.beginPut(bed.at("F"), META));
  equal(await put.applyWhole!(pieces("hel", "lo"), () => true), DONE);
  equal(Deno.readTextFileSync(bed.name("F")), "hello");
  equal(bed.seen("F").meta, META);
  equal(
    await bed.stored("F"),
    "v1:mtime=1600000000:mode=33188:uid=0:gid=0:type=reg:size=5",
  );
});

test("applyWhole() installs nothing that the client does not stand by", async (bed) => {
  Deno.writeTextFileSync(bed.name("F"), "old");
  await bed.check("F");
  {
    await using put = isPut(await bed.receiver.beginPut(bed.at("F"), META));
    const outcome = await put.applyWhole!(pieces("new"), () => false);
    equal(outcome, { kind: "failed", reply: "Input/output error" });
  }
  equal(Deno.readTextFileSync(bed.name("F")), "old");
  equal([...Deno.readDirSync(bed.root)].length, 1);
  equal(await bed.state.intents(), []);
});

test("applyWhole() has a limit, and takes the content to its end all the same", async (bed) => {
  await using put = isPut(await bed.receiver.beginPut(bed.at("F"), META));
  let isOver = false;
  async function* long(): ByteStream {
    yield* pieces("x".repeat(10), "x", "y");
    isOver = true;
  }
  equal(await put.applyWhole!(long(), () => true), {
    kind: "failed",
    reply: "Input/output error",
  });
  ok(isOver);
  equal([...Deno.readDirSync(bed.root)], []);
}, { maxFileBytes: 10 });

test("handlers of one client work side by side, on one path one after the other", async (bed) => {
  const first = bed.receiver.bulk.fork(), second = bed.receiver.bulk.fork();
  try {
    const one = isPut(await first.beginPut(bed.at("F"), META));
    const other = second.beginPut(bed.at("F"), META);
    const elsewhere = isPut(await bed.receiver.beginPut(bed.at("G"), META));
    equal(await elsewhere.applyWhole!(pieces("g"), () => true), DONE);
    await elsewhere[Symbol.asyncDispose]();
    equal(await Promise.race([other, Promise.resolve("waits")]), "waits");
    equal(await one.applyWhole!(pieces("1"), () => true), DONE);
    await one[Symbol.asyncDispose]();
    const two = isPut(await other);
    equal(await two.applyWhole!(pieces("2"), () => true), DONE);
    await two[Symbol.asyncDispose]();
    equal(Deno.readTextFileSync(bed.name("F")), "2");
    equal(await bed.marks(), []);
  } finally {
    for (const fork of [first, second]) await fork[Symbol.asyncDispose]();
  }
  equal(bed.receiver.isIdentified, true); // a fork takes nothing away
});

test("what a fork was shown is known to the others, and so is what it scheduled", async (bed) => {
  Deno.writeTextFileSync(bed.name("F"), "one");
  await bed.check("F");
  await using fork = bed.receiver.bulk.fork();
  await fork.bulk!.digest(bed.at("F"));
  Deno.writeTextFileSync(bed.name("F"), "two");
  const outcome = await bed.receiver.change(bed.at("F"), { kind: "mtime", mtime: TIME });
  equal(outcome, { kind: "conflict" });
  equal(bed.receiver.hasScheduled, false);
  await using put = isPut(await fork.beginPut(bed.at("G"), META));
  equal(await put.applyWhole!(pieces("g"), () => true), DONE);
  equal(bed.receiver.hasScheduled, true);
}, {
  config:
    'nossl * *; group g { host a.demo b.demo c.demo; key k; include ROOT; action { pattern **/G; exec ":"; } }',
});

test("a fork takes nothing new when the server ends, after the others have ended", async (bed) => {
  const first = bed.receiver.bulk.fork(), second = bed.receiver.bulk.fork();
  const put = isPut(await first.beginPut(bed.at("F"), META));
  bed.receiver.turn.end();
  let isRefused = false;
  const refused = rejects(second.look(bed.at("G")), ServerEnding).then(() => isRefused = true);
  equal(await put.applyWhole!(pieces("f"), () => true), DONE);
  equal(isRefused, false);
  await put[Symbol.asyncDispose]();
  await refused;
  equal(Deno.readTextFileSync(bed.name("F")), "f");
  for (const fork of [first, second]) await fork[Symbol.asyncDispose]();
});

test("files in work are counted over all handlers", async (bed) => {
  const first = bed.receiver.bulk.fork(), second = bed.receiver.bulk.fork();
  const one = isPut(await first.beginPut(bed.at("F"), META));
  const other = second.beginPut(bed.at("G"), META);
  equal(await Promise.race([other, new Promise((go) => setTimeout(go, 10, "waits"))]), "waits");
  await one[Symbol.asyncDispose]();
  await isPut(await other)[Symbol.asyncDispose]();
  // A refusal gives it back too.
  equal(await second.beginPut(bed.at("none/F"), META), MISSING);
  await isPut(await second.beginPut(bed.at("H"), META))[Symbol.asyncDispose]();
  for (const fork of [first, second]) await fork[Symbol.asyncDispose]();
}, { puts: new Permits(0).share() });
