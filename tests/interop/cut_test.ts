/**
 * Sessions that are cut after every number of bytes, between programs of ours and with Debian's
 * csync2: nothing is broken, nothing is forgotten, and the next session makes up for it. Everyday runs
 * take the boundaries of the messages and their neighbours, `deno task test:full` every byte.
 */
import assert from "node:assert/strict";
import { CutBed, type CutBedOptions } from "../support/cut_bed.ts";
import { cuts, describe, everywhere, model, runCase, sample } from "../support/cut_case.ts";
import type { NodeKind } from "../support/cut_node.ts";
import type { Cut } from "../support/cut_proxy.ts";
import { FILES, LARGE, type Scenario, TREES } from "../support/cut_scenarios.ts";

const IS_FULL = Deno.env.get("CSYNC2_FULL") === "1";
/** Cases that are shown of those that fail. */
const SHOWN = 10;
const PAIRS: readonly [NodeKind, NodeKind][] = [["inner", "inner"], ["inner", "c"], ["c", "inner"]];
const SAID = { inner: "ours", process: "ours", c: "c" };
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  files: FILES,
  trees: TREES,
  large: LARGE,
};
/** Places of a TLS session in one direction; its bytes mean nothing to us. */
const TLS_PLACES = IS_FULL ? 400 : 12;

/** Runs all cuts from the same start, and throws the first faults. */
async function tryAll(
  options: CutBedOptions,
  choose: (model: { up: Uint8Array; down: Uint8Array }) => Cut[],
): Promise<void> {
  await using bed = await CutBed.make(options);
  const undisturbed = await model(bed);
  const failures: string[] = [];
  const all = choose(undisturbed);
  for (const [at, cut] of all.entries()) {
    const checks = at % 2 === 0;
    // Processes of a C server do not wait for each other: the next one takes the change of the last
    // one, which that has not recorded yet, for a change of its own.
    const hurries = bed.server.isOurs && at % 5 === 4;
    const faults = await runCase(bed, { cut, model: undisturbed, checks, hurries })
      .catch((error) => [String(error.stack ?? error)]);
    if (faults.length > 0) failures.push(`${describe(cut)}:\n  ${faults.join("\n  ")}`);
  }
  if (failures.length === 0) return;
  const shown = failures.slice(0, SHOWN).join("\n");
  throw new Error(`${failures.length} of ${all.length} cuts go wrong:\n${shown}`);
}

for (const [at, [client, server]] of PAIRS.entries()) {
  const isOurs = client === "inner" && server === "inner";
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    Deno.test(`cut at every message, ${SAID[client]} -> ${SAID[server]}, ${name}`, async () => {
      await tryAll(
        { client, server, net: 10 + at, ...scenario },
        (sent) =>
          (["up", "down"] as const).flatMap((direction) => {
            const bytes = sent[direction], isUp = direction === "up";
            const places = IS_FULL
              ? name === "large"
                ? sample(bytes, { every: 1, isClose: true, step: Math.ceil(bytes.length / 600) })
                : everywhere(bytes)
              : sample(bytes, {
                every: isUp ? 1 : 2,
                isClose: isUp && isOurs,
                step: Math.max(isOurs ? 149 : 331, Math.ceil(bytes.length / 16)),
              });
            return cuts(bytes, { direction, places, isFull: IS_FULL });
          }),
      );
    });
  }

  Deno.test(`cut anywhere, ${SAID[client]} -> ${SAID[server]}, TLS`, async () => {
    await tryAll(
      { client, server, net: 20 + at, tls: true, ...FILES },
      (sent) =>
        (["up", "down"] as const).flatMap((direction) => {
          const bytes = sent[direction];
          const places = Array.from(
            { length: TLS_PLACES },
            (_, n) => Math.floor(n * bytes.length / (TLS_PLACES - 1)),
          );
          return cuts(bytes, { direction, places, isFull: false });
        }),
    );
  });
}

for (const jobs of ["1", "8"]) {
  Deno.test(`a lost connection keeps no other peer waiting, -j ${jobs}`, async () => {
    const { before, change } = FILES; // without a conflict, whose winner tells all others again
    const nodes = { client: "inner", server: "inner", third: true, net: 30 } as const;
    await using bed = await CutBed.make({ ...nodes, before, change });
    const third = bed.third!;
    const wanted = bed.client.look();
    for (const after of [0, 100, 1_000, 3_000]) {
      for (const how of ["fin", "rst", "silence"] as const) {
        await bed.reset();
        await bed.server.start();
        await third.start();
        bed.proxy.arm({ direction: "up", after, how });
        const first = await bed.client.run("-u", "-j", jobs);
        await bed.server.quiet(bed.proxy);
        assert.equal(first.rc, 1);
        assert.match(first.stderr, new RegExp(`ERROR: Connection to .*${bed.server.host}`));
        assert.doesNotMatch(first.stderr, new RegExp(`ERROR: .*${third.host}`));
        assert.deepEqual(third.look(), wanted, `${how} after ${after} bytes`);
        bed.proxy.arm(undefined);
        assert.equal((await bed.client.run("-u", "-j", jobs)).rc, 0);
        assert.deepEqual(bed.server.look(), wanted);
        assert.deepEqual(bed.client.table("dirty"), []);
      }
    }
  });
}
