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

const UNKNOWN = "Unknown command!\n";
const PROBED = "Dear 127.2.1.1, please identify first (csync2 3).\n";

/** What our server answers otherwise than the recorded one: transcript -> exchanges as they become. */
const SERVER_DIFFERS: Readonly<Record<string, (e: Exchange) => Exchange[]>> = {
  // The bare ATOMICPATCH is our own client's probe: it gets our own answer, and nanoseconds.
  "23": (e) => {
    if (e.line === "ATOMICPATCH") return [{ ...e, after: PROBED }];
    if (e.word !== "GETTM" || e.lines[1] === "-1") return [e];
    return [{ ...e, after: e.after.replace("\n1600000000\n", "\n1600000000000000000\n") }];
  },
  "24": (e) => {
    if (e.line === "ATOMICPATCH") return [{ ...e, after: PROBED }];
    return [{ ...e, after: e.after.replace("Unkown command!\n", UNKNOWN) }];
  },
  // Refused before send_data instead of a stream of length -1; ERROR would then be a command.
  "27": (e) =>
    e.word !== "PATCH"
      ? [e]
      : [{ ...e, client: e.line + "\n", before: "", after: "Is a directory\n" }],
  "29": (e) => e.lines[2] === "octet-stream -1" ? [{ ...e, after: "Permission denied\n" }] : [e],
  // Our server knows ATOMICPATCH; the scripted handler refuses it with the recorded words.
  "32": (e) => [e],
  // The delta is taken before the refusal, and is never executed.
  "34": (e) => {
    if (e.word === "BYE") return [{ ...e, after: "OK (cu_later).\n" }];
    if (e.word !== "PATCH") return [e];
    const before = e.before.slice(0, -"Permission denied\n".length);
    return [{ ...e, before, after: "Permission denied\n" }];
  },
};

/** Transcripts whose replies to our server are the recorded ones although the table above has them. */
const SAME_BYTES = new Set(["32"]);

for (const file of transcriptNames()) {
  const transcript = readTranscript(file);
  const number = file.slice(0, 2);

  Deno.test(`serveConnection() answers like ${transcript.name}`, async () => {
    const differs = SERVER_DIFFERS[number];
    for (const recorded of transcript.connections) {
      const steps = differs === undefined ? recorded : recorded.flatMap(differs);
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
