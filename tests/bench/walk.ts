/**
 * The walk against `find -printf` on one tree, in one run.
 *
 * `deno run -A tests/bench/walk.ts [--files N] [--dir DIR]`; the tree is made below DIR (tmpfs by
 * default) and removed afterwards.
 */
import { parseArgs } from "node:util";
import { openReadJail } from "../../src/fs/mod.ts";
import type { DbName, DiskPath } from "../../src/model/mod.ts";

const FILES_PER_DIRECTORY = 100;
const ROUNDS = 5;

function makeTree(path: string, files: number): void {
  for (let i = 0; i * FILES_PER_DIRECTORY < files; i++) {
    const dir = `${path}/dir-${String(i % 40).padStart(3, "0")}/sub-${String(i).padStart(5, "0")}`;
    Deno.mkdirSync(dir, { recursive: true });
    for (let j = 0; j < Math.min(FILES_PER_DIRECTORY, files - i * FILES_PER_DIRECTORY); j++) {
      Deno.writeTextFileSync(`${dir}/file-${String(j).padStart(5, "0")}-name.txt`, "");
    }
  }
}

function walk(path: string, directories: "before" | "after"): number {
  using jail = openReadJail();
  let count = 0;
  const steps = jail.walk({ anchor: "/" as DiskPath, below: path.slice(1) }, {
    name: path as DbName,
    directories,
    classify: () => 2,
    onError: (_, error) => {
      throw error;
    },
  });
  for (const step of steps) count += step.entry.meta.mtime === 0n ? 0 : 1;
  return count;
}

/** Prints to nowhere: a pipe to us would slow it down. */
function find(path: string): void {
  new Deno.Command("find", {
    args: [path, "-printf", "%p %m %U %G %s %T@\\n"],
    stdout: "null",
  }).outputSync();
}

function countObjects(path: string): number {
  const { stdout } = new Deno.Command("find", { args: [path, "-printf", "x"] }).outputSync();
  return stdout.length;
}

function seconds(work: () => number | void, want: number): number {
  const start = performance.now();
  const count = work() ?? want;
  const end = performance.now();
  if (count !== want) throw new Error(`Cannot compare: ${count} objects instead of ${want}`);
  return (end - start) / 1_000;
}

function main(): void {
  const { values } = parseArgs({
    options: {
      files: { type: "string", default: "128000" },
      dir: { type: "string", default: "/dev/shm" },
    },
  });
  const path = Deno.makeTempDirSync({ dir: values.dir, prefix: "csync-bench-" });
  try {
    makeTree(path, Number(values.files));
    const want = countObjects(path);
    const times = { find: Infinity, first: Infinity, after: Infinity, before: Infinity };
    times.first = seconds(() => walk(path, "after"), want);
    for (let round = 0; round < ROUNDS; round++) {
      times.find = Math.min(times.find, seconds(() => find(path), want));
      times.after = Math.min(times.after, seconds(() => walk(path, "after"), want));
      times.before = Math.min(times.before, seconds(() => walk(path, "before"), want));
    }
    console.log(`${want} objects, best of ${ROUNDS} (first: the one before anything is compiled)`);
    for (const [name, time] of Object.entries(times)) {
      const ratio = (time / times.find).toFixed(2);
      console.log(`${name.padEnd(8)} ${time.toFixed(3)} s  ${ratio} of find`);
    }
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}

if (import.meta.main) main();
