import assert from "node:assert/strict";
import { FrameMemory } from "./frame_memory.ts";

const FRAME_BYTES = 262_144;

Deno.test("FrameMemory gives the same memory again, but never to two at once", () => {
  const memory = new FrameMemory();
  const first = memory.take(FRAME_BYTES), second = memory.take(FRAME_BYTES + 1);
  assert.equal(first.length, FRAME_BYTES);
  assert.equal(second.length, FRAME_BYTES + 1);
  assert.notEqual(first.buffer, second.buffer);
  memory.free(first.subarray(5, 10));
  memory.free(first); // twice, by mistake
  const third = memory.take(FRAME_BYTES - 1), fourth = memory.take(FRAME_BYTES);
  assert.equal(third.buffer, first.buffer);
  assert.equal(third.length, FRAME_BYTES - 1);
  assert.notEqual(fourth.buffer, first.buffer);
  assert.notEqual(fourth.buffer, second.buffer);
});

Deno.test("FrameMemory keeps neither what is not its own, nor short and very long frames, nor many", () => {
  const memory = new FrameMemory();
  const foreign = new Uint8Array(FRAME_BYTES);
  for (const piece of [foreign, memory.take(1_000), memory.take(1_000_000)]) {
    memory.free(piece);
    for (const bytes of [piece.length, FRAME_BYTES]) {
      assert.notEqual(memory.take(bytes).buffer, piece.buffer);
    }
  }
  const many = Array.from({ length: 100 }, () => memory.take(FRAME_BYTES));
  const before = new Set(many.map(({ buffer }) => buffer));
  for (const piece of many) memory.free(piece);
  const again = many.map(() => memory.take(FRAME_BYTES).buffer);
  const kept = again.filter((buffer) => before.has(buffer)).length;
  assert.ok(kept > 0 && kept < 50, `${kept} were kept`);
});
