import assert from "node:assert/strict";
import { fromBytes, toBytes } from "./bytes.ts";

for (const length of [0, 1, 63, 64, 65, 255, 256, 1_023, 1_024, 1_025, 8_193, 100_000]) {
  Deno.test(`${length} bytes become a byte string and come back`, () => {
    const whole = Uint8Array.from({ length: length + 7 }, (_, at) => at % 256);
    const bytes = whole.subarray(7); // not at the start of its buffer
    const text = fromBytes(bytes);
    assert.equal(text.length, length);
    for (let at = 0; at < length; at++) assert.equal(text.charCodeAt(at), bytes[at]);
    assert.deepEqual(toBytes(text), bytes.slice());
    const ascii = "aZ~\x7f".repeat(length).slice(0, length);
    assert.equal(fromBytes(toBytes(ascii)), ascii);
    assert.equal(fromBytes(toBytes(`${ascii}\xff`)), `${ascii}\xff`);
  });
}
