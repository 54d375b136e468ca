/** The table of deliberate differences is complete, and the README shows it. */
import assert from "node:assert/strict";
import { DEVIATIONS } from "./deviations.ts";
import { DIFFERENCES } from "./differences.ts";

const README = Deno.readTextFileSync(new URL("../../README.md", import.meta.url));

Deno.test("every step that is answered differently belongs to a case in the table", () => {
  const cases = DIFFERENCES.map((d) => d.case);
  for (const id of Object.keys(DEVIATIONS)) {
    assert.ok(
      cases.some((c) => id === c || id.startsWith(`${c}#`) || id.startsWith(`${c} on`)),
      id,
    );
  }
});

Deno.test("the reason of every differing step is a reason of the table", () => {
  const reasons = new Set(DIFFERENCES.map((d) => d.spec));
  for (const [id, { why }] of Object.entries(DEVIATIONS)) {
    assert.ok(reasons.has(why), `${id} ${why}`);
  }
});

Deno.test("the README lists every reason", () => {
  const text = README.replace(/\s+/g, " ");
  const missing = DIFFERENCES.filter((d) => !text.includes(`${d.why} (${d.spec})`));
  assert.deepEqual(missing, []);
});
