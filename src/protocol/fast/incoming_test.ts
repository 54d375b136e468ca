import assert from "node:assert/strict";
import { ProtocolError } from "../protocol_error.ts";
import { Granted } from "./credit.ts";
import { Incoming } from "./incoming.ts";

const LOST = new ProtocolError("closed", "Cannot go on: the peer closed the connection");

function incoming(): Incoming {
  return new Incoming(Object.create(Granted.prototype, { used: { value: () => {} } }), 100);
}

Deno.test("a content whose connection breaks before all of it was pulled has no end", async () => {
  for (const isComplete of [false, true]) {
    for (const pulled of [0, 1, 2]) {
      const content = incoming(), pieces = content.bytes[Symbol.asyncIterator]();
      for (let n = 1; n <= 3; n++) {
        content.add(new Uint8Array([n]));
        if (n <= pulled) assert.deepEqual((await pieces.next()).value, new Uint8Array([n]));
      }
      if (isComplete) content.end("complete");
      content.fail(LOST);
      await assert.rejects(pieces.next(), LOST, `${pulled} pulled`);
    }
  }
});

Deno.test("a content that was pulled to its end stays complete when the connection breaks afterwards", async () => {
  const content = incoming(), got: number[] = [];
  content.add(new Uint8Array([1, 2]));
  content.add(new Uint8Array([3]));
  content.end("complete");
  for await (const piece of content.bytes) got.push(...piece);
  content.fail(LOST);
  assert.deepEqual([got, content.ending, content.received], [[1, 2, 3], "complete", 3]);
});
