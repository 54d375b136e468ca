import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { randomBytes } from "../../tests/support/delta_bytes.ts";
import { type Content, contentOf } from "./content.ts";
import { contentDigest } from "./content_digest.ts";

Deno.test("contentDigest() is SHA-256 of all of it, in whatever pieces it comes", async () => {
  for (const size of [0, 1, 1_048_576, 17_000_001]) {
    const bytes = randomBytes(size, 3);
    const want = new Uint8Array(createHash("sha256").update(bytes).digest());
    assert.deepEqual(await contentDigest(contentOf(bytes)), want);
    const reluctant: Content = {
      size,
      readAt: (into, offset) => contentOf(bytes).readAt(into.subarray(0, 700_001), offset),
    };
    assert.deepEqual(await contentDigest(reluctant), want);
  }
});

Deno.test("contentDigest() is of as many bytes as were there at first, or of none", async () => {
  const grown: Content = {
    size: 5,
    readAt: (into, at) => contentOf(new Uint8Array(9)).readAt(into, at),
  };
  const want = new Uint8Array(createHash("sha256").update(new Uint8Array(5)).digest());
  assert.deepEqual(await contentDigest(grown), want);
  const cut: Content = {
    size: 5,
    readAt: (into, at) => contentOf(new Uint8Array(4)).readAt(into, at),
  };
  assert.equal(await contentDigest(cut), undefined);
});

Deno.test("contentDigest() ends when it is aborted", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  await assert.rejects(contentDigest(contentOf(new Uint8Array(9)), { signal }), /enough/);
});
