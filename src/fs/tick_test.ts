import assert from "node:assert/strict";
import { nanos } from "../model/mod.ts";
import { tickIsOver } from "./tick.ts";

const NOW = 1_600_000_000_000_000_000n;

for (
  const [what, ageMs, waits] of [
    ["just written", 0n, true],
    ["written in this tick", 9n, true],
    ["written a tick ago", 20n, false],
    ["from a clock that was ahead", -3_600_000n, false],
  ] as const
) {
  Deno.test(`tickIsOver() of a file ${what} ${waits ? "waits" : "goes on"}`, async () => {
    const ctime = nanos(NOW - ageMs * 1_000_000n);
    let isOver = false;
    const over = tickIsOver(
      { dev: 1n, ino: 1n, size: 1, mtime: ctime, ctime },
      Number(NOW / 1_000_000n),
    )
      .then(() => isOver = true);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve(); // no timer runs in between
    assert.equal(isOver, !waits);
    await over;
  });
}
