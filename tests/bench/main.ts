/**
 * `deno task bench [--full] [--files N] [--dir DIR] [--only WORK,..] [--programs ours,csync2,rsync,..]
 * [--reuse-csync2 FILE] [--classic] [--source] [--output FILE] [--scale]`
 *
 * One deterministic tree; ours (with TLS, the bundle that the binary has), csync2 (plain), an rsync daemon,
 * find, cp and rdiff do the same work on it in the same run, on loopback. Prints seconds, time of the
 * processors and peak memory of both ends, and the targets of issue 4; the same goes to `dist/bench.json`.
 * On /dev/shm by default: the write-back of a disk makes times vary by a factor of six. `--scale` measures
 * a million files and fifty peers instead (see scale.ts).
 */
import { parseArgs } from "node:util";
import { bundle, RUNTIME_FLAGS } from "../../scripts/compile.ts";
import { ROOT } from "../support/program.ts";
import {
  machine,
  type Report,
  reusable,
  table,
  verdicts,
  verdictTable,
  type Work,
  WORKS,
} from "./figures.ts";
import { benchScale } from "./scale.ts";
import { makeTree } from "./tree.ts";
import { Bed } from "./works.ts";

const PROGRAMS = ["ours", "csync2", "rsync", "find", "cp", "rdiff"];
const SCALE_WORKS = ["million", "peers"];
const FULL_FILES = 128_000, FILES = 20_000, SCALE_FILES = 1_000_000;

function options() {
  const { values } = parseArgs({
    options: {
      full: { type: "boolean", default: false },
      files: { type: "string" },
      dir: { type: "string", default: "/dev/shm" },
      only: { type: "string" },
      programs: { type: "string", default: PROGRAMS.join(",") },
      "reuse-csync2": { type: "string" },
      classic: { type: "boolean", default: false },
      source: { type: "boolean", default: false },
      output: { type: "string" },
      scale: { type: "boolean", default: false },
      peers: { type: "string", default: "50" },
      "peer-files": { type: "string", default: "2000" },
    },
  });
  const { scale, full } = values;
  const known = scale ? SCALE_WORKS : Object.keys(WORKS);
  return {
    ...values,
    works: set(values.only ?? known.join(","), known),
    programs: set(values.programs, PROGRAMS),
    files: Number(values.files ?? (scale ? SCALE_FILES : full ? FULL_FILES : FILES)),
    peers: Number(values.peers),
    peerFiles: Number(values["peer-files"]),
    output: values.output ?? `${ROOT}dist/bench${scale ? "-scale" : ""}.json`,
  };
}

function set(text: string, known: readonly string[]): Set<string> {
  const words = text.split(",");
  const strange = words.filter((word) => !known.includes(word));
  if (strange.length === 0) return new Set(words);
  throw new Error(`Nothing is called ${strange.join(", ")}: known are ${known.join(", ")}`);
}

/** The words that start ours: from the bundle that is in the binary, or from source. */
async function oursWords(
  dir: string,
  { source, classic }: { source: boolean; classic: boolean },
): Promise<string[]> {
  const script = source ? `${ROOT}main.ts` : await bundle(`${dir}/program`);
  const flags = ["--no-prompt", "--quiet", "--no-check", ...RUNTIME_FLAGS];
  if (!source) flags.push("--no-config");
  return [Deno.execPath(), "run", "-A", ...flags, script, ...(classic ? ["--classic"] : [])];
}

async function measureAll(bed: Bed): Promise<void> {
  await bed.start();
  await bed.yardsticks();
  await bed.csync2("ours");
  await bed.rsync();
  await bed.peers();
  await bed.delta();
  await bed.delay();
  await bed.csync2("csync2");
}

async function main(): Promise<void> {
  const wanted = options();
  const dir = Deno.makeTempDirSync({ dir: wanted.dir, prefix: "csync2-bench-" });
  const stop = () => {
    Deno.removeSync(dir, { recursive: true });
    Deno.exit(130);
  };
  Deno.addSignalListener("SIGINT", stop);
  try {
    const ours = await oursWords(dir, wanted);
    if (wanted.scale) return await benchScale({ ...wanted, dir, ours });
    const { files, programs } = wanted, works = wanted.works as Set<Work>;
    const bytes = makeTree(`${dir}/source`, files);
    const at = new Date().toISOString();
    const report: Report = { at, machine: machine(), files, bytes, figures: [] };
    const earlier = wanted["reuse-csync2"];
    if (earlier !== undefined) report.figures.push(...reusable(earlier, report));
    const title = `${files} files, ${
      (bytes / 1e9).toFixed(2)
    } GB in ${wanted.dir}, loopback; ours ${wanted.source ? "from source" : "as bundled"} with TLS${
      wanted.classic ? ", classic dialect" : ""
    }, csync2 plain, rsync daemon`;
    console.error(title);
    await measureAll(new Bed({ dir, files, ours, works, programs, report }));
    finish({ ...report, verdicts: verdicts(report.figures) }, { title, output: wanted.output });
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
    Deno.removeSync(dir, { recursive: true });
  }
}

function finish(report: Report, { title, output }: { title: string; output: string }): void {
  console.log(`${title}; the fastest of several runs where they are short\n`);
  console.log(table(report));
  console.log(`\n${verdictTable(report.verdicts ?? [])}`);
  Deno.mkdirSync(output.replace(/\/[^/]*$/, ""), { recursive: true });
  Deno.writeTextFileSync(output, `${JSON.stringify({ title, ...report }, undefined, 1)}\n`);
}

await main();
