import assert from "node:assert/strict";
import { collect, hex, stream, unhex } from "../../tests/support/delta_bytes.ts";
import { openSignature, type SignatureLimits } from "./signature_input.ts";

const ENTRY = "00".repeat(20);

const BAD: readonly (readonly [string, string, string, SignatureLimits?])[] = [
  ["nothing at all", "", "signature-truncated"],
  ["half a header", "727301360000", "signature-truncated"],
  ["a delta's magic", "727302360000080000000010", "signature-magic"],
  ["an unknown magic", "727301380000080000000010", "signature-magic"],
  [
    "a text",
    "ERROR\n".repeat(2).replace(/./gs, (c) => hex(Uint8Array.of(c.charCodeAt(0)))),
    "signature-magic",
  ],
  ["block length 0", "727301360000000000000010", "signature-block-length"],
  ["block length 2^32-1", "72730136ffffffff00000010", "signature-block-length"],
  ["block length above the usual limit", "727301360010000100000010", "signature-block-length"],
  ["block length below the caller's limit", "727301360000003f00000010", "signature-block-length", {
    blockLengthMin: 64,
  }],
  [
    "block length above ours whatever the caller says",
    "727301360100000100000010",
    "signature-block-length",
    { blockLengthMax: 2 ** 32 },
  ],
  ["MD4 with 17 bytes", "727301360000080000000011", "signature-strong-length"],
  ["BLAKE2b with 33 bytes", "727301370000080000000021", "signature-strong-length"],
  ["strong length 2^32-1", "7273014600000800ffffffff", "signature-strong-length"],
  ["half an entry", `727301360000080000000010${ENTRY}0000`, "signature-truncated"],
  ["an entry too few bytes", `727301360000080000000010${ENTRY.slice(2)}`, "signature-truncated"],
  [
    "more entries than the caller allows",
    `727301360000080000000010${ENTRY.repeat(3)}`,
    "signature-too-long",
    { blocksMax: 2 },
  ],
];
for (const [name, digits, code, limits] of BAD) {
  for (const pieceBytes of [1, 7, 1000]) {
    Deno.test(`openSignature() refuses ${name} in pieces of ${pieceBytes}`, async () => {
      await assert.rejects(async () => {
        const { entries } = await openSignature(stream(unhex(digits), pieceBytes), limits);
        await collect(entries);
      }, { name: "DeltaError", code: `delta/${code}` });
    });
  }
}

Deno.test("openSignature() reads 0 as the longest strong sum", async () => {
  const md4 = await openSignature(stream(unhex("727301360000080000000000")));
  assert.equal(md4.params.strongLength, 16);
  const blake2b = await openSignature(stream(unhex("727301470000080000000000")));
  assert.equal(blake2b.params.strongLength, 32);
});

Deno.test("openSignature() passes entries on and does not close the stream", async () => {
  const pieces = stream(unhex(`727301460000000100000010${"ab".repeat(40)}`), 5);
  const { params, entries } = await openSignature(pieces);
  assert.deepEqual(params, { weak: "rabinkarp", strong: "md4", blockLength: 1, strongLength: 16 });
  for await (const piece of entries) {
    assert(piece.length > 0);
    break;
  }
  assert((await collect(pieces)).length > 30);
});
