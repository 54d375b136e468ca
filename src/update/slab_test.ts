import assert from "node:assert/strict";
import { Slab } from "./slab.ts";

const PART = 262_144;

Deno.test("Slab.take() gives nobody the bytes that somebody else still has", () => {
  const slab = new Slab();
  const taken = Array.from({ length: 40 }, (_, n) => slab.take(PART).fill(n));
  taken.forEach((bytes, n) => assert.ok(bytes.every((byte) => byte === n)));
  assert.equal(new Set(taken.map(({ buffer }) => buffer)).size, 10);
});

Deno.test("Slab uses a piece again when all its parts were given back, and not before", () => {
  const slab = new Slab();
  const first = Array.from({ length: 4 }, () => slab.take(PART)), [last] = first;
  const second = slab.take(PART);
  for (const bytes of first.slice(1)) slab.giveBack(bytes);
  for (let n = 0; n < 3; n++) slab.take(PART);
  assert.notEqual(slab.take(PART).buffer, last!.buffer);
  assert.notEqual(second.buffer, last!.buffer);
  slab.giveBack(last!);
  for (let n = 0; n < 3; n++) slab.take(PART);
  const again = slab.take(PART);
  assert.equal(again.buffer, last!.buffer);
  assert.equal(again.byteOffset, 0);
});

Deno.test("Slab.take() of a large size has memory of its own, which is not kept", () => {
  const slab = new Slab();
  const large = slab.take(PART + 1);
  slab.giveBack(large);
  assert.equal(large.buffer.byteLength, PART + 1);
  assert.notEqual(slab.take(8).buffer, large.buffer);
});
