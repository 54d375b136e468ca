/**
 * What a power failure leaves: content is durable before its rename, the directory before the record and
 * the answer, in every mode, and a disk that fails is told to exactly those whose files it is about.
 */
import { deepStrictEqual as equal, ok } from "node:assert/strict";
import type { Applier, ApplierOptions, Durability } from "../../src/apply/mod.ts";
import { DONE, failed, type Meta, nanos, type Outcome } from "../../src/model/mod.ts";
import type { StateTx } from "../../src/state/mod.ts";
import { Died, diesAt, failsAt } from "../support/fault.ts";
import { type Disk, tracing } from "../support/trace.ts";
import { Workbench } from "../support/workbench.ts";

const META: Meta = { mode: 0o100640, uid: 7, gid: 8, mtime: nanos(1_600_000_000_000_000_000n) };
const NAMES = Array.from({ length: 12 }, (_, n) => `${n % 2 === 0 ? "D" : "E"}/F${n}`);

function make(): Workbench {
  const bench = new Workbench();
  bench.mkdir("D");
  bench.mkdir("E");
  NAMES.forEach((name, n) => n % 3 > 0 && bench.write(name, `old ${name}`));
  return bench;
}

async function putOne(bench: Workbench, applier: Applier, name: string): Promise<Outcome> {
  using held = (await applier.hold(bench.target(name)))!;
  held.look();
  const begun = held.beginPut(META);
  if ("kind" in begun) return begun;
  await using file = begun;
  file.write(new TextEncoder().encode(`new ${name}`));
  return (await file.install()).outcome;
}

/** As one batch. What cannot be held would go by itself. */
async function putTogether(bench: Workbench, applier: Applier): Promise<Outcome[]> {
  using held = applier.holdFree(NAMES.map((name) => bench.target(name)));
  const files = NAMES.flatMap((name, at) => {
    const content = new TextEncoder().encode(`new ${name}`);
    return held.seen(at) === undefined ? [] : [{ at, meta: META, content }];
  });
  const applied = await held.putAll(files);
  const outcomes: Outcome[] = NAMES.map(() => failed("Not held"));
  files.forEach(({ at }, n) => outcomes[at] = applied[n]!.outcome);
  return outcomes;
}

/** Changes side by side, or a batch. */
type Way = "side by side" | "together";
const WAYS = ["side by side", "together"] as const;

/** Many at once, in the order of NAMES. */
async function putAll(
  bench: Workbench,
  options: Partial<ApplierOptions>,
  way: Way,
): Promise<PromiseSettledResult<Outcome>[]> {
  const applier = bench.applier(options);
  if (way === "side by side") {
    return await Promise.allSettled(NAMES.map((name) => putOne(bench, applier, name)));
  }
  const [all] = await Promise.allSettled([putTogether(bench, applier)]);
  if (all.status === "rejected") return NAMES.map(() => all);
  return all.value.map((value) => ({ status: "fulfilled", value }));
}

/** Each file is the old or the new one; where it is told that it is done, the new one. */
function check(bench: Workbench, outcomes: readonly PromiseSettledResult<Outcome>[]): void {
  for (const [n, name] of NAMES.entries()) {
    const old = n % 3 > 0 ? `file 644 old ${name}` : undefined;
    const { [name]: found } = bench.tree();
    const outcome = outcomes[n];
    const isDone = outcome?.status === "fulfilled" && outcome.value.kind === "done";
    ok(found === `file 640 new ${name}` || (!isDone && found === old), `${name}: ${found}`);
  }
}

/** What is committed, as events of the trace. */
function tell(bench: Workbench, log: string[]): void {
  const { state } = bench, joined = state.joined.bind(state);
  state.joined = async (work) => {
    const done: string[] = [];
    const told = (tx: StateTx): StateTx =>
      new Proxy(tx, {
        get: (target, key) => {
          const verb = Reflect.get(target, key);
          if (typeof verb !== "function") return verb;
          return (...args: unknown[]) => {
            if (key === "putIntent" || key === "putRecords") {
              for (const { name } of [args[0]].flat() as { name: string }[]) {
                done.push(`${key === "putIntent" ? "intent" : "record"} ${name.split("/").at(-1)}`);
              }
            }
            return verb.apply(target, args);
          };
        },
      });
    const result = await joined((tx) => work(told(tx)));
    log.push(...done);
    return result;
  };
}

interface Order {
  readonly durability: Durability;
  readonly disk: Disk;
  /** Calls that make durable, and how many there may be. */
  readonly syncs: Readonly<Record<string, readonly [number, number]>>;
  /** The same for a batch, where it is another. */
  readonly syncsTogether?: Order["syncs"];
}

const ORDERS: readonly Order[] = [
  {
    durability: "file",
    disk: "ext4",
    syncs: { fsync: [24, 24] },
    syncsTogether: { fsync: [14, 14] },
  },
  {
    durability: "file",
    disk: "other",
    syncs: { fsync: [24, 24] },
    syncsTogether: { fsync: [14, 14] },
  },
  {
    durability: "batch",
    disk: "ext4",
    syncs: { syncfsAside: [1, 6], fsyncAside: [2, 12] },
    syncsTogether: { syncfsAside: [1, 1], fsyncAside: [2, 2] },
  },
  {
    durability: "batch",
    disk: "other",
    syncs: { fsyncAside: [14, 24] },
    syncsTogether: { fsyncAside: [14, 14] },
  },
  { durability: "batch", disk: "tmpfs", syncs: {} },
  { durability: "none", disk: "ext4", syncs: {} },
];

function testOrder({ durability, disk, ...order }: Order, way: Way): void {
  const syncs = way === "together" ? order.syncsTogether ?? order.syncs : order.syncs;
  Deno.test(`${durability} on ${disk}, ${way}: many changes, in an order that survives`, async () => {
    using bench = make();
    const log: string[] = [];
    tell(bench, log);
    const outcomes = await tracing({ disk, log }, () => putAll(bench, { durability }, way));
    check(bench, outcomes);
    const counts = new Map<string, number>();
    for (const [call = ""] of log.map((line) => line.split(" "))) {
      if (call.includes("sync")) counts.set(call, (counts.get(call) ?? 0) + 1);
    }
    for (const [call, count] of counts) {
      const [least, most] = syncs[call] ?? [0, 0];
      ok(least <= count && count <= most, `${count} of ${call}`);
    }
    equal([...counts.keys()].sort(), Object.keys(syncs).sort());
    for (const name of NAMES) {
      const leaf = name.split("/")[1]!,
        temp = log.find((line) => line.startsWith(`open .${leaf}.`));
      const isSynced = (what: string) => (line: string) =>
        line === `fsync ${what}` || line === `fsyncAside ${what}` || line === "syncfsAside";
      const steps = [
        (line: string) => line === `intent ${leaf}`,
        (line: string) => line === temp,
        (line: string) => line === `write ${temp!.slice("open ".length)}`,
        ...(disk === "tmpfs" || durability === "none" ? [] : [isSynced(temp!.slice(5))]),
        (line: string) => line === `rename ${leaf}`,
        ...(disk === "tmpfs" || durability === "none" ? [] : [isSynced(".")]),
        (line: string) => line === `record ${leaf}`,
      ];
      let at = -1;
      for (const [n, isStep] of steps.entries()) {
        at = log.findIndex((line, i) => i > at && isStep(line));
        ok(at >= 0, `${name}, step ${n}:\n${log.join("\n")}`);
      }
    }
  });
}

for (const order of ORDERS) for (const way of WAYS) testOrder(order, way);

for (const way of WAYS) {
  Deno.test(`${way}: a file system that cannot be synced as a whole: each file is, and all are done`, async () => {
    using bench = make();
    const log: string[] = [];
    const fails = (call: string) => call === "syncfsAside";
    const outcomes = await tracing(
      { disk: "ext4", log, fails },
      () => putAll(bench, { durability: "batch" }, way),
    );
    equal(outcomes, NAMES.map(() => ({ status: "fulfilled", value: DONE })));
    for (const name of NAMES) {
      const leaf = name.split("/")[1]!;
      ok(log.some((line) => line.startsWith(`fsyncAside .${leaf}.`)), name);
    }
  });

  Deno.test(`${way}: a disk that fails: exactly the change whose file it is fails, and the old file stays`, async () => {
    for (const bad of ["F0", "F1", "F11"]) {
      using bench = make();
      const log: string[] = [];
      const fails = (call: string, what: string) =>
        call === "syncfsAside" || (call === "fsyncAside" && what.startsWith(`.${bad}.`));
      const outcomes = await tracing(
        { disk: "ext4", log, fails },
        () => putAll(bench, { durability: "batch" }, way),
      );
      check(bench, outcomes);
      for (const [n, name] of NAMES.entries()) {
        const isBad = name.endsWith(`/${bad}`);
        const value = isBad ? { kind: "failed", reply: "Input/output error" } : DONE;
        equal(outcomes[n], { status: "fulfilled", value }, name);
        equal(await bench.state.record(bench.target(name).name) === undefined, isBad);
      }
      equal(bench.leftovers, []);
      equal(await bench.state.intents(), []);
    }
  });

  Deno.test(`${way}: a directory that cannot be made durable: told to those in it, whose files are there`, async () => {
    using bench = make();
    const log: string[] = [];
    let isFirst = true;
    const fails = (call: string, what: string) => {
      const isIt = call === "fsyncAside" && what === "." && isFirst;
      if (isIt) isFirst = false;
      return isIt;
    };
    const outcomes = await tracing(
      { disk: "ext4", log, fails },
      () => putAll(bench, { durability: "batch" }, way),
    );
    check(bench, outcomes);
    const bad = NAMES.filter((_, n) => {
      const outcome = outcomes[n];
      return outcome?.status === "fulfilled" && outcome.value.kind === "failed";
    });
    ok(bad.length > 0 && new Set(bad.map((name) => name.split("/")[0])).size === 1, bad.join(" "));
    for (const name of NAMES) equal(bench.tree()[name], `file 640 new ${name}`);
  });

  for (const disk of ["ext4", "tmpfs"] as const) {
    Deno.test(`${way} on ${disk}: every call fails once`, async () => {
      for (let n = 0, reached = true; reached; n++) {
        using bench = make();
        const run = await failsAt(
          n,
          () => tracing({ disk, log: [] }, () => putAll(bench, { durability: "batch" }, way)),
        );
        reached = run.reached;
        if (run.error !== undefined) throw run.error;
        check(bench, run.value!);
        await repair(bench);
        equal(bench.leftovers, [], `call ${n} (${run.calls[n]})`);
        equal(await bench.state.intents(), []);
      }
    });

    Deno.test(`${way} on ${disk}: killed before every call`, async () => {
      for (let n = 0, reached = true; reached; n++) {
        using bench = make();
        const run = await diesAt(
          n,
          () => tracing({ disk, log: [] }, () => putAll(bench, { durability: "batch" }, way)),
        );
        reached = run.reached;
        for (const outcome of run.value ?? []) {
          if (outcome.status === "rejected" && !isDeath(outcome.reason)) throw outcome.reason;
        }
        await repair(bench);
        check(bench, run.value ?? []);
        equal(bench.leftovers, [], `killed before call ${n} (${run.calls[n]})`);
        equal(await bench.state.intents(), []);
      }
    });
  }
}

async function repair(bench: Workbench): Promise<void> {
  await bench.applier().repairIntents({
    locate: (name) => ({ anchor: "/" as never, below: name.slice(1) }),
  });
}

/** Clean-up dies too, once the program is dead. */
function isDeath(error: unknown): boolean {
  if (error instanceof SuppressedError) return isDeath(error.error) && isDeath(error.suppressed);
  return error instanceof Died;
}

Deno.test("D 7.2.11 directories that are made above a file are durable before it is put", async () => {
  for (const durability of ["file", "batch"] as const) {
    using bench = new Workbench();
    const log: string[] = [];
    await tracing({ disk: "ext4", log }, async () => {
      using held = (await bench.applier({ durability }).hold(bench.target("P/Q/F")))!;
      held.look();
      equal(await held.makeParents(), undefined);
    });
    equal(log.filter((line) => /^fsync(Aside)? \.$/.test(line)).length, 2, log.join("\n"));
    ok(bench.tree()["P/Q"] !== undefined);
  }
});
