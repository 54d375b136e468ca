/** Grants, marks, and the guard against removing everything. */
import assert from "node:assert/strict";
import { admit, type AdmitFacts } from "./admit.ts";

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
