/**
 * `deno run -A tests/bench/check.ts [--full] [--files N] [--dir DIR]`
 *
 * The check in one process, without start-up: init, unchanged, all new; a plain walk with lstat of the
 * same tree and a plain read of the records are the yardsticks. Tree and database on /dev/shm.
 */
import { check } from "../../src/check/mod.ts";
import { openReadJail } from "../../src/fs/mod.ts";
import { type DbName, type DiskPath } from "../../src/model/mod.ts";
import { MemoryReporter } from "../../src/report/mod.ts";
import { openState, type StateStore } from "../../src/state/mod.ts";
import { configOf } from "../support/config.ts";

const FILES_PER_DIRECTORY = 64;

function value(name: string): string | undefined {
  const at = Deno.args.indexOf(name);
  return at < 0 ? undefined : Deno.args[at + 1];
}

const files = Number(value("--files") ?? (Deno.args.includes("--full") ? 128_000 : 20_000));
const base = Deno.makeTempDirSync({ dir: value("--dir") ?? "/dev/shm", prefix: "csync-bench-" });
const tree = `${base}/tree` as DiskPath;

/** Empty files with fixed times; names like those of a web server's tree. */
function makeTree(): void {
  for (let at = 0; at < files; at++) {
    const dir = `${tree}/d${Math.floor(at / FILES_PER_DIRECTORY / 50)}/s${at % 50}-${
      Math.floor(at / FILES_PER_DIRECTORY)
    }`;
    if (at % FILES_PER_DIRECTORY === 0) current = dir, Deno.mkdirSync(dir, { recursive: true });
    Deno.writeFileSync(`${current}/file-${at}.dat`, new Uint8Array());
    Deno.utimeSync(`${current}/file-${at}.dat`, 1_600_000_000, 1_600_000_000.5);
  }
}
let current = "";

async function timed(what: string, work: () => unknown): Promise<void> {
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  const rss = Math.round(Deno.memoryUsage().rss / 1e6);
  console.log(`${what.padEnd(24)} ${seconds.toFixed(3)} s   ${rss} MB`);
}

function open(): Promise<StateStore> {
  return openState({
    database: `sqlite3://${base}/db.db3`,
    hostName: "a.demo",
    configName: "",
    lockTimeoutSeconds: 12,
    defaultDir: base,
  });
}

try {
  makeTree();
  const config = configOf(`group g { host a.demo b.demo; key k; include ${tree}; exclude *~ .*; }`);
  await using state = await open();
  using jail = openReadJail();
  class Quiet extends MemoryReporter {
    override wants(): boolean {
      return false;
    }
    override note(): void {}
  }
  const run = (init: boolean) =>
    check({
      config,
      state,
      jail,
      reporter: new Quiet(),
      targets: [{ path: "/" as DiskPath, recursive: true }],
      init,
    });
  await timed("init", () => run(true));
  await timed("unchanged", () => run(false));
  await timed("unchanged again", () => run(false));
  await timed("only the walk", () => {
    let count = 0;
    const steps = jail.walk({ anchor: "/" as DiskPath, below: tree.slice(1) }, {
      name: tree as string as DbName,
      directories: "after",
      classify: () => 2,
      onError: (_, error) => {
        throw error;
      },
    });
    for (const step of steps) count += step.name.length & 1;
    return count;
  });
  await timed("only the records", async () => {
    for await (const _ of state.records("descending"));
  });
  await state.transaction(async (tx) => {
    for await (const rows of state.records("ascending")) {
      await tx.deleteRecords(rows.map((row) => row.name));
    }
  });
  await timed("all new", () => run(false));
} finally {
  Deno.removeSync(base, { recursive: true });
}
