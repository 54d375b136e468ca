/** PUTS from the client's side, against servers over memory and servers typed by hand. */
import assert from "node:assert/strict";
import { dbName, DONE, failed, nanos } from "../../model/mod.ts";
import { file, identifiedBed, isCode, KEY, OTHER_KEY } from "../../../tests/support/fast_bed.ts";
import { bytesOf, frame, text, u16, u32, welcomedPeer } from "../../../tests/support/raw_frames.ts";
import type { SmallPut } from "../bulk.ts";
import type { Key } from "../../model/mod.ts";
import { FRAME, NAME_MAX_BYTES } from "./layout.ts";

function small(name: string, size: number, key: Key = KEY): SmallPut<Key> {
  const content = new Uint8Array(size).map((_, at) => (at + name.length) % 251);
  return { key, name: dbName(name), want: file(size), content };
}

Deno.test("a fast peer puts many files at once, and each arrives as it is", async () => {
  await using bed = await identifiedBed();
  const puts = Array.from({ length: 128 }, (_, n) => small(`/${n}`, n * 16));
  assert.ok(puts.length === bed.peer.bulk!.maxPuts);
  assert.deepEqual(await bed.peer.bulk!.putMany(puts), puts.map(() => DONE));
  for (const { name, want, content } of puts) {
    assert.deepEqual(bed.store.objects.get(name), { entry: want, content });
  }
  const asked = bed.store.log.filter((line) => line.startsWith("+putMany"));
  assert.equal(asked.length, 1);
  // the memory of the frame is used again
  assert.deepEqual(await bed.peer.bulk!.putMany([small("/x", 262_144)]), [DONE]);
  assert.deepEqual(bed.store.objects.get("/x")?.content, small("/x", 262_144).content);
  assert.deepEqual(bed.store.objects.get("/127")?.content, puts[127]!.content);
});

Deno.test("a fast peer puts more than one frame takes in several, and answers in their order", async () => {
  await using bed = await identifiedBed();
  const puts = [
    ...Array.from({ length: 300 }, (_, n) => small(n % 7 === 3 ? `/${n}/denied` : `/${n}`, 10)),
    ...Array.from({ length: 5 }, (_, n) => small(`/large${n}`, 100_000)),
    ...Array.from({ length: 60 }, (_, n) => small(`/${"n".repeat(NAME_MAX_BYTES - 5)}${n}`, 1)),
  ];
  const outcomes = await bed.peer.bulk!.putMany(puts);
  const isDenied = (n: number) => n < 300 && n % 7 === 3;
  outcomes.forEach(({ kind }, n) => assert.equal(kind, isDenied(n) ? "denied" : "done", `${n}`));
  assert.equal(bed.store.log.filter((line) => line.startsWith("+putMany")).length, 8);
});

Deno.test("a fast peer answers what cannot be asked itself, and sends the rest", async () => {
  await using bed = await identifiedBed();
  const old = small("/old", 1), late = { ...old.want.meta, mtime: nanos(2n ** 63n) };
  const puts = [
    small("/a", 1),
    small("/not-shared", 1, OTHER_KEY),
    small(`/${"n".repeat(NAME_MAX_BYTES)}`, 1),
    { ...old, want: { ...old.want, meta: late } },
    small("/b", 1),
  ];
  assert.deepEqual(await bed.peer.bulk!.putMany(puts), [
    DONE,
    { kind: "denied", why: "no grant" },
    failed("File name too long"),
    failed("Invalid argument"),
    DONE,
  ]);
  assert.deepEqual(bed.store.log.filter((line) => line.startsWith("+putMany")), ["+putMany /a /b"]);
  const length = bed.store.log.length;
  assert.deepEqual((await bed.peer.bulk!.putMany([puts[1]!]))[0]?.kind, "denied");
  assert.equal(bed.store.log.length, length, "the server was not asked");
  const wrong = { ...small("/w", 3), want: file(4) };
  await assert.rejects(bed.peer.bulk!.putMany([wrong]), RangeError);
  await assert.rejects(bed.peer.bulk!.putMany([small("/w", 262_145)]), RangeError);
  assert.deepEqual(await bed.peer.bulk!.putMany([small("/c", 0)]), [DONE]);
});

Deno.test("PUTS is sent as it is described", async () => {
  const { peer, duplex, reader } = await welcomedPeer();
  const puts = [small("/a", 3), small("/bb", 0)];
  const asked = peer.bulk!.putMany(puts);
  let sent = await reader.next();
  while (sent?.id === 0) sent = await reader.next();
  const meta = bytesOf(u32(0o100640), u32(1), u32(4_000_000_000));
  const mtime = new Uint8Array(8);
  new DataView(mtime.buffer).setBigInt64(0, 1_700_000_000_123_456_789n, true);
  const entry = (size: number) => bytesOf(0, meta, mtime, u32(size), u32(0));
  assert.deepEqual([sent!.type, sent!.id], [FRAME.puts, 2]);
  assert.deepEqual(
    sent!.payload,
    bytesOf(u16(2), 0, text("/a"), entry(3), 2, 3, 4, 0, text("/bb"), entry(0)),
  );
  await duplex.write(frame("ok", 2, u16(2), 1, 0, u16(0), 0));
  assert.deepEqual(await asked, [{ kind: "conflict" }, DONE]);
  await duplex.end();
  await peer[Symbol.asyncDispose]();
});

Deno.test("PUTS that is refused as a whole is refused for each file", async () => {
  const { peer, duplex } = await welcomedPeer();
  const asked = peer.bulk!.putMany([small("/a", 3), small("/b", 0)]);
  await duplex.write(frame("refused", 2, 4, text("Too many")));
  assert.deepEqual(await asked, [failed("Too many"), failed("Too many")]);
  await duplex.end();
  await peer[Symbol.asyncDispose]();
});

const BREACHES: readonly (readonly [string, Uint8Array])[] = [
  ["no outcomes", frame("ok", 2)],
  ["fewer outcomes than files", frame("ok", 2, u16(1), 0)],
  ["more outcomes than files", frame("ok", 2, u16(3), 0, 0, 0)],
  ["fewer outcomes than it says", frame("ok", 2, u16(2), 0)],
  ["an unknown outcome", frame("ok", 2, u16(2), 0, 2)],
  ["an unknown refusal of a file", frame("ok", 2, u16(2), 0, 1, 5, u16(0))],
  ["a refusal that is cut", frame("ok", 2, u16(2), 0, 1, 4, u16(9), "x")],
  ["bytes behind the outcomes", frame("ok", 2, u16(2), 0, 0, 0)],
  ["GO", frame("go", 2)],
];

for (const [what, bytes] of BREACHES) {
  Deno.test(`a fast peer fails when its server answers PUTS with ${what}`, async () => {
    const { peer, duplex, reader } = await welcomedPeer();
    const asked = peer.bulk!.putMany([small("/a", 3), small("/b", 100_000)]);
    const failures = Promise.all([
      assert.rejects(asked, isCode("protocol/frame")),
      assert.rejects(peer.remove(KEY, dbName("/beside")), isCode("protocol/frame")),
    ]);
    await duplex.write(bytes).catch(() => {});
    await reader.rest();
    await failures;
    await assert.rejects(peer.bulk!.putMany([small("/c", 1)]), isCode("protocol/unusable"));
    await peer[Symbol.asyncDispose]();
    await duplex[Symbol.asyncDispose]();
  });
}
