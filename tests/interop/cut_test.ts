/**
 * Sessions that are cut after every number of bytes, between programs of ours and with Debian's
 * csync2: nothing is broken, nothing is forgotten, and the next session makes up for it. Everyday runs
 * take the boundaries of the messages and their neighbours, `deno task test:full` every byte.
 */
import { CutBed, type CutBedOptions } from "../support/cut_bed.ts";
import { cuts, describe, everywhere, model, runCase, sample } from "../support/cut_case.ts";
import type { NodeKind } from "../support/cut_node.ts";
import type { Cut } from "../support/cut_proxy.ts";
import { FILES, type Scenario, TREES } from "../support/cut_scenarios.ts";

const IS_FULL = Deno.env.get("CSYNC2_FULL") === "1";
/** Cases that are shown of those that fail. */
const SHOWN = 10;
const PAIRS: readonly [NodeKind, NodeKind][] = [["inner", "inner"], ["inner", "c"], ["c", "inner"]];
const SAID = { inner: "ours", process: "ours", c: "c" };
const SCENARIOS: Readonly<Record<string, Scenario>> = { files: FILES, trees: TREES };
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
    const faults = await runCase(bed, { cut, model: undisturbed, checks: at % 2 === 0 })
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
            const places = IS_FULL ? everywhere(bytes) : sample(bytes, {
              every: isUp || isOurs ? 1 : 2,
              isClose: isUp && isOurs,
              step: isOurs ? 97 : 331,
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
