/** Grants, marks, and the guard against removing everything. */
import assert from "node:assert/strict";
import { admit, type AdmitFacts } from "./admit.ts";
import { deletionGuard } from "./deletion_guard.ts";

const TABLE: readonly (readonly [AdmitFacts["grant"], boolean, boolean | undefined, string])[] = [
  ["allow", false, undefined, "allow"],
  ["allow", false, true, "allow"],
  ["allow", true, undefined, "allow"],
  ["allow", true, false, "allow"],
  ["allow", true, true, "conflict, marks"],
  ["slave", false, undefined, "denied slave, marks"],
  ["slave", true, true, "denied slave, marks"],
  ["denied", true, true, "denied no grant"],
  ["denied", false, undefined, "denied no grant"],
];
for (const [grant, refusesIfDirty, isDirty, want] of TABLE) {
  Deno.test(`admit() ${grant}, refuses if dirty ${refusesIfDirty}, dirty ${isDirty}: ${want}`, () => {
    const answer = admit({ grant, refusesIfDirty, isDirty });
    if (answer.do === "allow") return assert.equal(want, "allow");
    const { kind } = answer.outcome;
    const why = answer.outcome.kind === "denied" ? ` ${answer.outcome.why}` : "";
    assert.equal(`${kind}${why}${answer.marksForPeer ? ", marks" : ""}`, want);
  });
}

Deno.test("deletionGuard() holds when more than half of many names vanish", () => {
  const guard = (vanished: number, known: number, limits = {}) =>
    deletionGuard({ vanished, known }, limits);
  assert.equal(guard(100, 100), "go-on");
  assert.equal(guard(101, 202), "go-on");
  assert.equal(guard(101, 201), "hold");
  assert.equal(guard(1_000_000, 1_000_000, { share: 0 }), "go-on");
  assert.equal(guard(3, 4, { freely: 2 }), "hold");
  assert.equal(guard(0, 0, { freely: 0 }), "go-on");
});
