/** Units of time, before 1970 too. */
import assert from "node:assert/strict";
import { fromEitherUnit, fromSeconds, nanos, toSeconds, unitOf } from "./time.ts";

Deno.test("toSeconds() rounds down, also before 1970", () => {
  const rows: readonly (readonly [bigint, bigint])[] = [
    [0n, 0n],
    [999_999_999n, 0n],
    [1_000_000_000n, 1n],
    [-1n, -1n],
    [-1_000_000_000n, -1n],
    [-1_000_000_001n, -2n],
    [-1_500_000_000n, -2n],
    [1_600_000_000_123_456_789n, 1_600_000_000n],
    [2n ** 63n - 1n, 9_223_372_036n],
  ];
  for (const [time, seconds] of rows) assert.equal(toSeconds(nanos(time)), seconds, `${time}`);
});

Deno.test("unitOf() tells by magnitude, from 10^11 on nanoseconds (W 18.4)", () => {
  const limit = 100_000_000_000n;
  for (const v of [0n, 1n, -1n, limit - 1n, 1n - limit]) assert.equal(unitOf(v), "seconds");
  for (const v of [limit, -limit, 2n ** 62n]) assert.equal(unitOf(v), "nanos");
});

Deno.test("fromEitherUnit() gives nanoseconds for both", () => {
  assert.equal(fromEitherUnit(1_600_000_000n), 1_600_000_000_000_000_000n);
  assert.equal(fromEitherUnit(1_600_000_000_000_000_001n), 1_600_000_000_000_000_001n);
  assert.equal(fromEitherUnit(-5n), -5_000_000_000n);
  assert.equal(fromSeconds(-2n), -2_000_000_000n);
});
