import assert from "node:assert/strict";
import { keepFreedMemory } from "./mod.ts";

Deno.test("the C library takes what we want of its memory", () => {
  assert.equal(keepFreedMemory(), true);
});
