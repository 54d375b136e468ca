/** Every recording of tests/golden/transcripts, its client against our server, its server against our client. */
import assert from "node:assert/strict";
import { serveConnection } from "../../src/protocol/mod.ts";
import { clientSteps, replayToClient } from "../support/client_replay.ts";
import { scripted } from "../support/script_link.ts";
import { ScriptedHandler } from "../support/scripted_handler.ts";
import {
  clientScript,
  type Exchange,
  readTranscript,
  transcriptNames,
} from "../support/transcript.ts";
import { DIFFERENCES } from "./differences.ts";
import { answeredByUs, SAME_BYTES, SERVER_DIFFERS } from "./server_differs.ts";

for (const file of transcriptNames()) {
  const transcript = readTranscript(file);
  const number = file.slice(0, 2);

  Deno.test(`serveConnection() answers like ${transcript.name}`, async () => {
    const differs = SERVER_DIFFERS[number];
    for (const recorded of transcript.connections) {
      const steps = answeredByUs(number, recorded);
      if (differs !== undefined && !SAME_BYTES.has(number)) {
        assert.notEqual(
          said(steps),
          said(recorded),
          "the difference is gone: take it from the table",
        );
      }
      const { heard, handler, errors } = await serve(steps, number === "31");
      assert.equal(heard, said(steps));
      assert.deepEqual(errors, []);
      assert.deepEqual(handler.unasked, []);
    }
  });

  Deno.test(`connectPeer() speaks like ${transcript.name}`, async () => {
    for (const recorded of transcript.connections) {
      await replayToClient(clientSteps(recorded, transcript));
    }
  });
}

Deno.test("transcripts: every difference of our server is listed with its reason", () => {
  const listed = new Set(DIFFERENCES.map((d) => d.case));
  for (const number of Object.keys(SERVER_DIFFERS)) {
    assert(listed.has(`transcripts/${readTranscript(number).name}`), number);
  }
});

function said(steps: readonly Exchange[]): string {
  return steps.map((e) => e.before + e.after).join("");
}

async function serve(steps: readonly Exchange[], isKnownNanos: boolean) {
  const { duplex, link } = scripted(clientScript(steps));
  const handler = new ScriptedHandler(steps);
  const errors: unknown[] = [];
  await serveConnection({
    duplex,
    handler,
    tls: { upgrade: (plain) => Promise.resolve(plain) },
    knownFlavours: new Map(isKnownNanos ? [["1.csync2.test", "nanos"]] : []),
    note: (error) => errors.push(error),
  });
  return { heard: link.heard, handler, errors };
}
