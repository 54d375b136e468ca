/** Frames there and back: every layout, cut in every way. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Meta, nanos, type Present } from "../../model/mod.ts";
import { type Duplex, duplexPair } from "../../net/mod.ts";
import { concat } from "../../../tests/support/fast_bed.ts";
import { broken, Reader, Writer } from "./bytes.ts";
import { Credit, Granted } from "./credit.ts";
import { FrameReader } from "./frame_reader.ts";
import { FrameSender } from "./frame_sender.ts";
import { Gate } from "./gate.ts";
import { CREDIT_BYTES, DATA_MAX_BYTES, FRAME_MAX_BYTES } from "./layout.ts";
import {
  entryBytes,
  readEntry,
  readRefusal,
  refusalBytes,
  writeEntry,
  writeRefusal,
} from "./values.ts";

const byteString = (max: number) =>
  fc.uint8Array({ minLength: 1, maxLength: max }).map((bytes) =>
    String.fromCharCode(...bytes.map((byte) => byte || 1))
  );

const PLAIN = { noNullPrototype: true };

function entries(): fc.Arbitrary<Present> {
  const meta = (type: number) =>
    fc.record({
      mode: fc.nat(0o7777).map((mode) => mode | type),
      uid: fc.nat(0xffff_ffff),
      gid: fc.nat(0xffff_ffff),
      mtime: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(nanos),
    }, PLAIN) as fc.Arbitrary<Meta>;
  const rdev = fc.nat(0xffff_ffff);
  return fc.oneof(
    fc.record(
      { kind: fc.constant("reg" as const), meta: meta(0o100000), size: fc.maxSafeNat() },
      PLAIN,
    ),
    fc.record({ kind: fc.constant("dir" as const), meta: meta(0o040000) }, PLAIN),
    fc.record(
      { kind: fc.constant("lnk" as const), meta: meta(0o120000), target: byteString(200) },
      PLAIN,
    ),
    fc.record({ kind: fc.constant("chr" as const), meta: meta(0o020000), rdev }, PLAIN),
    fc.record({ kind: fc.constant("blk" as const), meta: meta(0o060000), rdev }, PLAIN),
    fc.record({ kind: fc.constant("fifo" as const), meta: meta(0o010000) }, PLAIN),
    fc.record({ kind: fc.constant("sock" as const), meta: meta(0o140000) }, PLAIN),
  );
}

Deno.test("property: an entry is read as it was written, in the room that was asked for", () => {
  fc.assert(fc.property(entries(), (entry) => {
    const writer = new Writer(new Uint8Array(entryBytes(entry)));
    writeEntry(writer, entry);
    const reader = new Reader();
    reader.use(writer.bytes);
    reader.span(0, writer.at);
    assert.deepEqual(readEntry(reader), entry);
    reader.done();
    for (let cut = 0; cut < writer.at; cut++) {
      reader.span(0, cut);
      assert.throws(() => readEntry(reader), { kind: "frame" });
    }
  }));
});

Deno.test("a refusal is read as it was written, as one printable line", () => {
  for (
    const refusal of [
      { kind: "conflict" },
      { kind: "parent-missing" },
      { kind: "denied", why: "slave" },
      { kind: "denied", why: "no grant" },
      { kind: "failed", reply: "No space left on device \xe4" },
    ] as const
  ) {
    const writer = new Writer(new Uint8Array(refusalBytes(refusal)));
    writeRefusal(writer, refusal);
    const reader = new Reader();
    reader.use(writer.bytes);
    reader.span(0, writer.at);
    assert.deepEqual(readRefusal(reader), refusal);
  }
  const writer = new Writer(new Uint8Array(5_000));
  writeRefusal(writer, { kind: "failed", reply: `\x1b[2J\n\u20ac${"x".repeat(9_000)}` });
  const reader = new Reader();
  reader.use(writer.bytes);
  reader.span(0, writer.at);
  assert.deepEqual(readRefusal(reader), { kind: "failed", reply: `?[2J??${"x".repeat(4_090)}` });
});

interface Seen {
  type: number;
  id: number;
  payload: string;
}

/** What a reader makes of bytes that come in these pieces. */
function read(pieces: readonly Uint8Array[]): Seen[] {
  const seen: Seen[] = [], kept: { bytes: Uint8Array; hex: string }[] = [];
  const reader = new FrameReader({
    duplex: undefined as unknown as Duplex,
    maxBytes: () => FRAME_MAX_BYTES,
    isGivenBack: (type) => type % 2 === 1,
    take: (type, id, payload, isOwned) => {
      const bytes = payload.rest();
      seen.push({ type, id, payload: bytes.toHex() });
      if (type % 2 === 1 && bytes.length > 32_768) assert.ok(isOwned);
      if (!isOwned) return;
      kept.push({ bytes, hex: bytes.toHex() });
      if (id % 2 === 1) return;
      const before = kept.shift()!; // its memory is for the frames that follow
      assert.equal(before.bytes.toHex(), before.hex);
      reader.free(before.bytes);
    },
  });
  for (const piece of pieces) {
    const own = piece.slice();
    reader.feed(own);
    own.fill(0xee); // the next read overwrites it
  }
  for (const { bytes, hex } of kept) assert.equal(bytes.toHex(), hex);
  return seen;
}

Deno.test("property: frames that were sent are read again, however they are cut", async () => {
  const frames = fc.array(
    fc.record({
      type: fc.nat(255),
      id: fc.nat(0xffff_ffff),
      size: fc.oneof(
        fc.nat(40),
        fc.nat(70_000),
        fc.constantFrom(32_767, 32_768, 65_535, 65_536, 262_144),
      ),
      isTail: fc.boolean(),
    }),
    { maxLength: 8 },
  );
  const cuts = fc.array(fc.oneof(fc.nat(12), fc.nat(70_000)), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(frames, cuts, async (frames, cuts) => {
      const [near, far] = duplexPair();
      const sender = new FrameSender(near);
      const wanted: Seen[] = [];
      const got: Uint8Array[] = [];
      const reading = (async () => {
        for (let piece; (piece = await far.readSome(1 << 20)) !== undefined;) {
          got.push(piece.slice());
        }
      })();
      for (const [n, { type, id, size, isTail }] of frames.entries()) {
        const payload = new Uint8Array(size).fill(n + 1);
        wanted.push({ type, id, payload: payload.toHex() });
        if (size % 3 === 0) {
          sender.whole(type, id, concat([new Uint8Array(9), payload]), () => {});
        } else {
          const writer = sender.begin(type, id, isTail ? 0 : size);
          if (!isTail) writer.raw(payload);
          sender.end(isTail ? payload : undefined);
        }
        if (n % 5 === 4) await sender.room();
      }
      await sender.flush();
      await near.end();
      await reading;
      const whole = concat(got);
      assert.deepEqual(read([whole]), wanted);
      const pieces: Uint8Array[] = [];
      for (let at = 0, n = 0; at < whole.length; n++) {
        const size = Math.max(1 + cuts[n % cuts.length]!, whole.length / 5_000 | 0);
        pieces.push(whole.subarray(at, at + size));
        at += size;
      }
      assert.deepEqual(read(pieces), wanted);
    }),
    { numRuns: 15 },
  );
});

Deno.test("FrameReader refuses a length as soon as it is there", () => {
  for (const cut of [1, 2, 3, 4]) {
    const reader = new FrameReader({
      duplex: undefined as unknown as Duplex,
      maxBytes: () => 100,
      take: () => assert.fail("there is no frame"),
    });
    const length = Uint8Array.of(101, 0, 0, 0);
    assert.throws(() => {
      reader.feed(length.subarray(0, cut));
      reader.feed(length.subarray(cut));
    }, { kind: "frame" });
  }
});

Deno.test("FrameSender tells everybody who waits when the connection has failed", async () => {
  const [near, far] = duplexPair();
  const sender = new FrameSender(near);
  const waits: Promise<void>[] = [];
  for (let n = 0; n < 40; n++) {
    sender.begin(32, 1, 0);
    waits.push(new Promise((sent) => sender.end(new Uint8Array(100_000), sent)));
  }
  const room = sender.room();
  assert.notEqual(room, undefined);
  await far[Symbol.asyncDispose]();
  await Promise.all([...waits, room]);
  sender.empty(1, 1);
  await sender.flush();
  assert.equal(sender.room(), undefined);
  await near[Symbol.asyncDispose]();
});

Deno.test("Credit goes to those who wait in their order, and fails for all of them", async () => {
  const credit = new Credit(), order: number[] = [];
  credit.add(10);
  assert.equal(credit.take(4), undefined);
  const large = credit.take(100)!.then(() => order.push(1));
  const small = credit.take(1)!.then(() => order.push(2)); // does not overtake
  credit.add(93);
  assert.deepEqual(order, []);
  credit.add(2);
  await Promise.all([large, small]);
  assert.deepEqual(order, [1, 2]);
  const never = credit.take(500)!;
  credit.fail(broken("x"));
  await assert.rejects(never, { kind: "frame" });
  assert.throws(() => credit.take(1), { kind: "frame" });
});

Deno.test("Granted takes what was granted, and gives back in large steps", () => {
  const given: number[] = [];
  const granted = new Granted((bytes) => given.push(bytes));
  assert.throws(() => granted.received(1), { kind: "frame" });
  granted.open();
  granted.received(CREDIT_BYTES - 1);
  assert.throws(() => granted.received(1), { kind: "frame" });
  const other = new Granted((bytes) => given.push(bytes));
  other.open(1); // two pieces, so that one can always follow
  other.received(DATA_MAX_BYTES);
  other.used(DATA_MAX_BYTES - 1);
  assert.deepEqual(given, [CREDIT_BYTES, 2 * DATA_MAX_BYTES]);
  other.used(1);
  assert.deepEqual(given, [CREDIT_BYTES, 2 * DATA_MAX_BYTES, DATA_MAX_BYTES]);
});

Deno.test("Gate lets requests go in their order, within both limits, and always one", () => {
  const gate = new Gate(), went: number[] = [];
  const enter = (n: number, bytes: number) => gate.enter(bytes, () => went.push(n));
  gate.limit({ requests: 3, bytes: 100 });
  enter(1, 500); // alone it may
  enter(2, 1);
  assert.deepEqual(went, [1]);
  gate.leave(500);
  assert.deepEqual(went, [1, 2]);
  enter(3, 99);
  enter(4, 1);
  enter(5, 0);
  assert.deepEqual(went, [1, 2, 3]);
  assert.equal(gate.count, 4);
  gate.leave(1);
  assert.deepEqual(went, [1, 2, 3, 4, 5]);
  enter(6, 200);
  enter(7, 0);
  gate.open();
  assert.deepEqual(went, [1, 2, 3, 4, 5, 6, 7]);
});
