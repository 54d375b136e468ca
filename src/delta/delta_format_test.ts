import assert from "node:assert/strict";
import {
  collect,
  concat,
  hex,
  patched,
  randomBytes,
  shrunk,
  stream,
  text,
} from "../../tests/support/delta_bytes.ts";
import { contentOf } from "./content.ts";
import { delta, deltaFor, deltaSize, literalDelta } from "./delta_format.ts";
import { type Copy, Runs } from "./runs.ts";
import { signature, signatureOfNothing, sizedSignature } from "./signature.ts";

// W appendix B
const T = randomBytes(4096, 77);
const VECTORS: readonly (readonly [string, Uint8Array | undefined, Uint8Array, string])[] = [
  ["nothing", undefined, text("hello world\n"), "727302360c68656c6c6f20776f726c640a00"],
  ["nothing to empty", undefined, text(""), "7273023600"],
  ["anything to empty", T, text(""), "7273023600"],
  ["abcdefghij", text("abcdefghij"), text("ZZabcdefghij"), "72730236025a5a45000a00"],
  ["T", T, concat(text("XY"), T, text("tail")), "7273023602585946001000047461696c00"],
];
for (const [name, old, now, want] of VECTORS) {
  Deno.test(`deltaFor() from ${name} is W appendix B's`, async () => {
    const basis = old === undefined ? signatureOfNothing() : signature(contentOf(old));
    const { size, bytes } = await deltaFor(basis.bytes, { content: contentOf(now) });
    const got = await collect(bytes);
    assert.equal(hex(got), want);
    assert.equal(size, got.length);
  });
}

function runsOf(sourceSize: number, copies: readonly Copy[], literalMax = 32_768): Runs {
  const runs = new Runs(literalMax);
  for (const copy of copies) runs.add(copy);
  runs.sourceSize = sourceSize;
  return runs;
}

// Copies of every width: the source is as long as the copy says, and never read.
const WIDTHS: readonly (readonly [number, number, string])[] = [
  [0, 1, "450001"],
  [0xff, 0xff, "45ffff"],
  [0xff, 0x100, "46ff0100"],
  [0x100, 0xffff, "4a0100ffff"],
  [0xffff, 0x10000, "4bffff00010000"],
  [0x10000, 0xff, "4d00010000ff"],
  [0xffffffff, 0xffffffff, "4fffffffffffffffff"],
  [1, 0x100000000, "48010000000100000000"],
  [0x100000000, 1, "51000000010000000001"],
  [2 ** 52, 0x1234, "5200100000000000001234"],
  [2 ** 40, 2 ** 41, "5400000100000000000000020000000000"],
];
for (const [basis, length, want] of WIDTHS) {
  Deno.test(`delta() writes COPY ${basis} ${length} in the shortest widths`, async () => {
    const runs = runsOf(length, [{ source: 0, basis, length }]);
    const got = await collect(delta(contentOf(new Uint8Array(0)), runs).bytes);
    assert.equal(hex(got), `72730236${want}00`);
    assert.equal(deltaSize(runs), got.length);
  });
}

const LITERALS: readonly (readonly [number, string])[] = [
  [1, "01"],
  [64, "40"],
  [65, "4141"],
  [255, "41ff"],
  [256, "420100"],
  [32_768, "428000"],
];
for (const [length, want] of LITERALS) {
  Deno.test(`delta() writes a literal of ${length} bytes in the shortest form`, async () => {
    const bytes = randomBytes(length);
    const got = await collect(literalDelta(contentOf(bytes)).bytes);
    assert.equal(hex(got), `72730236${want}${hex(bytes)}00`);
  });
}

Deno.test("delta() cuts literals at 32768 bytes, or at the block length without blocks", async () => {
  const bytes = randomBytes(100_000);
  const long = await collect(literalDelta(contentOf(bytes)).bytes);
  assert.equal(long.length, 4 + 3 * (3 + 32_768) + 3 + 100_000 % 32_768 + 1);
  const short = await deltaFor(signatureOfNothing().bytes, { content: contentOf(bytes) });
  assert.equal(short.size, 4 + 48 * (3 + 2048) + 3 + 100_000 % 2048 + 1);
  assert.deepEqual(await patched(new Uint8Array(0), short.bytes), bytes);
});

Deno.test("delta() writes literals longer than its buffer", async () => {
  const bytes = randomBytes(1_000_000);
  const runs = runsOf(bytes.length, [], 700_000);
  const got = await collect(delta(contentOf(bytes), runs).bytes);
  assert.equal(got.length, deltaSize(runs));
  assert.deepEqual(await patched(new Uint8Array(0), stream(got)), bytes);
});

Deno.test("delta() with many small commands has the promised size", async () => {
  const old = randomBytes(70_000, 3), parts: Uint8Array[] = [], copies: Copy[] = [];
  for (let i = 0, at = 0; i < 20_000; i++) {
    parts.push(text("ab"), old.subarray(i * 3, i * 3 + 3));
    copies.push({ source: at + 2, basis: i * 3, length: 3 });
    at += 5;
  }
  const now = concat(...parts), runs = runsOf(now.length, copies);
  const got = await collect(delta(contentOf(now), runs).bytes);
  assert.equal(got.length, deltaSize(runs));
  assert.deepEqual(await patched(old, stream(got)), now);
});

Deno.test("delta() asks for validity last and spoils the delta when it is refused", async () => {
  const content = contentOf(text("hello world\n"));
  let asked = 0, sent = 0;
  const { size, bytes } = literalDelta(content, {
    isStillValid: () => {
      asked++;
      assert.equal(sent, size - 1);
      return false;
    },
  });
  const got: number[] = [];
  for await (const piece of bytes) {
    got.push(...piece);
    sent += piece.length;
  }
  assert.equal(asked, 1);
  assert.equal(got.length, size);
  assert.equal(got.at(-1), 0x55);
  await assert.rejects(patched(new Uint8Array(0), stream(Uint8Array.from(got))), {
    code: "delta/opcode",
  });
});

Deno.test("delta() is spoilt but complete when the content became shorter", async () => {
  const bytes = randomBytes(200_000);
  for (const left of [0, 1, 150_000, 199_999]) {
    const { size, bytes: pieces } = literalDelta(shrunk(bytes.subarray(0, left), 200_000));
    const got = await collect(pieces);
    assert.equal(got.length, size);
    assert.equal(got.at(-1), 0x55);
  }
});

Deno.test("delta() ends when it is aborted", async () => {
  const controller = new AbortController();
  const { bytes } = literalDelta(contentOf(new Uint8Array(20_000_000)), {
    signal: controller.signal,
  });
  await assert.rejects(async () => {
    for await (const _ of bytes) controller.abort(new Error("enough"));
  }, /enough/);
});

Deno.test("deltaFor() tells whether the new content is the old one", async () => {
  for (const size of [100_000, 102_400, 16 * 1_048_576]) {
    const old = randomBytes(size, 3);
    const isSame = async (now: Uint8Array, before = old) => {
      const basis = sizedSignature(contentOf(before)).bytes;
      return (await deltaFor(basis, { content: contentOf(now) })).isSame;
    };
    assert.equal(await isSame(old), true);
    assert.equal(await isSame(concat(old, text("x"))), false);
    assert.equal(await isSame(old, concat(old, text("x"))), false);
    assert.equal(await isSame(old, concat(old, old)), false);
    assert.equal(await isSame(old, old.subarray(1)), false);
    assert.equal(await isSame(old.subarray(0, 1_500)), false);
    const edited = old.slice();
    edited[size - 1]! ^= 1;
    assert.equal(await isSame(edited), false);
    assert.equal(await isSame(text("")), false);
  }
});

Deno.test("a file that became shorter while it was read is not the old one", async () => {
  const old = randomBytes(100_000, 3), { size, readAt } = contentOf(old.subarray(0, 50_000));
  const content = { size: size * 2, readAt };
  const found = await deltaFor(sizedSignature(contentOf(old)).bytes, { content });
  assert.equal(found.isSame, false);
});
