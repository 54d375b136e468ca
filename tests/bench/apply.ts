/**
 * Receiving many small new files through Applier, against the same system calls in a plain loop, in one
 * run.
 *
 * `deno run -A tests/bench/apply.ts [--files N] [--dir DIR] [--durability none|batch|file]
 * [--state sqlite|nothing] [--at-once N] [--only ours|plain]`; everything is made below DIR (tmpfs by
 * default) and removed afterwards.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { Applier, type Durability } from "../../src/apply/mod.ts";
import { openJail, PathLocks } from "../../src/fs/mod.ts";
import { type DbName, type DiskPath, type HostName, nanos } from "../../src/model/mod.ts";
import {
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_PATH,
  O_WRONLY,
  openAt,
  rename,
  setModeOf,
  setOwnerOf,
  setTimeOf,
  writeAll,
} from "../../src/os/mod.ts";
import { openState, type StateStore } from "../../src/state/mod.ts";

const FILES_PER_DIRECTORY = 100;
const MTIME = nanos(1_600_000_000_123_456_789n);
const META = { mode: 0o100644, uid: 0, gid: 0, mtime: MTIME };
const PEER = "peer.bench" as HostName;

interface File {
  readonly dir: string;
  readonly leaf: string;
  readonly content: Uint8Array;
}

function files(root: string, count: number): File[] {
  const bytes = crypto.getRandomValues(new Uint8Array(65_536));
  return Array.from({ length: count }, (_, n) => ({
    dir: `${root}/dir-${String(Math.floor(n / FILES_PER_DIRECTORY)).padStart(5, "0")}`,
    leaf: `file-${String(n).padStart(7, "0")}.txt`,
    content: bytes.subarray(n % 1000, n % 1000 + 4_096 + n * 7 % 12_288),
  }));
}

function makeDirectories(all: readonly File[]): void {
  for (const dir of new Set(all.map((file) => file.dir))) Deno.mkdirSync(dir, { recursive: true });
}

/** A state that keeps nothing: what applying costs alone. */
function nothing(): StateStore {
  const tx = new Proxy({}, { get: () => () => undefined });
  return {
    timeUnit: "nanos",
    record: () => Promise.resolve(undefined),
    isDirty: () => Promise.resolve(false),
    transaction: async (work: (tx: unknown) => unknown) => await work(tx),
    joined: async (work: (tx: unknown) => unknown) => await work(tx),
    [Symbol.asyncDispose]: async () => {},
  } as unknown as StateStore;
}

async function stateOf(kind: string, root: string): Promise<StateStore> {
  if (kind === "nothing") return nothing();
  return await openState({
    database: `sqlite3://${root}/state.db3`,
    hostName: "one.bench",
    configName: "",
    lockTimeoutSeconds: 12,
    defaultDir: root,
  });
}

interface Options {
  readonly root: string;
  readonly atOnce: number;
  readonly durability: Durability;
  readonly state: string;
}

async function receive(
  all: readonly File[],
  { root, atOnce, durability, state: kind }: Options,
): Promise<void> {
  await using state = await stateOf(kind, root);
  using jail = openJail();
  const ignored = { uid: false, gid: false, mod: false };
  const applier = new Applier({ jail, state, locks: new PathLocks(), ignored, durability });
  let next = 0;
  const work = async () => {
    for (let file; (file = all[next++]) !== undefined;) await receiveOne(applier, file);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

async function receiveOne(applier: Applier, { dir, leaf, content }: File): Promise<void> {
  const path = `${dir}/${leaf}`;
  const at = { anchor: "/" as DiskPath, below: path.slice(1) };
  const target = { name: path as DbName, at, peer: PEER, backups: [], actions: [] };
  using held = (await applier.hold(target))!;
  held.look();
  const begun = held.beginPut(META);
  if ("kind" in begun) throw new Error(`${path}: ${JSON.stringify(begun)}`);
  await using put = begun;
  put.take(content);
  const { outcome } = await put.install();
  if (outcome.kind !== "done") throw new Error(`${path}: ${JSON.stringify(outcome)}`);
}

/** Temporary file, owner, mode, time, rename: the least that is to be done. */
function plain(all: readonly File[]): void {
  for (const { dir, leaf, content } of all) {
    const flags = O_WRONLY | O_CREAT | O_EXCL;
    using held = openAt(dir, { flags: O_PATH | O_DIRECTORY });
    using fd = openAt(`.${leaf}.abcdef`, { dir: held, flags, mode: 0o600 });
    writeAll(fd, content, leaf);
    setOwnerOf(fd, META, leaf);
    setModeOf(fd, 0o644, leaf);
    setTimeOf(fd, MTIME, leaf);
    rename({ dir: held, name: `.${leaf}.abcdef` }, { dir: held, name: leaf }, "replace");
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      files: { type: "string", default: "20000" },
      dir: { type: "string", default: "/dev/shm" },
      durability: { type: "string", default: "none" },
      state: { type: "string", default: "sqlite" },
      "at-once": { type: "string", default: "128" },
      only: { type: "string" },
    },
  });
  const root = Deno.makeTempDirSync({ dir: values.dir, prefix: "bench-apply-" });
  const count = Number(values.files);
  const timed = async (name: string, work: () => void | Promise<void>) => {
    const start = performance.now(), cpu = process.cpuUsage();
    await work();
    const us = (performance.now() - start) * 1_000 / count;
    const { user, system } = process.cpuUsage(cpu);
    const busy = `user ${(user / count).toFixed(1)}, system ${(system / count).toFixed(1)}`;
    console.log(`${name.padEnd(24)} ${us.toFixed(1)} us per file (${busy})`);
    return us;
  };
  try {
    if (values.only !== "plain") {
      const few = files(`${root}/warm`, 2_000); // the compiler has seen everything once
      makeDirectories(few);
      await receive(few, {
        root: `${root}/warm`,
        atOnce: 128,
        durability: "none",
        state: values.state,
      });
    }
    const ours = files(`${root}/ours`, count), yardstick = files(`${root}/plain`, count);
    makeDirectories([...ours, ...yardstick]);
    const options = {
      root,
      atOnce: Number(values["at-once"]),
      durability: values.durability as Durability,
      state: values.state,
    };
    const least = values.only === "ours" ? NaN : await timed("plain", () => plain(yardstick));
    if (values.only === "plain") return;
    const us = await timed(`Applier (${options.durability})`, () => receive(ours, options));
    console.log(`${(us / least).toFixed(2)} times`);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

if (import.meta.main) await main();
