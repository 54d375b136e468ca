import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { fromBytes } from "../model/mod.ts";
import type { ListingRow } from "./listing_diff.ts";
import { digestRanges, NO_ROWS, RangeHasher } from "./range_digest.ts";

const row = (key: string, stored = "v1"): ListingRow => ({ key, stored });
const sha256 = (text: string) => fromBytes(createHash("sha256").update(text, "utf8").digest());

async function* batches(rows: readonly ListingRow[], size: number) {
  for (let at = 0; at < rows.length; at += size) yield await rows.slice(at, at + size);
}

Deno.test("RangeHasher hashes rows as LIST has them, range by range", () => {
  const hasher = new RangeHasher();
  hasher.add(row("/a", "v1%3Ax"));
  hasher.add(row("/b\xff"));
  assert.equal(hasher.count, 2);
  assert.deepEqual(hasher.end(), { count: 2, digest: sha256("v1%3Ax\t/a\nv1\t/b\xff\n") });
  assert.deepEqual(hasher.end(), NO_ROWS);
  assert.deepEqual(NO_ROWS, { count: 0, digest: sha256("") });
});

Deno.test("RangeHasher hashes long ranges as one", () => {
  const hasher = new RangeHasher(), long = row("/a".repeat(40_000));
  hasher.add(long);
  hasher.add(row("/b"));
  assert.equal(hasher.end().digest, sha256(`v1\t${long.key}\nv1\t/b\n`));
});

Deno.test("digestRanges() is a hash of each range, whatever the batches and bounds are", async () => {
  const key = fc.integer({ min: 0, max: 30 }).map((n) => `/${String(n).padStart(2, "0")}`);
  const keys = fc.uniqueArray(key, { maxLength: 30 }).map((some) => some.toSorted());
  const inner = fc.uniqueArray(key, { maxLength: 8 }).map((some) => some.toSorted());
  await fc.assert(
    fc.asyncProperty(keys, inner, fc.integer({ min: 1, max: 9 }), async (all, cuts, size) => {
      const bounds = ["%", ...cuts, "0"];
      const want = cuts.concat("0").map((before, n) => {
        const hasher = new RangeHasher();
        for (const k of all) if (k >= bounds[n]! && k < before) hasher.add(row(k));
        return hasher.end();
      });
      const rows = all.map((k) => row(k));
      assert.deepEqual(await digestRanges(batches(rows, size), bounds), want);
    }),
  );
});
