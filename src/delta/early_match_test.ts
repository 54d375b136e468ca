import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { collect, concat, patched, randomBytes, stream } from "../../tests/support/delta_bytes.ts";
import type { ByteStream } from "../model/mod.ts";
import { contentOf } from "./content.ts";
import { delta } from "./delta_format.ts";
import { match } from "./match.ts";
import { sameContentAs } from "./same_content.ts";
import {
  KEYED_MAGIC,
  signature,
  signatureHeader,
  signatureSize,
  sizedParams,
} from "./signature.ts";
import { openSignature } from "./signature_input.ts";

const MIB = 1_048_576;
/** As randomBytes, but fast: a word at a time. */
function noise(bytes: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  for (let i = 0, x = seed; i < words.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    words[i] = x ^= x << 5;
  }
  return new Uint8Array(words.buffer, 0, bytes);
}
const sized = (bytes: Uint8Array) =>
  signature(contentOf(bytes), { params: sizedParams(bytes.length) });

for (const [size, block] of [[0, 1024], [1e6, 1024], [2 ** 30, 32768], [2 ** 40, 131072]]) {
  Deno.test(`sizedParams() of ${size} bytes are blocks of ${block}`, () => {
    assert.equal(sizedParams(size!).blockLength, block);
  });
}

Deno.test("signature() with a key differs from the next one of the same content", async () => {
  const bytes = randomBytes(100_000);
  const [one, two] = [sized(bytes), sized(bytes)];
  const [a, b] = [await collect(one.bytes), await collect(two.bytes)];
  assert.equal(a.length, one.size);
  assert.equal(new DataView(a.buffer).getUint32(0), KEYED_MAGIC);
  assert.equal(await sameContentAs(stream(a, 5), contentOf(bytes)), true);
  assert.notDeepEqual(a, b);
  // Same weak sums; every strong sum is another one.
  for (let at = 28; at < a.length; at += 20) {
    assert.deepEqual(a.subarray(at, at + 4), b.subarray(at, at + 4));
    assert.notDeepEqual(a.subarray(at + 4, at + 20), b.subarray(at + 4, at + 20));
  }
  const { params } = await openSignature(stream(a, 7));
  assert.deepEqual(params.key, a.subarray(12, 28));
});

Deno.test("signature() without a key is not changed by one with a key before it", async () => {
  const bytes = randomBytes(50_000);
  const before = await collect(signature(contentOf(bytes)).bytes);
  await collect(sized(bytes).bytes);
  assert.deepEqual(await collect(signature(contentOf(bytes)).bytes), before);
});

Deno.test("openSignature() refuses a key that is cut off", async () => {
  const header = signatureHeader(sizedParams(1));
  await assert.rejects(openSignature(stream(header.subarray(0, 20), 3)), {
    code: "delta/signature-truncated",
  });
});

Deno.test("signatureHeader() throws for a key with another strong sum", () => {
  assert.throws(() => signatureHeader({ ...sizedParams(1), strong: "blake2b" }), RangeError);
  assert.throws(() => signatureHeader({ ...sizedParams(1), key: new Uint8Array(3) }), RangeError);
});

const OLD = noise(24 * MIB, 7);
const EDITS: readonly { readonly name: string; readonly now: Uint8Array; readonly most: number }[] =
  [
    { name: "nothing changed", now: OLD, most: 0 },
    {
      name: "bytes inserted and removed",
      now: concat(
        OLD.subarray(0, 3 * MIB),
        randomBytes(100, 3),
        OLD.subarray(3 * MIB, 9 * MIB),
        OLD.subarray(9 * MIB + 77),
      ),
      most: 4 * 5120,
    },
    {
      name: "the end moved to the front",
      now: concat(OLD.subarray(16 * MIB), OLD.subarray(0, 16 * MIB)),
      most: 4 * 5120,
    },
    {
      name: "another content in front",
      now: concat(noise(9 * MIB, 4), OLD),
      most: 9 * MIB + 4 * 5120,
    },
    { name: "the front is gone", now: OLD.subarray(12 * MIB), most: 4 * 5120 },
    { name: "another content", now: noise(9 * MIB, 9), most: 9 * MIB },
  ];

for (const { name, now, most } of EDITS) {
  Deno.test(`match() searches while the signature comes when ${name}`, async () => {
    const { bytes, size } = sized(OLD);
    let pulled = 0;
    const counted = async function* (): ByteStream {
      for await (const piece of bytes) {
        pulled += piece.length;
        yield piece;
      }
    };
    const runs = await match(counted(), contentOf(now));
    assert.equal(pulled, size);
    assert.equal(runs.sourceSize, now.length);
    assert.ok(now.length - runs.known <= most, `${now.length - runs.known} bytes unknown`);
    const made = await patched(OLD, delta(contentOf(now), runs).bytes);
    assert.equal(Buffer.compare(made, now), 0);
  });
}

Deno.test("match() reads the content before the signature is complete", async () => {
  let read = 0, readBeforeLast = 0;
  const content = {
    size: OLD.length,
    readAt: (into: Uint8Array, offset: number) => {
      read = Math.max(read, offset + into.length);
      return contentOf(OLD).readAt(into, offset);
    },
  };
  const complete = await collect(sized(OLD).bytes);
  const slow = async function* (): ByteStream {
    for await (const piece of stream(complete, 4_000)) {
      readBeforeLast = read;
      yield piece;
    }
  };
  await match(slow(), content, { early: true });
  assert.ok(readBeforeLast > 12 * MIB, `${readBeforeLast} bytes read`);
  assert.equal(signatureSize(OLD.length, sizedParams(OLD.length)), complete.length);
});

Deno.test("match() gives up an early search when the signature is cut off", async () => {
  const complete = await collect(sized(OLD).bytes);
  const cut = stream(complete.subarray(0, complete.length - 3), 1_000);
  await assert.rejects(match(cut, contentOf(OLD), { early: true }), {
    code: "delta/signature-truncated",
  });
});
