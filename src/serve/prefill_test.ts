import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { collect, randomBytes, stream } from "../../tests/support/delta_bytes.ts";
import { ReceiverBed } from "../../tests/support/receiving.ts";
import { contentOf, deltaFor } from "../delta/mod.ts";
import { type Meta, nanos } from "../model/mod.ts";

const MIB = 1_048_576, SIZE = 12 * MIB;
const META: Meta = { mode: 0o100644, uid: 0, gid: 0, mtime: nanos(1_600_000_000_000_000_000n) };

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

const OLD = randomBytes(SIZE, 5);

/** Replaces `old` by `content` as a client of ours does. @returns blocks of the new file, in bytes */
async function replace(old: Uint8Array, content: Uint8Array): Promise<number> {
  await using bed = await ReceiverBed.open();
  const file = bed.name("F");
  Deno.writeFileSync(file, old);
  await bed.check("F");
  const put = await bed.receiver.beginPut(bed.at("F"), META);
  if ("kind" in put) throw new Error(JSON.stringify(put));
  await using _put = put;
  const signature = put.sizedSignature!(content.length).bytes;
  const { bytes } = await deltaFor(signature, { content: contentOf(content) });
  const delta = await collect(bytes);
  equal(await put.apply(stream(delta)), { kind: "done" });
  equal(Buffer.compare(Deno.readFileSync(file), content), 0);
  equal([...Deno.readDirSync(bed.name(""))].length, 1);
  return Deno.statSync(file).blocks! * 512;
}

Deno.test("a file that was edited in place gets its edits", async () => {
  const content = OLD.slice();
  for (let at = 1_000; at < SIZE; at += MIB) content.set(randomBytes(400, at), at);
  await replace(OLD, content);
});

Deno.test("a file that has grown gets its end", async () => {
  await replace(OLD, joined(OLD, randomBytes(3 * MIB, 9)));
  const zeros = new Uint8Array(3 * MIB);
  await replace(OLD, joined(OLD, zeros));
});

Deno.test("a file that has become shorter ends where it should", async () => {
  for (const size of [SIZE - 1, 9 * MIB + 77, 1, 0]) await replace(OLD, OLD.slice(0, size));
  const content = OLD.slice(0, 9 * MIB);
  content.fill(0, 8 * MIB); // its end is a hole, and behind it there was more
  await replace(OLD, content);
});

Deno.test("content that has moved is where it belongs", async () => {
  await replace(OLD, joined(randomBytes(100_000, 11), OLD));
  const half = SIZE / 2;
  await replace(OLD, joined(OLD.subarray(half), OLD.subarray(0, half)));
  // What was at its place is, what was moved over something else is too, and so is what comes behind it.
  const third = SIZE / 3;
  const parts = [OLD.subarray(0, third), OLD.subarray(0, third), OLD.subarray(2 * third)];
  await replace(OLD, joined(...parts));
});

Deno.test("holes stay where nothing was written, and only there", async () => {
  const old = OLD.slice();
  old.fill(0, 2 * MIB, 8 * MIB);
  const content = old.slice();
  content.fill(1, 5 * MIB, 5 * MIB + 10);
  const bytes = await replace(old, content);
  ok(bytes < 8 * MIB, `${bytes} bytes`);
  const emptied = OLD.slice();
  emptied.fill(0, 2 * MIB, 8 * MIB);
  await replace(OLD, emptied);
});
