/**
 * `deno run -A tests/bench/push.ts [--files N]`
 *
 * What a push costs on the sending host alone: the peer answers at once and throws everything away.
 * The yardstick is a plain read of the same files.
 */
import { check } from "../../src/check/mod.ts";
import { contentOf, drain, signature, signatureOfNothing } from "../../src/delta/mod.ts";
import { openReadJail } from "../../src/fs/mod.ts";
import { checkText, type DiskPath, DONE, type Present, toBytes } from "../../src/model/mod.ts";
import type { Peer } from "../../src/protocol/mod.ts";
import { MemoryReporter } from "../../src/report/mod.ts";
import { openState } from "../../src/state/mod.ts";
import { update } from "../../src/update/mod.ts";
import { configOf } from "../support/config.ts";

const at = Deno.args.indexOf("--files");
const files = Number(at < 0 ? 20_000 : Deno.args[at + 1]);
const base = Deno.makeTempDirSync({ dir: "/dev/shm", prefix: "csync-bench-" });
const tree = `${base}/tree` as DiskPath;
const content = "0123456789abcdef".repeat(800);

class Quiet extends MemoryReporter {
  override wants(): boolean {
    return false;
  }
  override note(): void {}
  override progress(): void {}
}

/** Has nothing, or has everything equal. */
function peer(hasAll: boolean): Peer {
  const meta = { mode: 0o100644, uid: 0, gid: 0, mtime: 0n as never };
  const file: Present = { kind: "reg", meta, size: content.length };
  const text = checkText(file, { time: "zero", ignored: { uid: false, gid: false, mod: false } });
  const bytes = toBytes(content);
  return {
    dialect: "classic",
    window: 64,
    timeUnit: "seconds",
    identify: () => Promise.resolve(DONE),
    look: async (_key, _name, judge) =>
      hasAll
        ? {
          kind: "there",
          judged: await judge({ checkText: text, signature: signature(contentOf(bytes)).bytes }),
        }
        : { kind: "absent" },
    put: async (_key, _name, _want, delta) => {
      const stream = await delta?.(signatureOfNothing().bytes);
      if (stream !== undefined) await drain(stream.bytes);
      return DONE;
    },
    touch: () => Promise.resolve(DONE),
    flush: () => Promise.resolve(DONE),
    remove: () => Promise.resolve(DONE),
    measure: () => Promise.resolve(undefined),
    list: () => (async function* () {})(),
    content: () => Promise.reject(new Error("not asked")),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function timed(what: string, work: () => unknown): Promise<void> {
  const start = performance.now();
  await work();
  const us = (performance.now() - start) * 1000 / files;
  console.log(`${what.padEnd(24)} ${us.toFixed(0)} us per file`);
}

try {
  for (let n = 0; n < files; n++) {
    const dir = `${tree}/d${Math.floor(n / 64)}`;
    if (n % 64 === 0) Deno.mkdirSync(dir, { recursive: true });
    Deno.writeTextFileSync(`${dir}/file-${n}.dat`, content);
  }
  const config = configOf(`group g { host a.demo b.demo; key k; include ${tree}; exclude *~ .*; }`);
  await using state = await openState({
    database: `sqlite3://${base}/db.db3`,
    hostName: "a.demo",
    configName: "",
    lockTimeoutSeconds: 12,
    defaultDir: base,
  });
  using jail = openReadJail();
  const common = { config, state, jail, reporter: new Quiet() };
  const mark = () => check({ ...common, targets: [{ path: tree, recursive: true }] });
  const push = (hasAll: boolean) =>
    update({ ...common, dial: () => Promise.resolve(peer(hasAll)) });
  await mark();
  await timed("to an empty peer", () => push(false));
  await state.transaction(async (tx) => {
    for await (const rows of state.records("ascending")) {
      await tx.deleteRecords(rows.map((row) => row.name));
    }
  });
  await mark();
  await timed("to an equal peer", () => push(true));
  await timed("only reading", () => {
    for (let n = 0; n < files; n++) {
      Deno.readFileSync(`${tree}/d${Math.floor(n / 64)}/file-${n}.dat`);
    }
  });
} finally {
  Deno.removeSync(base, { recursive: true });
}
