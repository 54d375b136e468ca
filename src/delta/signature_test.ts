import assert from "node:assert/strict";
import {
  ALL_FORMATS,
  collect,
  hex,
  randomBytes,
  shrunk,
  stream,
  text,
} from "../../tests/support/delta_bytes.ts";
import { contentOf } from "./content.ts";
import {
  CSYNC2_PARAMS,
  signature,
  signatureHeader,
  signatureOfNothing,
  signatureOfStream,
  signatureSize,
} from "./signature.ts";

// W appendix B: the ten bytes `abcdefghij`
const VECTORS = [
  "7273013600000800000000101c25052ddc959c6f5d6f9e04e4380777cc964b3d",
  "7273013700000800000000201c25052d" +
  "499e1cdb476523fedafc9d9db31125e2744f271578ea95b16ab4bd1905f05fea",
  "727301460000080000000010833d7204dc959c6f5d6f9e04e4380777cc964b3d",
  "727301470000080000000020833d7204" +
  "499e1cdb476523fedafc9d9db31125e2744f271578ea95b16ab4bd1905f05fea",
];
ALL_FORMATS.forEach((params, i) => {
  Deno.test(`signature() of ${params.weak} and ${params.strong} is W appendix B's`, async () => {
    const { size, bytes } = signature(contentOf(text("abcdefghij")), { params });
    const got = await collect(bytes);
    assert.equal(hex(got), VECTORS[i]);
    assert.equal(size, got.length);
  });
});

Deno.test("signature() of empty content is the header with strong sums of 16 bytes", async () => {
  const got = await collect(signature(contentOf(new Uint8Array(0))).bytes);
  assert.equal(hex(got), "727301360000080000000010");
});

Deno.test("signatureOfNothing() is the fixed twelve bytes", async () => {
  const { size, bytes } = signatureOfNothing();
  assert.equal(hex(await collect(bytes)), "727301360000080000000008");
  assert.equal(size, 12);
});

Deno.test("signatureSize() counts a short last block", () => {
  assert.equal(signatureSize(0), 12);
  assert.equal(signatureSize(1), 32);
  assert.equal(signatureSize(2048), 32);
  assert.equal(signatureSize(2049), 52);
  assert.equal(signatureSize(2 ** 40), 12 + 20 * 2 ** 29);
});

Deno.test("signature() gives the same bytes whatever the window, the pieces and the way in", async () => {
  const bytes = randomBytes(700_001);
  for (const blockLength of [1, 3, 100, 2048, 65_537, 300_000, 1_048_576]) {
    const content = contentOf(blockLength === 1 ? bytes.subarray(0, 20_001) : bytes);
    const params = { ...CSYNC2_PARAMS, blockLength, strongLength: 5 };
    const { size, bytes: pieces } = signature(content, { params });
    const whole = await collect(pieces);
    assert.equal(whole.length, size, `block length ${blockLength}`);
    const source = bytes.subarray(0, content.size);
    for (const pieceBytes of [997, 262_144, 1_000_000]) {
      const streamed = await collect(signatureOfStream(stream(source, pieceBytes), { params }));
      assert.deepEqual(streamed, whole, `block length ${blockLength} in pieces of ${pieceBytes}`);
    }
  }
});

Deno.test("signature() has the promised size when the content became shorter", async () => {
  const bytes = randomBytes(1_000_000);
  for (const left of [0, 1, 300_000, 999_999]) {
    const { size, bytes: pieces } = signature(shrunk(bytes.subarray(0, left), 1_000_000));
    const got = await collect(pieces);
    assert.equal(got.length, size);
    const whole = await collect(signature(contentOf(bytes.subarray(0, left))).bytes);
    assert.deepEqual(got.subarray(0, whole.length), whole);
    assert(got.subarray(whole.length).every((byte) => byte === 0));
  }
});

Deno.test("signature() ends when it is aborted", async () => {
  const controller = new AbortController();
  const content = contentOf(new Uint8Array(40_000_000));
  const { bytes } = signature(content, { signal: controller.signal });
  await assert.rejects(async () => {
    for await (const _ of bytes) controller.abort(new Error("enough"));
  }, /enough/);
});

Deno.test("signature() lets the event loop run", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await collect(signature(contentOf(new Uint8Array(64 * 1_048_576))).bytes);
  clearInterval(timer);
  assert(turns > 0);
});

Deno.test("signature() jobs that take turns do not disturb one another", async () => {
  const contents = [1, 2, 3, 4].map((seed) => randomBytes(3_000_000 + seed, seed));
  const one = async (bytes: Uint8Array) => {
    const pieces: number[] = [];
    for await (const piece of signature(contentOf(bytes)).bytes) {
      pieces.push(...piece);
      await new Promise((go) => setTimeout(go, 1));
    }
    return Uint8Array.from(pieces);
  };
  const together = await Promise.all(contents.map(one));
  for (const [i, bytes] of contents.entries()) {
    assert.deepEqual(together[i], await collect(signatureOfStream(stream(bytes))));
  }
});

const BAD_PARAMS = [
  { blockLength: 0 },
  { blockLength: 1.5 },
  { blockLength: 16 * 1_048_576 + 1 },
  { strongLength: 0 },
  { strongLength: 17 },
];
for (const bad of BAD_PARAMS) {
  Deno.test(`signatureHeader() throws for ${JSON.stringify(bad)}`, () => {
    assert.throws(() => signatureHeader({ ...CSYNC2_PARAMS, ...bad }), RangeError);
  });
}
