import assert from "node:assert/strict";
import { Slabs } from "./slabs.ts";

Deno.test("Slabs keeps each copy as it is until it is freed, and uses memory again", () => {
  const slabs = new Slabs(), kept: { bytes: Uint8Array; value: number }[] = [];
  const buffers = new Set<ArrayBufferLike>();
  let random = 7;
  const next = (below: number) => (random = (random * 16_807) % 2_147_483_647) % below;
  for (let n = 0; n < 4_000; n++) {
    if (kept.length > 30 || (kept.length > 0 && next(3) === 0)) {
      const [{ bytes, value }] = kept.splice(next(kept.length), 1) as [typeof kept[0]];
      assert(bytes.every((byte) => byte === value));
      slabs.free(bytes);
    } else {
      const value = n & 255;
      const bytes = slabs.copy(new Uint8Array(next(20_000)).fill(value));
      if (bytes.length > 0) buffers.add(bytes.buffer);
      kept.push({ bytes, value });
    }
  }
  assert(buffers.size < 30, `${buffers.size} buffers`);
  const long = slabs.copy(new Uint8Array(100_000));
  assert.equal(long.buffer.byteLength, 100_000);
  slabs.free(long);
});
