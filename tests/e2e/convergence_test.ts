/**
 * Three hosts, the same names, changes at random and `-x` at random. When all is quiet and every host
 * has checked and sent a few times, either all disks are equal, or what differs is marked and shown.
 *
 * CSYNC2_FULL=1 takes twelve times as long; CSYNC2_SEED begins with another seed than 1.
 */
import assert from "node:assert/strict";
import { Commotion, silentDifferences } from "../support/commotion.ts";
import { Lan, type LanHost } from "../support/lan.ts";

const SECONDS = Deno.env.get("CSYNC2_FULL") === "1" ? 60 : 5;
const SEED = Number(Deno.env.get("CSYNC2_SEED") ?? "1");
const METHODS = ["none", "younger", "older", "left", "first"];

/** Enough for what is passed on from host to host to come to rest. */
const QUIET_ROUNDS = 6;

async function rest(hosts: readonly LanHost[]): Promise<void> {
  for (let round = 0; round < QUIET_ROUNDS; round++) {
    for (const host of hosts) {
      await host.check();
      await host.update();
    }
  }
}

async function run(seed: number, method: string): Promise<void> {
  await using lan = await Lan.open({ group: `auto ${method};` });
  await new Commotion(lan, seed).rounds();
  lan.journal.push("--- quiet");
  await rest(lan.hosts);
  const found = await silentDifferences(lan);
  assert.deepEqual(found, [], `seed ${seed}, auto ${method}\n${lan.journal.join("\n")}`);
}

for (const method of METHODS) {
  Deno.test(`no difference stays silent on three hosts, auto ${method}`, async () => {
    const end = performance.now() + SECONDS * 1_000;
    for (let seed = SEED; seed === SEED || performance.now() < end; seed++) {
      await run(seed, method);
    }
  });
}
