/** Signatures and deltas of all recorded connections: what C peers sent and what they wrote. */
import assert from "node:assert/strict";
import {
  contentOf,
  deltaFor,
  openSignature,
  sameContentAs,
  signature,
  signatureOfNothing,
} from "../../src/delta/mod.ts";
import { toBytes } from "../../src/model/mod.ts";
import { collect, concat, hex, patched, stream, text } from "../support/delta_bytes.ts";
import { type Exchange, readTranscript, transcriptNames } from "../support/transcript.ts";

/** PATCH exchanges of a recording, both versions' form. */
function patches(name: string): Exchange[] {
  return readTranscript(name).connections.flat().filter(({ word }) => word.endsWith("PATCH"));
}

const LINES = Array.from(
  { length: 200 },
  (_, i) => `${`${i}`.padStart(4, "0")} line of the demo file\n`,
);
const OLD = text(LINES.join("")).subarray(0, 4096);
const NONE = new Uint8Array(0);
const KNOWN: readonly (readonly [string, Uint8Array | undefined, Uint8Array])[] = [
  ["01", undefined, text("hello world\n")],
  ["02", OLD, concat(text("XY"), OLD, text("tail"))],
  ["22", undefined, NONE],
];
for (const [name, old, now] of KNOWN) {
  Deno.test(`transcript ${name}: our signature and delta are the recorded bytes`, async () => {
    const [exchange, ...others] = patches(name);
    assert(
      exchange?.signature !== undefined && exchange.delta !== undefined && others.length === 0,
    );
    const ours = old === undefined ? signatureOfNothing() : signature(contentOf(old));
    const signed = await collect(ours.bytes);
    assert.equal(hex(signed), hex(toBytes(exchange.signature)));
    const delta = await deltaFor(stream(signed), { content: contentOf(now) });
    assert.equal(hex(await collect(delta.bytes)), hex(toBytes(exchange.delta)));
    assert.deepEqual(await patched(old ?? NONE, stream(toBytes(exchange.delta), 3)), now);
  });
}

Deno.test("transcript 26: the recorded bad delta is refused", async () => {
  const [{ delta } = {}] = patches("26");
  await assert.rejects(patched(NONE, stream(toBytes(delta ?? ""))), { code: "delta/magic" });
});

Deno.test("every recorded signature is read, every recorded delta against nothing applied", async () => {
  let signatures = 0, deltas = 0;
  for (const name of transcriptNames()) {
    for (const exchange of readTranscript(name).connections.flat()) {
      const { signature: signed, delta } = exchange;
      if (signed === undefined || signed === "") continue;
      const { entries } = await openSignature(stream(toBytes(signed), 5));
      await collect(entries);
      signatures++;
      if (delta === undefined || signed.length > 12 || name.startsWith("26")) continue;
      const now = await patched(NONE, stream(toBytes(delta), 5));
      const again = await deltaFor(stream(toBytes(signed)), { content: contentOf(now) });
      if (!readTranscript(name).isHandWritten) {
        assert.equal(hex(await collect(again.bytes)), hex(toBytes(delta)), name);
      }
      deltas++;
    }
  }
  assert(signatures > 20, `${signatures} signatures`);
  assert(deltas > 5, `${deltas} deltas`);
});

Deno.test("transcript 02: the signature in SIG is that of the old content", async () => {
  const sig = readTranscript("02").connections.flat().find(({ word }) => word === "SIG");
  const signed = toBytes(sig?.signature ?? "");
  assert.equal(await sameContentAs(stream(signed), contentOf(OLD)), true);
  assert.equal(await sameContentAs(stream(signed), contentOf(OLD.subarray(1))), false);
});
