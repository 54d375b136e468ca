/**
 * Client or server are killed (SIGKILL) in the middle of a session, at the boundaries of messages and
 * some milliseconds later: after a restart everything is as after a lost connection.
 */
import assert from "node:assert/strict";
import { fromBytes } from "../../src/model/mod.ts";
import { randomFrom } from "../support/commotion.ts";
import { CutBed } from "../support/cut_bed.ts";
import { type Case, cuts, describe, model, runCase, sample } from "../support/cut_case.ts";
import { FILES, LARGE, MANY, type Scenario, TREES } from "../support/cut_scenarios.ts";

const IS_FULL = Deno.env.get("CSYNC2_FULL") === "1";
const SHOWN = 10;
/** Of each test; a case starts four to six processes. */
const EVERYDAY_CASES = 2;
/** After the last byte the victim is at work on what it was sent. */
const DELAYS_MS = [0, 1, 2, 4, 8, 16];
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  files: FILES,
  trees: TREES,
  large: LARGE,
  many: MANY,
};
/** Places in the middle of a session of many files: its frames are too many, and all alike. */
const SEEDED_CASES = IS_FULL ? 60 : 3;
const SEED = 8;

function chosen(bytes: Uint8Array, direction: "up" | "down"): Case["cut"][] {
  const places = sample(bytes, { every: 1, isClose: false, step: 50_000 });
  const all = cuts(bytes, { direction, places, isFull: false });
  const step = IS_FULL ? 1 : Math.max(1, Math.floor(all.length / EVERYDAY_CASES));
  return all.filter((_, at) => at % step === step - 1).map((cut) => ({ ...cut, how: "kill" }));
}

/** The same places in each run. */
function seeded(length: number, direction: "up" | "down"): Case["cut"][] {
  const random = randomFrom(SEED);
  return Array.from({ length: SEEDED_CASES }, (_, n) => {
    // A part of the session for each; small files come first, and are the least of its bytes.
    const part = (n + random()) / SEEDED_CASES;
    const after = Math.floor(length * (direction === "up" ? part ** 4 : part));
    return { direction, after, how: "kill" };
  });
}

let net = 40;
for (const victim of ["client", "server"] as const) {
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    const here = net++;
    Deno.test(`kill -9 the ${victim}, ${name}`, async () => {
      await using bed = await CutBed.make({
        client: "process",
        server: "process",
        net: here,
        ...scenario,
      });
      const undisturbed = await model(bed);
      assert.ok(fromBytes(undisturbed.down).includes("OK (csync3 "), "the fast dialect");
      // What kills a server is what it received, what kills a client what it was told.
      const direction = victim === "server" ? "up" : "down";
      const failures: string[] = [];
      const bytes = undisturbed[direction];
      const all = scenario === MANY ? seeded(bytes.length, direction) : chosen(bytes, direction);
      for (const [at, cut] of all.entries()) {
        const kill = { victim, delayMs: DELAYS_MS[at % DELAYS_MS.length]! };
        const checks = at % 2 === 0;
        const faults = await runCase(bed, { cut, model: undisturbed, checks, kill })
          .catch((error) => [String(error.stack ?? error)]);
        if (faults.length === 0) continue;
        failures.push(`${describe(cut)}, ${kill.delayMs} ms:\n  ${faults.join("\n  ")}`);
      }
      if (failures.length === 0) return;
      const shown = failures.slice(0, SHOWN).join("\n");
      throw new Error(`${failures.length} of ${all.length} kills go wrong:\n${shown}`);
    });
  }
}
