import { deepStrictEqual as equal, ok, rejects } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { collect, stream } from "../../tests/support/delta_bytes.ts";
import { ReceiverBed } from "../../tests/support/receiving.ts";
import { contentOf, deltaFor } from "../delta/mod.ts";
import { check } from "../check/mod.ts";
import { type ByteStream, CsyncError, diskPath, type Meta, nanos } from "../model/mod.ts";
import { MemoryReporter } from "../report/mod.ts";
import type { PutSession } from "../protocol/mod.ts";

const MIB = 1_048_576;
const META: Meta = { mode: 0o100644, uid: 0, gid: 0, mtime: nanos(1_600_000_000_000_000_000n) };

function noise(bytes: number, seed: number): Uint8Array {
  const words = new Uint32Array(bytes / 4);
  for (let i = 0, x = seed; i < words.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    words[i] = x ^= x << 5;
  }
  return new Uint8Array(words.buffer);
}

const NEW = noise(16 * MIB, 7);

async function session(bed: ReceiverBed, file: string): Promise<PutSession> {
  const put = await bed.receiver.beginPut(bed.at(file), META);
  if ("kind" in put) throw new Error(JSON.stringify(put));
  return put;
}

/** What a client of ours sends. */
async function deltaOf(put: PutSession, content: Uint8Array): Promise<Uint8Array> {
  const { bytes } = await deltaFor(put.sizedSignature!(content.length).bytes, {
    content: contentOf(content),
  });
  return await collect(bytes);
}

/** The first `count` bytes, and then the connection is gone. */
async function* broken(delta: Uint8Array, count: number): ByteStream {
  yield* stream(delta.subarray(0, count), 65_536);
  throw new CsyncError("net/closed", { message: "Cannot read: Connection reset by peer" });
}

/** Sends the beginning of `content` only. */
async function breakOff(bed: ReceiverBed, file: string, count: number, content = NEW) {
  await using put = await session(bed, file);
  const delta = await deltaOf(put, content);
  await rejects(put.apply(broken(delta, count)), { code: "net/closed" });
}

/** @returns bytes that had to be sent */
async function send(bed: ReceiverBed, file: string, content = NEW): Promise<number> {
  await using put = await session(bed, file);
  const delta = await deltaOf(put, content);
  equal(await put.apply(stream(delta)), { kind: "done" });
  equal(Buffer.compare(Deno.readFileSync(bed.name(file)), content), 0);
  return delta.length;
}

const hidden = (bed: ReceiverBed, dir = "") =>
  [...Deno.readDirSync(bed.name(dir))].map(({ name }) => name).filter((n) => n.startsWith("."));

function test(name: string, work: (bed: ReceiverBed) => Promise<void>): void {
  Deno.test(name, async () => {
    await using bed = await ReceiverBed.open();
    await work(bed);
    equal(bed.locks.size, 0);
  });
}

test("a transfer goes on where the connection broke", async (bed) => {
  await breakOff(bed, "F", 12 * MIB);
  equal(hidden(bed).length, 1);
  equal(await bed.state.intents(), []);
  const sent = await send(bed, "F");
  ok(sent < 5 * MIB, `${sent} bytes were sent`);
  equal(hidden(bed), []);
  equal(await bed.state.note("partials"), "");
});

test("a transfer that breaks again keeps what is more", async (bed) => {
  await breakOff(bed, "F", 6 * MIB);
  await breakOff(bed, "F", 4 * MIB);
  equal(hidden(bed).length, 1);
  const sent = await send(bed, "F");
  ok(sent < 7 * MIB, `${sent} bytes were sent`);
  equal(hidden(bed), []);
});

test("what a broken transfer has left serves a file that was changed since", async (bed) => {
  await breakOff(bed, "F", 12 * MIB);
  const changed = NEW.slice();
  changed.set(noise(4_096, 3), 5 * MIB);
  const sent = await send(bed, "F", changed);
  ok(sent < 5 * MIB, `${sent} bytes were sent`);
});

test("a transfer that breaks earlier the next time keeps what there was", async (bed) => {
  await breakOff(bed, "F", 12 * MIB);
  const kept = hidden(bed);
  const other = noise(16 * MIB, 9);
  await breakOff(bed, "F", 5 * MIB, other);
  equal(hidden(bed), kept);
  ok(await send(bed, "F") < 5 * MIB);
});

test("little of a broken transfer is not kept", async (bed) => {
  await breakOff(bed, "F", 2 * MIB);
  equal(hidden(bed), []);
  equal(await bed.state.intents(), []);
});

test("an old file is the better beginning when little of the new one came", async (bed) => {
  await send(bed, "F");
  const changed = NEW.slice();
  changed.set(noise(4_096, 3), 15 * MIB);
  const first = noise(16 * MIB, 9);
  await breakOff(bed, "F", 5 * MIB, first);
  equal(hidden(bed).length, 1);
  const sent = await send(bed, "F", changed);
  ok(sent < MIB, `${sent} bytes were sent`);
  equal(hidden(bed), []);
});

test("what a broken transfer has left is not taken for the file itself", async (bed) => {
  await send(bed, "F", noise(16 * MIB, 9));
  await breakOff(bed, "F", 16.4 * MIB, Buffer.concat([NEW, noise(16 * MIB, 3)]));
  equal(hidden(bed).length, 1);
  await using put = await session(bed, "F");
  // Whoever is told so only sets the time of the file, which is another one still.
  const { bytes } = put.sizedSignature!(NEW.length);
  const { isSame } = await deltaFor(bytes, { content: contentOf(NEW) });
  equal(isSame, false);
});

test("a beginning that somebody writes to meanwhile is not installed", async (bed) => {
  await breakOff(bed, "F", 12 * MIB);
  const [temp] = hidden(bed);
  await using put = await session(bed, "F");
  const delta = await deltaOf(put, NEW);
  Deno.writeFileSync(bed.name(temp!), noise(12 * MIB, 1));
  Deno.utimeSync(bed.name(temp!), 1, 1); // whatever the clock of files says
  equal(await put.apply(stream(delta)), { kind: "failed", reply: "Input/output error" });
  ok(!hidden(bed).includes("F"));
});

test("a directory goes with what a broken transfer has left in it", async (bed) => {
  Deno.mkdirSync(bed.name("D"));
  await bed.check("D");
  await breakOff(bed, "D/F", 12 * MIB);
  equal(hidden(bed, "D").length, 1);
  equal(await bed.receiver.change(bed.at("D"), { kind: "remove" }), { kind: "done" });
  equal(await bed.state.note("partials"), "");
});

for (const kind of ["a file", "a link"] as const) {
  test(`a directory gives way to ${kind} with what a broken transfer has left in it`, async (bed) => {
    Deno.mkdirSync(bed.name("D"));
    await bed.check("D");
    await breakOff(bed, "D/F", 12 * MIB);
    if (kind === "a file") await send(bed, "D");
    else {
      const change = { kind: "link", target: "x" } as const;
      equal(await bed.receiver.change(bed.at("D"), change), { kind: "done" });
    }
    equal(Deno.lstatSync(bed.name("D")).isDirectory, false);
    equal(hidden(bed), []);
    equal(await bed.state.note("partials"), "");
  });
}

test("a directory that holds something else stays", async (bed) => {
  Deno.mkdirSync(bed.name("D"));
  Deno.writeTextFileSync(bed.name("D/other"), "");
  await bed.check("D");
  await breakOff(bed, "D/F", 12 * MIB);
  const change = { kind: "remove" } as const;
  equal(await bed.receiver.change(bed.at("D"), change), {
    kind: "failed",
    reply: "Directory not empty",
  });
  equal(Deno.readTextFileSync(bed.name("D/other")), "");
});

test("a transfer whose beginning was removed begins anew", async (bed) => {
  await breakOff(bed, "F", 12 * MIB);
  Deno.removeSync(bed.name(hidden(bed)[0]!));
  const sent = await send(bed, "F");
  ok(sent > 16 * MIB);
  equal(await bed.state.note("partials"), "");
});

/** By another process. */
async function checkAll({ config, state, jail, root }: ReceiverBed): Promise<void> {
  const targets = [{ path: diskPath(root), recursive: true }];
  await check({ config, state, jail, reporter: new MemoryReporter(), targets, init: true });
}

/** A directory with what a broken transfer has left, under another name; a check has looked at it. */
async function moved(bed: ReceiverBed): Promise<void> {
  Deno.mkdirSync(bed.name("D"));
  await bed.check("D");
  await breakOff(bed, "D/F", 12 * MIB);
  Deno.renameSync(bed.name("D"), bed.name("E"));
  await checkAll(bed);
  await bed.receiver.configure(""); // the next connection
}

test("a transfer goes on where the connection broke in a directory that was renamed since", async (bed) => {
  await moved(bed);
  const sent = await send(bed, "E/F");
  ok(sent < 5 * MIB, `${sent} bytes were sent`);
  equal(hidden(bed, "E"), []);
  equal(await bed.state.note("partials"), "");
});

test("a directory that was renamed goes with what a broken transfer has left in it", async (bed) => {
  await moved(bed);
  equal(await bed.receiver.change(bed.at("E"), { kind: "remove" }), { kind: "done" });
  equal(await bed.state.note("partials"), "");
});

test("what a check finds that only looks like what was left stays", async (bed) => {
  Deno.mkdirSync(bed.name("D"));
  await bed.check("D");
  await breakOff(bed, "D/F", 12 * MIB);
  const [temp] = hidden(bed, "D"), note = await bed.state.note("partials");
  Deno.mkdirSync(bed.name("E"));
  Deno.copyFileSync(bed.name(`D/${temp}`), bed.name(`E/${temp}`)); // it is where it was
  await checkAll(bed);
  equal(await bed.state.note("partials"), note);
  Deno.removeSync(bed.name("D"), { recursive: true }); // and the other one is a copy
  await checkAll(bed);
  equal(await bed.state.note("partials"), note);
});
