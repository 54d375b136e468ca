import assert from "node:assert/strict";
import { deletionGuard, parseRemovalLimit, removalLimitText } from "./deletion_guard.ts";

for (
  const [text, want] of [
    ["0", { kind: "names", most: 0 }],
    ["100", { kind: "names", most: 100 }],
    ["0%", { kind: "percent", most: 0 }],
    ["2.5%", { kind: "percent", most: 2.5 }],
    ["100%", { kind: "percent", most: 100 }],
    ["101%", undefined],
    ["2.5", undefined],
    ["-1", undefined],
    ["1e3", undefined],
    ["%", undefined],
    ["", undefined],
    [" 5", undefined],
    ["9999999999999", undefined],
  ] as const
) {
  Deno.test(`parseRemovalLimit() of "${text}"`, () => {
    const limit = parseRemovalLimit(text);
    assert.deepEqual(limit, want);
    if (limit !== undefined) assert.equal(removalLimitText(limit), text);
  });
}

for (
  const [text, vanished, known, want] of [
    ["3", 3, 3, "go-on"],
    ["3", 4, 4_000, "hold"],
    ["0", 0, 0, "go-on"],
    ["0", 1, 10, "hold"],
    ["10%", 10, 100, "go-on"],
    ["10%", 11, 100, "hold"],
    ["10%", 1, 9, "hold"],
    ["0.1%", 1, 1_000, "go-on"],
    ["100%", 5, 5, "go-on"],
    ["0%", 0, 0, "go-on"],
  ] as const
) {
  Deno.test(`D 7.3.2 deletionGuard() of ${text}: ${vanished} of ${known}`, () => {
    assert.equal(deletionGuard({ vanished, known }, parseRemovalLimit(text)!), want);
  });
}
