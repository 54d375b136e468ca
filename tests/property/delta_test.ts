/** Laws of src/delta for arbitrary content. A failure prints seed and path for fc.assert to repeat it. */
import fc from "fast-check";
import assert from "node:assert/strict";
import { contentOf, deltaFor, sameContentAs, signature } from "../../src/delta/mod.ts";
import { Kernel, WEAK_KINDS } from "../../src/delta/kernel.ts";
import {
  ALL_FORMATS,
  collect,
  concat,
  patched,
  randomBytes,
  stream,
} from "../support/delta_bytes.ts";

const RUNS = { numRuns: 150, verbose: 1 } as const;

// Few different bytes, so that sums and blocks repeat.
const bytes = (maxLength: number) =>
  fc.oneof(
    fc.uint8Array({ maxLength, size: "max" }),
    fc.uint8Array({ maxLength, max: 1, size: "max" }),
    fc.nat(maxLength).map((length) => new Uint8Array(length).fill(255)),
  );

/** Old content, and new content made of its parts and of foreign bytes. */
const edited = bytes(3000).chain((old) => {
  const part = fc.oneof(
    fc.tuple(fc.nat(old.length), fc.nat(old.length)).map(([a, b]) =>
      old.subarray(Math.min(a, b), Math.max(a, b))
    ),
    bytes(60),
  );
  return fc.record({
    old: fc.constant(old),
    now: fc.array(part, { maxLength: 6 }).map((parts) => concat(...parts)),
  });
});

const params = fc.constantFrom(...ALL_FORMATS).chain((format) =>
  fc.record({
    weak: fc.constant(format.weak),
    strong: fc.constant(format.strong),
    blockLength: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 4000 })),
    strongLength: fc.integer({ min: 8, max: format.strongLength }),
  })
);

Deno.test("patch(old, delta(signature(old), new)) = new", async () => {
  await fc.assert(
    fc.asyncProperty(
      edited,
      params,
      fc.integer({ min: 1, max: 5000 }),
      async ({ old, now }, params, pieceBytes) => {
        const signed = await collect(signature(contentOf(old), { params }).bytes);
        const delta = await deltaFor(stream(signed, pieceBytes), { content: contentOf(now) });
        const sent = await collect(delta.bytes);
        assert.equal(sent.length, delta.size);
        assert.deepEqual(await patched(old, stream(sent, pieceBytes)), now);
      },
    ),
    RUNS,
  );
});

const SIZES = [0, 1, 2, 2047, 2048, 2049, 4095, 4096, 4097, 8191, 8192, 8193, 10_000, 300_000];
for (const params of ALL_FORMATS) {
  Deno.test(`patch(delta) = new for odd sizes with ${params.weak} and ${params.strong}`, async () => {
    const basis = randomBytes(300_000, 11);
    for (const oldSize of SIZES) {
      const old = basis.subarray(0, oldSize);
      for (const newSize of SIZES) {
        const now = basis.subarray(0, newSize);
        const signed = signature(contentOf(old), { params }).bytes;
        const delta = await deltaFor(signed, { content: contentOf(now) });
        const sent = await collect(delta.bytes);
        assert.equal(sent.length, delta.size);
        assert.deepEqual(await patched(old, stream(sent)), now, `${oldSize} -> ${newSize}`);
      }
    }
  });
}

Deno.test("sameContentAs(signature(a), b) is whether a = b", async () => {
  await fc.assert(
    fc.asyncProperty(edited, params, async ({ old, now }, params) => {
      const signed = await collect(signature(contentOf(old), { params }).bytes);
      const isEqual = old.length === now.length && old.every((byte, i) => byte === now[i]);
      assert.equal(await sameContentAs(stream(signed, 100), contentOf(now)), isEqual);
      assert.equal(await sameContentAs(stream(signed, 7), contentOf(old)), true);
    }),
    RUNS,
  );
});

/** Sum of the `length` bytes from `at` on of what is at the kernel's heap base. */
function weakSum(kernel: Kernel, kind: number, at: number, length: number): number {
  return kernel.calls.weakSum(kind, kernel.heapBase + at, length);
}

for (const kind of ["rollsum", "rabinkarp"] as const) {
  Deno.test(`${kind}: a rolled sum is the fresh one`, () => {
    fc.assert(
      fc.property(bytes(600), fc.integer({ min: 1, max: 300 }), (content, window) => {
        using kernel = Kernel.borrow();
        kernel.reserve(kernel.heapBase + content.length);
        kernel.view(kernel.heapBase, content.length).set(content);
        const code = WEAK_KINDS[kind], length = Math.min(window, content.length);
        let sum = weakSum(kernel, code, 0, length), at = 0;
        for (; at + length < content.length; at++) {
          sum = kernel.calls.rolled(code, sum, length, content[at]!, content[at + length]!);
          assert.equal(sum, weakSum(kernel, code, at + 1, length));
        }
        for (let left = length; left > 0; left--, at++) {
          sum = kernel.calls.rolledOut(code, sum, left, content[at]!);
          assert.equal(sum, weakSum(kernel, code, at + 1, left - 1));
        }
      }),
      RUNS,
    );
  });
}

Deno.test("no bytes make the readers of signatures and deltas fail in an unknown way", async () => {
  const magics = fc.constantFrom(0x72730136, 0x72730137, 0x72730146, 0x72730147, 0x72730236);
  const wire = fc.tuple(magics, bytes(300)).map(([magic, rest]) => {
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, magic);
    return concat(head, rest);
  });
  const old = randomBytes(5000, 2), now = randomBytes(4000, 3);
  await fc.assert(
    fc.asyncProperty(wire, fc.integer({ min: 1, max: 50 }), async (sent, pieceBytes) => {
      const refused = (error: Error) => assert.equal(error.name, "DeltaError", error.stack);
      await deltaFor(stream(sent, pieceBytes), { content: contentOf(now) }).then(async (delta) => {
        assert.equal((await collect(delta.bytes)).length, delta.size);
      }, refused);
      await sameContentAs(stream(sent, pieceBytes), contentOf(old)).catch(refused);
      await patched(old, stream(sent, pieceBytes)).catch(refused);
    }),
    { ...RUNS, numRuns: 500 },
  );
});
