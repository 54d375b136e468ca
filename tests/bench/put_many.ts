/**
 * `deno run -A tests/bench/put_many.ts [--files N] [--bytes N] [--rows N] [--at-once N] [--dir DIR]
 * [--durability none|batch|file] [--only ours|plain]`
 *
 * What a push of new small files costs on the receiving host alone: no network, no frames, but grants,
 * locks, looks, a state in SQLite, files and records. The yardstick is the same system calls in a plain
 * loop.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { openJail, PathLocks } from "../../src/fs/mod.ts";
import { dbName, nanos } from "../../src/model/mod.ts";
import {
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_PATH,
  O_WRONLY,
  openAt,
  rename,
  setModeOf,
  setTimeOf,
  writeAll,
} from "../../src/os/mod.ts";
import type { SmallPut } from "../../src/protocol/mod.ts";
import { MemoryReporter } from "../../src/report/mod.ts";
import { Contexts, type ContextsOptions, Receiver } from "../../src/serve/mod.ts";
import { openState } from "../../src/state/mod.ts";
import { configOf, keyOf } from "../support/config.ts";

const FILES_PER_DIRECTORY = 64;
const KEY = keyOf("k");

class Quiet extends MemoryReporter {
  override wants(): boolean {
    return false;
  }
  override note(): void {}
  override progress(): void {}
}

function puts(root: string, { count, bytes }: { count: number; bytes: number }): SmallPut[] {
  const noise = crypto.getRandomValues(new Uint8Array(65_536));
  return Array.from({ length: count }, (_, n) => {
    const dir = `${root}/dir-${String(Math.floor(n / FILES_PER_DIRECTORY)).padStart(5, "0")}`;
    if (n % FILES_PER_DIRECTORY === 0) Deno.mkdirSync(dir, { recursive: true });
    const content = noise.subarray(n % 1_000, n % 1_000 + bytes);
    const mtime = nanos(1_700_000_000_000_000_000n + BigInt(n) * 1_234_567n);
    const meta = { mode: 0o100644, uid: 0, gid: 0, mtime };
    const want = { kind: "reg", meta, size: bytes } as const;
    return { key: KEY, name: dbName(`${dir}/file-${n}.dat`), want, content };
  });
}

interface Options {
  readonly root: string;
  readonly durability: NonNullable<ContextsOptions["durability"]>;
  readonly rows: number;
  readonly atOnce: number;
}

/** A server's half of a connection, without the connection. */
async function serving(
  { root, durability }: Options,
  work: (receiver: Receiver) => Promise<void>,
): Promise<void> {
  const text = `nossl * *; group g { host a.demo b.demo; key k; include ${root}; exclude *~ .*; }`;
  const config = configOf(text, { host: "b.demo" });
  await using state = await openState({
    database: `sqlite3://${root}/state.db3`,
    hostName: "b.demo",
    configName: "",
    lockTimeoutSeconds: 12,
    defaultDir: root,
  });
  using jail = openJail();
  const reporter = new Quiet(), locks = new PathLocks();
  const nothing = { [Symbol.asyncDispose]: () => Promise.resolve() };
  const context = { config, state, jail, locks, isCurrent: () => true, ...nothing };
  await using contexts = new Contexts({ durability, reporter, open: async () => await context });
  const resolvesTo = () => Promise.resolve(true);
  await using receiver = new Receiver({ contexts, reporter, address: "127.0.0.1", resolvesTo });
  await receiver.configure("");
  await receiver.identify("a.demo");
  await work(receiver);
}

async function putAll(
  receiver: Receiver,
  all: readonly SmallPut[],
  { rows, atOnce }: Options,
): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    await using fork = receiver.bulk.fork();
    while (next < all.length) {
      const batch = all.slice(next, next += rows);
      for (const outcome of await fork.bulk!.putMany(batch)) {
        if (outcome.kind !== "done") throw new Error(JSON.stringify(outcome));
      }
    }
  }));
}

/** Temporary file, mode, time, rename: the least that is to be done. */
function plain(all: readonly SmallPut[]): void {
  for (const { name, content, want: { meta } } of all) {
    const slash = name.lastIndexOf("/"), leaf = name.slice(slash + 1), temp = `.${leaf}.abcdef`;
    const flags = O_WRONLY | O_CREAT | O_EXCL;
    using dir = openAt(name.slice(0, slash), { flags: O_PATH | O_DIRECTORY });
    using fd = openAt(temp, { dir, flags, mode: 0o600 });
    writeAll(fd, content, leaf);
    setModeOf(fd, 0o644, leaf);
    setTimeOf(fd, meta.mtime, leaf);
    rename({ dir, name: temp }, { dir, name: leaf }, "new");
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      files: { type: "string", default: "20000" },
      bytes: { type: "string", default: "12800" },
      rows: { type: "string", default: "20" },
      "at-once": { type: "string", default: "4" },
      dir: { type: "string", default: "/dev/shm" },
      durability: { type: "string", default: "batch" },
      only: { type: "string" },
    },
  });
  const root = Deno.makeTempDirSync({ dir: values.dir, prefix: "bench-put-many-" });
  const count = Number(values.files), bytes = Number(values.bytes);
  const options: Options = {
    root,
    durability: values.durability as Options["durability"],
    rows: Number(values.rows),
    atOnce: Number(values["at-once"]),
  };
  const timed = async (what: string, work: () => void | Promise<void>) => {
    const start = performance.now(), cpu = process.cpuUsage();
    await work();
    const us = (performance.now() - start) * 1_000 / count;
    const { user, system } = process.cpuUsage(cpu);
    const busy = `user ${(user / count).toFixed(1)}, system ${(system / count).toFixed(1)}`;
    console.log(`${what.padEnd(12)} ${us.toFixed(1)} us per file (${busy})`);
  };
  try {
    if (values.only !== "ours") {
      const all = puts(`${root}/plain`, { count, bytes });
      await timed("plain calls", () => plain(all));
    }
    if (values.only === "plain") return;
    const few = puts(`${root}/warm`, { count: 2_000, bytes });
    const all = puts(`${root}/ours`, { count, bytes });
    await serving(options, async (receiver) => {
      await putAll(receiver, few, options); // the compiler has seen everything once
      await timed("putMany()", () => putAll(receiver, all, options));
    });
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

if (import.meta.main) await main();
