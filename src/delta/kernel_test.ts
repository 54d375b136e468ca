import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Kernel, STRONG_KINDS, type StrongKind, WEAK_KINDS, type WeakKind } from "./kernel.ts";

const hex = (bytes: Uint8Array) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
const text = (s: string) => new TextEncoder().encode(s);

/** Puts `bytes` where no alignment helps. */
function digest(kind: StrongKind, bytes: Uint8Array): string {
  using kernel = Kernel.borrow();
  const at = kernel.heapBase + 64 + 3;
  kernel.reserve(at + bytes.length);
  kernel.view(at, bytes.length).set(bytes);
  kernel.calls.digest(STRONG_KINDS[kind], at, bytes.length, kernel.heapBase);
  return hex(kernel.view(kernel.heapBase, kind === "md4" ? 16 : 32));
}

function weakSum(kind: WeakKind, bytes: Uint8Array): number {
  using kernel = Kernel.borrow();
  const at = kernel.heapBase + 1;
  kernel.reserve(at + bytes.length);
  kernel.view(at, bytes.length).set(bytes);
  return kernel.calls.weakSum(WEAK_KINDS[kind], at, bytes.length) >>> 0;
}

/** W 10.2, word by word. */
function slowWeakSum(kind: WeakKind, bytes: Uint8Array): number {
  let a = 0, b = 0, h = 1;
  for (const x of bytes) {
    a = (a + x + 31) & 0xffff;
    b = (b + a) & 0xffff;
    h = (Math.imul(h, 0x08104225) + x) >>> 0;
  }
  return kind === "rollsum" ? b * 65536 + a : h;
}

function pseudoRandom(length: number, seed = 1): Uint8Array {
  let state = seed >>> 0;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

// RFC 1320, appendix A.5
const MD4_VECTORS: readonly (readonly [string, string])[] = [
  ["", "31d6cfe0d16ae931b73c59d7e0c089c0"],
  ["a", "bde52cb31de33e46245e05fbdbd6fb24"],
  ["abc", "a448017aaf21d8525fc10ae87aa6729d"],
  ["message digest", "d9130a8164549fe818874806e1c7014b"],
  ["abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"],
  [
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    "043f8582f241db351ce627e153e7f0e4",
  ],
  [
    "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
    "e33b4ddc9c38f2199c3e7b164fcc0536",
  ],
];
for (const [input, want] of MD4_VECTORS) {
  Deno.test(`md4 of ${JSON.stringify(input)} is RFC 1320's`, () => {
    assert.equal(digest("md4", text(input)), want);
  });
}

const BLAKE2B_VECTORS: readonly (readonly [string, string])[] = [
  ["", "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"],
  ["abc", "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"],
];
for (const [input, want] of BLAKE2B_VECTORS) {
  Deno.test(`blake2b-256 of ${JSON.stringify(input)} is the known one`, () => {
    assert.equal(digest("blake2b", text(input)), want);
  });
}

/** Lengths around all inner boundaries. */
const LENGTHS = [0, 1, 15, 16, 17, 31, 55, 56, 57, 63, 64, 65, 111, 112, 119, 120, 127, 128, 129]
  .concat([191, 255, 256, 257, 511, 1000, 2047, 2048, 2049, 4096, 65_537]);

const WAYS = { md4: 4, blake2b: 2 } as const;
for (const kind of ["md4", "blake2b"] as const) {
  Deno.test(`${kind} of several blocks at once is that of each`, () => {
    using kernel = Kernel.borrow();
    const ways = WAYS[kind], size = kind === "md4" ? 16 : 32;
    for (const length of LENGTHS) {
      const bytes = pseudoRandom(length * ways, length + 1);
      const at = kernel.heapBase + 256;
      kernel.reserve(at + bytes.length);
      kernel.view(at, bytes.length).set(bytes);
      if (kind === "md4") kernel.calls.md4x4(at, length, kernel.heapBase);
      else kernel.calls.blake2bx2(at, length, kernel.heapBase);
      const sums = kernel.view(kernel.heapBase, ways * size).slice();
      for (let way = 0; way < ways; way++) {
        const block = bytes.subarray(way * length, (way + 1) * length);
        const want = digest(kind, block);
        assert.equal(hex(sums.subarray(way * size, (way + 1) * size)), want, `length ${length}`);
        if (kind === "blake2b") continue;
        assert.equal(createHash("md4").update(block).digest("hex"), want, `length ${length}`);
      }
    }
  });
}

// W appendix B
const WEAK_VECTORS: readonly (readonly [string, Uint8Array, number, number])[] = [
  ["nothing", new Uint8Array(0), 0x00000000, 0x00000001],
  ["2048 zero bytes", new Uint8Array(2048), 0x7c00f800, 0xfe40e001],
  ["0..255 repeated", Uint8Array.from({ length: 2048 }, (_, i) => i), 0xd000f400, 0x49711c01],
  ["abcdefghij", text("abcdefghij"), 0x1c25052d, 0x833d7204],
];
for (const [name, bytes, rollsum, rabinkarp] of WEAK_VECTORS) {
  Deno.test(`weak sums of ${name} are those of W appendix B`, () => {
    assert.equal(weakSum("rollsum", bytes), rollsum);
    assert.equal(weakSum("rabinkarp", bytes), rabinkarp);
  });
}

for (const kind of ["rollsum", "rabinkarp"] as const) {
  Deno.test(`${kind} with SIMD is the sum byte by byte`, () => {
    for (const length of LENGTHS) {
      const high = new Uint8Array(length).fill(255), mixed = pseudoRandom(length, length + 7);
      assert.equal(weakSum(kind, high), slowWeakSum(kind, high), `0xff x ${length}`);
      assert.equal(weakSum(kind, mixed), slowWeakSum(kind, mixed), `random ${length}`);
    }
  });
}

Deno.test("Kernel gives memory back when it is small and forgets it when it is large", () => {
  const small = Kernel.borrow();
  small[Symbol.dispose]();
  const again = Kernel.borrow();
  assert.equal(again, small);
  again.reserve(8 * 1_048_576);
  again[Symbol.dispose]();
  using other = Kernel.borrow();
  assert.notEqual(other, small);
});

Deno.test("Kernel throws a typed error when there is no such memory", () => {
  const kernel = Kernel.borrow();
  assert.throws(() => kernel.reserve(2 ** 33), { code: "delta/no-memory" });
});
