/**
 * Comparisons that are cut: what is told is true, and that something is missing is told too. A client
 * that is cut off never takes silence for an empty list or for the end of a file.
 */
import { CutBed } from "../support/cut_bed.ts";
import { boundaries, cuts, describe, everywhere, sample } from "../support/cut_case.ts";
import type { NodeKind } from "../support/cut_node.ts";
import type { Cut } from "../support/cut_proxy.ts";
import { FILES } from "../support/cut_scenarios.ts";

const IS_FULL = Deno.env.get("CSYNC2_FULL") === "1";
const SHOWN = 10;
/** Boundaries in one direction for everyday runs; the lines of a file's content are so many. */
const BOUNDARIES = 24;

interface Comparison {
  readonly name: string;
  readonly args: (bed: CutBed) => string[];
}

const COMPARISONS: readonly Comparison[] = [
  { name: "-T", args: () => ["-T"] },
  { name: "-TI", args: () => ["-TI"] },
  { name: "-TT", args: () => ["-TT"] },
  {
    name: "-TT of one file",
    args: ({ client, server }) => ["-TT", client.host, server.host, client.path("delta")],
  },
];

async function compare(bed: CutBed, { args }: Comparison, cut: Cut | undefined) {
  await bed.reset();
  await bed.server.start();
  bed.proxy.arm(cut);
  const before = bed.client.table("dirty");
  const ran = await bed.client.run(...args(bed));
  await bed.server.quiet(bed.proxy);
  const after = bed.client.table("dirty");
  const { recorded, isCut } = bed.proxy;
  return { ...ran, recorded, isCut, marked: after.filter((name) => !before.includes(name)) };
}

type Compared = Awaited<ReturnType<typeof compare>>;

/** What a comparison that was cut may say. */
function judge(bed: CutBed, is: Compared, whole: Compared): string[] {
  const faults: string[] = [];
  if (is.rc === whole.rc && is.stdout === whole.stdout && is.stderr === whole.stderr) {
    return faults; // it had all that it needs
  }
  if (is.rc !== 1) faults.push(`it ends with ${is.rc}`);
  const errors = is.stderr.split("\n").filter((line) => line.startsWith("ERROR: "));
  if (errors.length !== 1 || !errors[0]!.includes(bed.server.host)) {
    faults.push(`it says ${is.stderr}`);
  }
  const told = is.stdout.split("\n"), known = new Set(whole.stdout.split("\n"));
  for (const line of told) if (!known.has(line)) faults.push(`it prints ${line}`);
  for (const name of is.marked) {
    if (!whole.marked.includes(name)) faults.push(`it marks ${name}`);
  }
  return faults;
}

const SERVERS: readonly NodeKind[] = ["inner", "c"];
for (const [at, server] of SERVERS.entries()) {
  for (const comparison of COMPARISONS) {
    Deno.test(`cut while comparing by ${comparison.name}, ours -> ${server === "c" ? "c" : "ours"}`, async () => {
      await using bed = await CutBed.make({ client: "inner", server, net: 30 + at, ...FILES });
      const whole = await compare(bed, comparison, undefined);
      const all = (["up", "down"] as const).flatMap((direction) => {
        const bytes = whole.recorded[direction];
        const every = Math.ceil(boundaries(bytes).length / BOUNDARIES);
        const places = IS_FULL
          ? everywhere(bytes)
          : sample(bytes, { every, isClose: false, step: 997 });
        return cuts(bytes, { direction, places, isFull: IS_FULL });
      });
      const failures: string[] = [];
      for (const cut of all) {
        const faults = judge(bed, await compare(bed, comparison, cut), whole);
        const marked = bed.server.table("dirty");
        if (marked.length > 0) faults.push(`the server marks ${marked.join(" ")}`);
        bed.proxy.arm(undefined);
        const again = await bed.client.run(...comparison.args(bed));
        await bed.server.quiet(bed.proxy);
        if (again.stdout !== whole.stdout) faults.push("the next comparison tells something else");
        if (faults.length > 0) failures.push(`${describe(cut)}:\n  ${faults.join("\n  ")}`);
      }
      if (failures.length === 0) return;
      const shown = failures.slice(0, SHOWN).join("\n");
      throw new Error(`${failures.length} of ${all.length} cuts go wrong:\n${shown}`);
    });
  }
}
