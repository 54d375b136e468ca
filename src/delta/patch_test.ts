import assert from "node:assert/strict";
import { hex, randomBytes, shrunk, stream, text, unhex } from "../../tests/support/delta_bytes.ts";
import { contentOf } from "./content.ts";
import { drain, patch, type PatchOptions } from "./patch.ts";

const OLD = text("abcdefghij");

/** Applies to the ten bytes; `rest` counts what the caller could still read afterwards. */
async function apply(digits: string, options: Partial<PatchOptions> = {}) {
  const source = stream(unhex(digits), 4);
  const written: number[] = [];
  const write = (bytes: Uint8Array) => void written.push(...bytes);
  const all = { basis: contentOf(OLD), write, maxBytes: 1000, ...options };
  const error = await patch(source, all).then((total) => {
    assert.equal(total, written.length);
  }, (error) => error);
  let rest = 0;
  for await (const piece of source) rest += piece.length;
  return { error, rest, written: Uint8Array.from(written) };
}

const GOOD: readonly (readonly [string, string, string])[] = [
  ["an empty delta", "72730236 00", ""],
  ["a literal", "72730236 02 5a5a 00", "5a5a"],
  ["all of the basis", "72730236 45000a 00", hex(OLD)],
  ["its last byte", "72730236 450901 00", "6a"],
  ["parts in any order, twice", "72730236 450501 450001 450001 00", "666161"],
  ["what is followed by rubbish", "72730236 01aa 00 ffffffffffffffffffffffff", "aa"],
];
for (const [name, digits, want] of GOOD) {
  Deno.test(`patch() writes ${name} and consumes everything`, async () => {
    const { error, rest, written } = await apply(digits);
    assert.equal(error, undefined);
    assert.equal(hex(written), want);
    assert.equal(rest, 0);
  });
}

const TAIL = "00".repeat(40);
const BAD: readonly (readonly [string, string, string, Partial<PatchOptions>?])[] = [
  ["a wrong magic number", `58585858${TAIL}`, "magic"],
  ["a reserved opcode", `72730236ee${TAIL}`, "opcode"],
  ["a copy one byte past the end", `7273023645000b${TAIL}`, "copy-past-end"],
  ["a copy that begins at the end", `72730236450a01${TAIL}`, "copy-past-end"],
  ["a copy far outside", `72730236547fffffffffffffff7fffffffffffffff${TAIL}`, "copy-past-end"],
  ["a copy from nothing", `72730236450001${TAIL}`, "copy-past-end", {
    basis: contentOf(new Uint8Array(0)),
  }],
  ["a literal beyond the limit", `7273023604aaaaaaaa${TAIL}`, "too-large", { maxBytes: 3 }],
  ["copies beyond the limit", `72730236${"45000a".repeat(4)}${TAIL}`, "too-large", {
    maxBytes: 39,
  }],
  ["an endless literal", `72730236447fffffffffffffff${"aa".repeat(2000)}`, "too-large"],
  ["a copy of what the basis lost", `7273023645000a${TAIL}`, "basis-changed", {
    basis: shrunk(OLD.subarray(0, 9), 10),
  }],
];
for (const [name, digits, code, options] of BAD) {
  Deno.test(`patch() refuses ${name}, and the rest can be drained`, async () => {
    const { error, rest } = await apply(digits, options);
    assert.equal(error?.name, "DeltaError");
    assert.equal(error?.code, `delta/${code}`);
    assert(rest > 0);
  });
}

Deno.test("patch() refuses a delta without END", async () => {
  const { error } = await apply("72730236 01aa");
  assert.equal(error?.code, "delta/truncated");
});

Deno.test("patch() accepts content of exactly the limit", async () => {
  const { error, written } = await apply(`72730236${"45000a".repeat(4)}00`, { maxBytes: 40 });
  assert.equal(error, undefined);
  assert.equal(written.length, 40);
});

Deno.test("patch() passes an error of the writer on, and the rest can be drained", async () => {
  const digits = `72730236${"45000a".repeat(30_000)}00`;
  const { error, rest } = await apply(digits, {
    maxBytes: 1_000_000,
    write: () => {
      throw new Error("No space left on device");
    },
  });
  assert.match(error?.message, /No space left/);
  assert(rest > 0);
});

Deno.test("patch() ends a big copy when it is aborted", async () => {
  const controller = new AbortController();
  const basis = contentOf(new Uint8Array(100_000_000));
  const write = () => controller.abort(new Error("enough"));
  const copy = unhex("72730236 47 00 05f5e100 00"); // offset 0, 10^8 bytes
  const options = { basis, write, maxBytes: 1e9, signal: controller.signal };
  await assert.rejects(patch(stream(copy), options), /enough/);
});

Deno.test("patch() and the delta's pieces: every length of piece gives the same", async () => {
  const literal = randomBytes(600_000, 8);
  const digits = `72730236 43 ${(600_000).toString(16).padStart(8, "0")}`;
  const bytes = new Uint8Array([...unhex(digits), ...literal, 0]);
  for (const pieceBytes of [1000, 65_536, 700_000]) {
    const parts: number[] = [];
    const write = (piece: Uint8Array) => piece.forEach((byte) => parts.push(byte));
    await patch(stream(bytes, pieceBytes), { basis: contentOf(OLD), write, maxBytes: 1e6 });
    assert.deepEqual(Uint8Array.from(parts), literal);
  }
});

Deno.test("drain() pulls a stream to its end", async () => {
  const source = stream(new Uint8Array(1000), 10);
  await drain(source);
  assert.equal((await source.next()).done, true);
});
