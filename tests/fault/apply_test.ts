/**
 * Every system call of every change gets its turn to fail, and to be the last one of a killed program:
 * the tree is then the old or the new one, never between, and the next start leaves no temporary file.
 */
import { deepStrictEqual as equal, notDeepStrictEqual, ok } from "node:assert/strict";
import {
  type Change,
  type Meta,
  nanos,
  NOTHING_IGNORED,
  type Outcome,
  storedCheckText,
} from "../../src/model/mod.ts";
import type { Applier, Durability, Repaired } from "../../src/apply/mod.ts";
import { openJail } from "../../src/fs/mod.ts";
import { recordOf } from "../../src/apply/target.ts";
import { Died, diesAt, failsAt, type FaultRun, meddlesAt } from "../support/fault.ts";
import { Workbench } from "../support/workbench.ts";

const META: Meta = { mode: 0o100640, uid: 7, gid: 8, mtime: nanos(1_600_000_000_000_000_000n) };
const NAME = "X";

interface Scenario {
  readonly name: string;
  readonly before: (bench: Workbench) => void;
  /** Undefined: `content` is put. */
  readonly change?: Change;
  readonly content?: Uint8Array;
  readonly meta?: Meta;
  readonly generations?: number;
  /** The change is one that `shown` does not show. */
  readonly isHidden?: boolean;
}

const reg = (bench: Workbench) => bench.write(NAME, "old");
const link = (bench: Workbench) => Deno.symlinkSync("old", bench.path(NAME));
const dir = (bench: Workbench) => bench.mkdir(NAME);
const none = () => {};
const small = new TextEncoder().encode("new");
const large = new Uint8Array(700_000).fill(97);

const SCENARIOS: readonly Scenario[] = [
  { name: "put a new file", before: none, content: small },
  { name: "put a new file with metadata", before: none, content: small, meta: META },
  { name: "put over a file", before: reg, content: small },
  { name: "put a large file over a file", before: reg, content: large, meta: META },
  { name: "put over a link", before: link, content: small },
  { name: "put over a directory", before: dir, content: small },
  { name: "put with a copy", before: reg, content: small, generations: 2 },
  { name: "mkdir", before: none, change: { kind: "mkdir" } },
  {
    name: "mkdir with metadata",
    before: none,
    change: { kind: "mkdir", meta: { ...META, mode: 0o40755 } },
  },
  { name: "mkdir over a file", before: reg, change: { kind: "mkdir" } },
  { name: "link", before: none, change: { kind: "link", target: "t" } },
  { name: "link over a file", before: reg, change: { kind: "link", target: "t" } },
  { name: "link over a directory", before: dir, change: { kind: "link", target: "t" } },
  { name: "fifo over a link", before: link, change: { kind: "fifo" } },
  { name: "device", before: none, change: { kind: "node", type: "chr", rdev: 0x103 } },
  { name: "remove a file", before: reg, change: { kind: "remove" } },
  { name: "remove a file with a copy", before: reg, change: { kind: "remove" }, generations: 3 },
  { name: "remove a directory", before: dir, change: { kind: "remove" } },
  { name: "mode", before: reg, change: { kind: "mode", mode: 0o600 } },
  { name: "owner", before: reg, change: { kind: "own", uid: 1, gid: 2 }, isHidden: true },
  {
    name: "owner of a set-id program",
    before: (bench) => bench.write(NAME, "old", 0o6755),
    change: { kind: "own", uid: 1, gid: 2 },
  },
  {
    name: "time",
    before: reg,
    change: { kind: "mtime", mtime: nanos(1_500_000_000_123_456_789n) },
    isHidden: true,
  },
  {
    name: "mkdir with metadata over a directory",
    before: dir,
    change: { kind: "mkdir", meta: { ...META, mode: 0o40711 } },
  },
];

/** The object is known to the state, as after a check. */
async function know(bench: Workbench): Promise<void> {
  using jail = openJail();
  const { name, at } = bench.target(NAME);
  const entry = jail.look(at);
  if (entry.kind === "absent") return;
  const record = recordOf(name, entry, { timeUnit: "seconds", ignored: NOTHING_IGNORED });
  await bench.state.transaction((tx) => tx.putRecords([record]));
}

async function carryOut(
  bench: Workbench,
  { change, content, meta, generations = 0 }: Scenario,
  applier: Applier,
): Promise<Outcome> {
  const backups = generations === 0
    ? []
    : [{ directory: bench.path("backup") as never, generations }];
  using held = (await applier.hold(bench.target(NAME, { backups })))!;
  held.look();
  if (change !== undefined) return (await held.change(change)).outcome;
  const begun = held.beginPut(meta);
  if ("kind" in begun) return begun;
  await using file = begun;
  if (file.isLarge(content!.length)) await file.spill();
  file.write(content!);
  return (await file.install()).outcome;
}

/** The tree without the copies: those may have moved up although nothing was changed. */
function shown(bench: Workbench): Record<string, string> {
  const all = Object.entries(bench.tree());
  return Object.fromEntries(all.filter(([path]) => path.split("/")[0] !== "backup"));
}

async function fresh(scenario: Scenario): Promise<Workbench> {
  const bench = new Workbench();
  scenario.before(bench);
  await know(bench);
  return bench;
}

async function repair(bench: Workbench): Promise<Repaired> {
  return await bench.applier().repairIntents({
    locate: (name) => ({ anchor: "/" as never, below: name.slice(1) }),
  });
}

/** Whether the state describes what is there. */
async function isKnown(bench: Workbench): Promise<boolean> {
  using jail = openJail();
  const { name, at } = bench.target(NAME);
  const entry = jail.look(at);
  const record = await bench.state.record(name);
  if (entry.kind === "absent" || record === undefined) {
    return entry.kind === "absent" && record === undefined;
  }
  return record.stored === storedCheckText(entry, { time: "seconds", ignored: NOTHING_IGNORED });
}

async function trees(scenario: Scenario): Promise<{ old: unknown; new: unknown }> {
  using bench = await fresh(scenario);
  const old = shown(bench);
  equal(await carryOut(bench, scenario, bench.applier()), { kind: "done" });
  const after = shown(bench);
  if (scenario.isHidden !== true) notDeepStrictEqual(after, old);
  return { old, new: after };
}

/** Clean-up dies too, once the program is dead. */
function isDeath(error: unknown): boolean {
  if (error instanceof SuppressedError) return isDeath(error.error) && isDeath(error.suppressed);
  return error instanceof Died;
}

function isOneOf(found: unknown, wanted: readonly unknown[]): boolean {
  return wanted.some((one) => JSON.stringify(one) === JSON.stringify(found));
}

async function sweep(
  scenario: Scenario,
  durability: Durability,
  run: (n: number, bench: Workbench, applier: Applier) => Promise<FaultRun<Outcome>>,
  check: (
    result: FaultRun<Outcome>,
    bench: Workbench,
    tree: { old: unknown; new: unknown },
  ) => Promise<void>,
): Promise<void> {
  const tree = await trees(scenario);
  let reached = true;
  for (let n = 0; reached; n++) {
    using bench = await fresh(scenario);
    const result = await run(n, bench, bench.applier({ durability }));
    reached = result.reached;
    const where = `call ${n} (${result.calls[n]})`;
    await check(result, bench, tree);
    await repair(bench);
    ok(isOneOf(shown(bench), [tree.old, tree.new]), `${where}: ${JSON.stringify(shown(bench))}`);
    equal(bench.leftovers, [], where);
    equal(await bench.state.intents(), [], where);
  }
}

function testScenario(scenario: Scenario, durability: Durability): void {
  const name = durability === "file" ? scenario.name : `${scenario.name} (${durability})`;
  for (const errno of ["EIO", "ENOSPC", "EINVAL"] as const) {
    Deno.test(`${name}: every call fails with ${errno}`, async () => {
      await sweep(
        scenario,
        durability,
        (n, bench, applier) => failsAt(n, () => carryOut(bench, scenario, applier), { errno }),
        async ({ value, error, calls }, bench, tree) => {
          if (error !== undefined && !("errnoName" in (error as object))) throw error;
          if (value?.kind === "done") {
            ok(isOneOf(shown(bench), [tree.new]), `done, but: ${calls.join(" ")}`);
            ok(await isKnown(bench), "done, but not recorded");
          }
        },
      );
    });
  }

  Deno.test(`${name}: killed before every call`, async () => {
    await sweep(
      scenario,
      durability,
      (n, bench, applier) => diesAt(n, () => carryOut(bench, scenario, applier)),
      async ({ error }, bench, tree) => {
        if (error !== undefined && !isDeath(error)) throw error;
        await repair(bench);
        const where = isOneOf(shown(bench), [tree.new]) ? "new" : "old";
        ok(await isKnown(bench), `the ${where} tree is not what the state says`);
      },
    );
  });
}

for (const scenario of SCENARIOS) {
  testScenario(scenario, "file");
  testScenario(scenario, "batch");
}

Deno.test("a crash between rename and record is completed, and clears the mark", async () => {
  using bench = new Workbench();
  reg(bench);
  await know(bench);
  const { name, peer } = bench.target(NAME);
  await bench.state.transaction((tx) => tx.mark([{ name, peer, myName: peer, forced: false }]));
  const real = bench.state.transaction.bind(bench.state);
  let count = 0;
  bench.state.transaction = (work) => {
    if (++count === 2) throw new Died("killed before the record");
    return real(work);
  };
  const scenario = { name: "", before: reg, content: small, meta: META };
  await carryOut(bench, scenario, bench.applier()).catch((error) => ok(error instanceof Died));
  bench.state.transaction = real;
  equal(Deno.readTextFileSync(bench.path(NAME)), "new");
  equal(await isKnown(bench), false);
  equal(await repair(bench), { completed: 1, discarded: 0 });
  equal(await isKnown(bench), true);
  equal((await Array.fromAsync(bench.state.dirtyRows())).flat(), []);
});

Deno.test("a change of the user after a crash is not taken for ours", async () => {
  using bench = new Workbench();
  reg(bench);
  const { name, peer } = bench.target(NAME);
  await bench.state.transaction((tx) =>
    tx.putIntent({
      name,
      peer,
      temp: "",
      want: "v1:mtime=1:mode=33188:uid=0:gid=0:type=reg:size=9",
    })
  );
  equal(await repair(bench), { completed: 0, discarded: 1 });
  equal(await bench.state.record(name), undefined);
});

Deno.test("metadata that the user changed after a crash is not taken for ours", async () => {
  using bench = new Workbench();
  reg(bench);
  await know(bench);
  const { name, peer } = bench.target(NAME);
  const want = "v1:mtime=1:mode=33024:uid=0:gid=0:type=reg:size=3";
  await bench.state.transaction((tx) => tx.putIntent({ name, peer, temp: "", want }));
  Deno.chmodSync(bench.path(NAME), 0o666);
  equal(await repair(bench), { completed: 0, discarded: 1 });
  equal(await isKnown(bench), false);
});

Deno.test("a temporary file that is in use by another process is left alone", async () => {
  using bench = new Workbench();
  const { name, peer } = bench.target(NAME);
  bench.write(".X.abcdef", "half");
  await bench.state.transaction((tx) =>
    tx.putIntent({ name, peer, temp: ".X.abcdef" as never, want: "" })
  );
  const locate = (n: string) => ({ anchor: "/" as never, below: n.slice(1) });
  const young = await bench.applier().repairIntents({ locate, staleAfterMs: 60_000 });
  equal(young, { completed: 0, discarded: 0 });
  equal(Object.keys(bench.tree()), [".X.abcdef"]);
  equal(await repair(bench), { completed: 0, discarded: 1 });
  equal(Object.keys(bench.tree()), []);
});

Deno.test("a directory that gets an entry at any moment of its replacement survives with it", async () => {
  const scenario = { name: "", before: dir, change: { kind: "link", target: "t" } } as const;
  let reached = true;
  for (let n = 0; reached; n++) {
    using bench = await fresh(scenario);
    let isWritten = false;
    const result = await meddlesAt(n, () => carryOut(bench, scenario, bench.applier()), {
      meddle: () => {
        for (const name of Deno.readDirSync(bench.root)) {
          if (!name.isDirectory) continue;
          bench.write(`${name.name}/mine`, "precious");
          isWritten = true;
        }
      },
    });
    reached = result.reached;
    if (result.error !== undefined) throw result.error;
    await repair(bench);
    const kept = Object.values(bench.tree()).includes("file 644 precious");
    equal(
      kept,
      isWritten,
      `before call ${n} (${result.calls[n]}): ${JSON.stringify(bench.tree())}`,
    );
    if (isWritten) equal(Object.keys(bench.tree()), [NAME, `${NAME}/mine`]);
  }
});

Deno.test("a parent that becomes a link at any moment leads nobody outside", async () => {
  for (const change of [undefined, { kind: "remove" }, { kind: "mode", mode: 0o777 }] as const) {
    let reached = true;
    for (let n = 0; reached; n++) {
      using bench = new Workbench();
      bench.mkdir("in");
      bench.mkdir("out");
      bench.write("in/X", "old");
      bench.write("out/X", "outside");
      const result = await meddlesAt(n, async () => {
        using held = (await bench.applier().hold(bench.target("in/X")))!;
        held.look();
        if (change !== undefined) return void await held.change(change);
        const begun = held.beginPut();
        if ("kind" in begun) return;
        await using file = begun;
        file.write(small);
        await file.install();
      }, {
        meddle: () => {
          Deno.renameSync(bench.path("in"), bench.path("moved"));
          Deno.symlinkSync("out", bench.path("in"));
        },
      });
      reached = result.reached;
      if (result.error !== undefined) throw result.error;
      equal(bench.tree("out"), { X: "file 644 outside" }, `before call ${n}`);
    }
  }
});
