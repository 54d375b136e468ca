import assert from "node:assert/strict";
import {
  ALL_FORMATS,
  collect,
  concat,
  patched,
  randomBytes,
  shrunk,
  stream,
  text,
} from "../../tests/support/delta_bytes.ts";
import type { ByteStream } from "../model/mod.ts";
import { type Content, contentOf } from "./content.ts";
import { delta, deltaSize } from "./delta_format.ts";
import { match, type MatchOptions } from "./match.ts";
import { CSYNC2_PARAMS, signature } from "./signature.ts";

const B = 2048;
const signed = (bytes: Uint8Array, params = CSYNC2_PARAMS) =>
  signature(contentOf(bytes), { params }).bytes;
const copies = async (
  old: Uint8Array,
  now: Uint8Array,
) => [...await match(signed(old), contentOf(now))];

Deno.test("match() joins the blocks of equal content to one copy", async () => {
  const bytes = randomBytes(20 * B + 5);
  assert.deepEqual(await copies(bytes, bytes), [{ source: 0, basis: 0, length: bytes.length }]);
});

Deno.test("match() finds what moved", async () => {
  const bytes = randomBytes(20 * B);
  const now = concat(bytes.subarray(10 * B), text("between"), bytes.subarray(0, 10 * B));
  assert.deepEqual(await copies(bytes, now), [
    { source: 0, basis: 10 * B, length: 10 * B },
    { source: 10 * B + 7, basis: 0, length: 10 * B },
  ]);
});

Deno.test("match() finds blocks behind an edit of each length", async () => {
  const bytes = randomBytes(9 * B, 5);
  for (const length of [1, 2, 63, B - 1, B, B + 1, 3 * B]) {
    const now = concat(bytes.subarray(0, 5 * B), new Uint8Array(length), bytes.subarray(5 * B));
    assert.deepEqual(await copies(bytes, now), [
      { source: 0, basis: 0, length: 5 * B },
      { source: 5 * B + length, basis: 5 * B, length: 4 * B },
    ], `insertion of ${length}`);
  }
});

Deno.test("match() matches the short last block at the end only", async () => {
  const bytes = randomBytes(2 * B + 100, 9);
  const last = bytes.subarray(2 * B);
  assert.deepEqual(await copies(bytes, concat(text("new"), last)), [
    { source: 3, basis: 2 * B, length: 100 },
  ]);
  assert.deepEqual(await copies(bytes, concat(last, text("new"))), []);
});

Deno.test("match() goes through many equal blocks in one copy", async () => {
  const zeros = new Uint8Array(3_000_000);
  const found = await copies(zeros, zeros.subarray(0, 2_999_000));
  assert.equal(found[0]!.length, Math.floor(2_999_000 / B) * B);
});

Deno.test("match() has nothing to copy when there are no blocks", async () => {
  const runs = await match(signed(new Uint8Array(0)), contentOf(randomBytes(5000)));
  assert.equal(runs.count, 0);
  assert.equal(runs.sourceSize, 5000);
  assert.equal(runs.literalMax, B);
});

Deno.test("match() works with blocks longer than the content, and of one byte", async () => {
  const old = randomBytes(3000, 3), now = concat(old, text("x"));
  for (const params of ALL_FORMATS) {
    for (const blockLength of [1, 2, 3, 5000, 1_048_576]) {
      const runs = await match(signed(old, { ...params, blockLength }), contentOf(now));
      assert.equal(runs.count === 0, blockLength > 3001, `${params.weak}, ${blockLength}`);
      const bytes = await collect(delta(contentOf(now), runs).bytes);
      assert.deepEqual(await patched(old, stream(bytes)), now);
    }
  }
});

Deno.test("match() never plans more copies than allowed, and the delta stays right", async () => {
  const old = randomBytes(200 * B, 4);
  const parts: Uint8Array[] = [];
  for (let i = 199; i >= 0; i--) parts.push(old.subarray(i * B, (i + 1) * B), text("-"));
  const now = concat(...parts);
  for (const copiesMax of [1, 2, 10, 199, 200]) {
    const runs = await match(signed(old), contentOf(now), { copiesMax });
    assert(runs.count <= copiesMax);
    const bytes = await collect(delta(contentOf(now), runs).bytes);
    assert.equal(bytes.length, deltaSize(runs));
    assert.deepEqual(await patched(old, stream(bytes)), now);
  }
});

Deno.test("match() ends with what is left when the content became shorter", async () => {
  const old = randomBytes(600_000);
  const runs = await match(signed(old), shrunk(old.subarray(0, 300_000), 600_000));
  assert.equal(runs.sourceSize, 300_000);
});

/** Zeros, and how far they were read. */
function zeros(size: number): Content & { readTo: number } {
  return {
    size,
    readTo: 0,
    readAt(into, offset) {
      const bytes = Math.min(into.length, size - offset);
      this.readTo = offset + bytes;
      into.fill(0, 0, bytes);
      return bytes;
    },
  };
}

/** A signature with the given blocks; strong sums are wrong on purpose. */
async function* hostile(weakSums: readonly number[], blockLength: number): ByteStream {
  const bytes = new Uint8Array(12 + weakSums.length * 20);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x72730136);
  view.setUint32(4, blockLength);
  view.setUint32(8, 16);
  for (const [i, weak] of weakSums.entries()) {
    view.setUint32(12 + i * 20, weak);
    view.setUint32(16 + i * 20, i);
  }
  yield await Promise.resolve(bytes);
}

Deno.test("match() bounds the work for a signature with our weak sums and other strong sums", async () => {
  // Each of 16 Mi positions of zeros costs a hash of 64 KiB without the limit: 1 TiB, over ten minutes.
  const size = 16 * 1_048_576, blockLength = 65_536;
  const weak = (31 * blockLength * (blockLength + 1) / 2 % 65_536) * 65_536 +
    31 * blockLength % 65_536;
  const content = zeros(size);
  const runs = await match(hostile([weak], blockLength), content);
  assert.equal(runs.count, 0);
  assert.equal(runs.sourceSize, size);
  assert(content.readTo < size, "it gave up early");
});

Deno.test("match() bounds the work for a million blocks with one weak sum", async () => {
  const sums = new Array<number>(1_000_000).fill(0x7c00f800); // of 2048 zero bytes
  const content = zeros(4_000_000);
  const runs = await match(hostile(sums, 2048), content, { limits: { blocksMax: 2 ** 20 } });
  assert.equal(runs.count, 0);
  assert.equal(runs.sourceSize, 4_000_000);
  assert(content.readTo < 4_000_000, "it gave up early");
});

const rejected = (options: MatchOptions, content: Content, code: string) =>
  assert.rejects(match(hostile([1, 2, 3], 2048), content, options), { code });

Deno.test("match() keeps the caller's limits", async () => {
  const content = contentOf(new Uint8Array(5000));
  await rejected({ limits: { blocksMax: 2 } }, content, "delta/signature-too-long");
  await rejected({ limits: { blockLengthMax: 1024 } }, content, "delta/signature-block-length");
});

Deno.test("match() ends when it is aborted, and lets others have their turn before", async () => {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error("enough")), 5);
  const old = signed(randomBytes(100_000));
  const content = { size: 2 ** 45, readAt: (into: Uint8Array) => into.fill(1).length };
  await assert.rejects(match(old, content, { signal: controller.signal }), /enough/);
  clearTimeout(timer);
});

Deno.test("match() jobs that take turns do not disturb one another", async () => {
  const jobs = [1, 2, 3, 4, 5].map(async (seed) => {
    const old = randomBytes(1_000_000 + seed, seed);
    const now = concat(old.subarray(0, 500_000), text(`${seed}`), old.subarray(500_000));
    const params = ALL_FORMATS[seed % 4]!;
    const runs = await match(stream(await collect(signed(old, params)), 500), contentOf(now));
    assert.deepEqual(await patched(old, delta(contentOf(now), runs).bytes), now);
  });
  await Promise.all(jobs);
});

Deno.test("match() refuses a signature that is much longer than the content", async () => {
  const entries = (count: number) =>
    concat(text("rs\x01\x36\0\0\x08\0\0\0\0\x10"), new Uint8Array(20 * count));
  const content = contentOf(randomBytes(5 * B));
  await match(stream(entries(65_536)), content);
  await assert.rejects(match(stream(entries(65_537)), content), {
    code: "delta/signature-too-long",
  });
});
