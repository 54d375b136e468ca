import assert from "node:assert/strict";
import type { Outcome } from "../../model/mod.ts";
import { ProtocolError } from "../protocol_error.ts";
import { isUnknownCommand, outcomeOf, pleaseIdentify, replyFor } from "./replies.ts";

const OUTCOMES: readonly { reply: string; outcome: Outcome }[] = [
  { reply: "OK (cmd_finished).", outcome: { kind: "done" } },
  { reply: "OK (something_new).", outcome: { kind: "done" } },
  { reply: "File is also marked dirty here!", outcome: { kind: "conflict" } },
  { reply: "Parent dir missing.", outcome: { kind: "parent-missing" } },
  { reply: "Permission denied for slave!", outcome: { kind: "denied", why: "slave" } },
  { reply: "Permission denied!", outcome: { kind: "denied", why: "no grant" } },
  { reply: "Permission denied", outcome: { kind: "failed", reply: "Permission denied" } },
  { reply: "OK", outcome: { kind: "failed", reply: "OK" } },
  { reply: "Success", outcome: { kind: "failed", reply: "Success" } },
  { reply: "\x1b[2J!", outcome: { kind: "failed", reply: "?[2J!" } },
];

for (const { reply, outcome } of OUTCOMES) {
  Deno.test(`outcomeOf() of ${JSON.stringify(reply)}`, () => {
    assert.deepEqual(outcomeOf(reply), outcome);
  });
}

for (
  const reply of [
    "OK (data_follows).",
    "OK (send_data).",
    "OK (not_found).",
    "OK (path_not_found).",
    "OK (cu_later).",
    "OK (activating_ssl).",
    "Unknown command!",
    "Unkown command!",
  ]
) {
  Deno.test(`outcomeOf() refuses ${reply}: it answers something else`, () => {
    assert.throws(
      () => outcomeOf(reply),
      (error) => error instanceof ProtocolError && error.code === "protocol/desync",
    );
  });
}

const MENDED = [
  { reply: "Not a directory", line: "Not a directory" },
  { reply: "two\nlines\r", line: "two?lines?" },
  { reply: "OK (cmd_finished).", line: "Input/output error" },
  { reply: "", line: "Input/output error" },
  { reply: "x".repeat(5_000), line: "x".repeat(4_094) },
];

for (const { reply, line } of MENDED) {
  Deno.test(`replyFor() a failure ${JSON.stringify(reply.slice(0, 20))}`, () => {
    assert.equal(replyFor({ kind: "failed", reply }), line);
  });
}

Deno.test("replyFor() and outcomeOf() agree on every outcome", () => {
  for (const { outcome } of OUTCOMES) {
    if (outcome.kind !== "failed") assert.deepEqual(outcomeOf(replyFor(outcome)), outcome);
  }
});

Deno.test("isUnknownCommand() knows both spellings", () => {
  assert(isUnknownCommand("Unknown command!") && isUnknownCommand("Unkown command!"));
  assert(!isUnknownCommand("Unknown error") && !isUnknownCommand("OK (cmd_finished)."));
});

Deno.test("pleaseIdentify() calls an unknown address a stranger", () => {
  assert.equal(pleaseIdentify(undefined), "Dear stranger, please identify first.");
});
