import assert from "node:assert/strict";
import {
  ALL_FORMATS,
  collect,
  randomBytes,
  shrunk,
  stream,
  unhex,
} from "../../tests/support/delta_bytes.ts";
import { contentOf } from "./content.ts";
import { sameContentAs } from "./same_content.ts";
import { CSYNC2_PARAMS, signature, signatureOfNothing } from "./signature.ts";

const bytes = randomBytes(1_000_003, 6);
const changed = bytes.slice();
changed[999_999]! ^= 1;

for (const format of ALL_FORMATS) {
  for (const blockLength of [100, 2048, 1_000_000]) {
    const params = { ...format, blockLength, strongLength: 8 };
    Deno.test(`sameContentAs() compares by the header: ${format.weak}, ${format.strong}, ${blockLength}`, async () => {
      const theirs = await collect(signature(contentOf(bytes), { params }).bytes);
      const isSame = (ours: Uint8Array) => sameContentAs(stream(theirs, 777), contentOf(ours));
      assert.equal(await isSame(bytes), true);
      assert.equal(await isSame(changed), false);
      assert.equal(await isSame(bytes.subarray(0, 1_000_002)), false);
      assert.equal(await isSame(bytes.subarray(0, 900_000)), false);
      assert.equal(await isSame(new Uint8Array(0)), false);
    });
  }
}

Deno.test("sameContentAs() tells longer content from shorter at a block's end", async () => {
  const theirs = () => signature(contentOf(bytes.subarray(0, 4096))).bytes;
  assert.equal(await sameContentAs(theirs(), contentOf(bytes.subarray(0, 4096))), true);
  assert.equal(await sameContentAs(theirs(), contentOf(bytes.subarray(0, 4097))), false);
  assert.equal(await sameContentAs(theirs(), contentOf(bytes.subarray(0, 2048))), false);
});

Deno.test("sameContentAs() takes an empty file for nothing", async () => {
  assert.equal(await sameContentAs(signatureOfNothing().bytes, contentOf(new Uint8Array(0))), true);
  assert.equal(await sameContentAs(signatureOfNothing().bytes, contentOf(bytes)), false);
});

Deno.test("sameContentAs() stops at the first difference and leaves the stream open", async () => {
  const theirs = stream(await collect(signature(contentOf(bytes)).bytes), 100);
  assert.equal(await sameContentAs(theirs, contentOf(new Uint8Array(1_000_003))), false);
  assert((await collect(theirs)).length > 9000);
});

Deno.test("sameContentAs() is false when our content became shorter", async () => {
  const theirs = signature(contentOf(bytes)).bytes;
  assert.equal(await sameContentAs(theirs, shrunk(bytes.subarray(0, 500_000), 1_000_003)), false);
});

Deno.test("sameContentAs() throws for a signature that is none or cut off", async () => {
  const isSame = (digits: string) => sameContentAs(stream(unhex(digits)), contentOf(bytes));
  await assert.rejects(isSame("00112233445566778899aabb"), { code: "delta/signature-magic" });
  await assert.rejects(isSame("7273"), { code: "delta/signature-truncated" });
  const cut = (await collect(signature(contentOf(bytes)).bytes)).subarray(0, -1);
  await assert.rejects(sameContentAs(stream(cut), contentOf(bytes)), {
    code: "delta/signature-truncated",
  });
});

Deno.test("sameContentAs() ends when it is aborted", async () => {
  const content = contentOf(new Uint8Array(64 * 1_048_576));
  const controller = new AbortController();
  const theirs = signature(content, { params: CSYNC2_PARAMS }).bytes;
  setTimeout(() => controller.abort(new Error("enough")), 1);
  await assert.rejects(sameContentAs(theirs, content, { signal: controller.signal }), /enough/);
});
