import { deepStrictEqual as equal, ok } from "node:assert/strict";
import {
  type Change,
  DONE,
  failed,
  type Meta,
  nanos,
  type Outcome,
  percentDecode,
} from "../model/mod.ts";
import { PEER, Workbench } from "../../tests/support/workbench.ts";
import { MemoryStore, type StateTx } from "../state/mod.ts";
import type { Applied, ApplierOptions, Target } from "./mod.ts";

const META: Meta = { mode: 0o100640, uid: 7, gid: 8, mtime: nanos(1_600_000_000_123_456_789n) };

interface Context {
  readonly options?: Partial<ApplierOptions>;
  readonly target?: Partial<Target>;
}

async function change(
  bench: Workbench,
  name: string,
  wanted: Change,
  { options, target }: Context = {},
): Promise<Applied> {
  using held = (await bench.applier(options).hold(bench.target(name, target)))!;
  held.look();
  return await held.change(wanted);
}

async function put(
  bench: Workbench,
  name: string,
  content: string | Uint8Array,
  { meta, options, target }: Context & { meta?: Meta } = {},
): Promise<Outcome> {
  using held = (await bench.applier(options).hold(bench.target(name, target)))!;
  held.look();
  const begun = held.beginPut(meta);
  if ("kind" in begun) return begun;
  await using file = begun;
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  if (file.isLarge(bytes.length)) await file.spill();
  file.write(bytes);
  return (await file.install()).outcome;
}

function test(name: string, work: (bench: Workbench) => Promise<void>): void {
  Deno.test(name, async () => {
    using bench = new Workbench();
    await work(bench);
    equal(bench.leftovers, []);
    equal(await bench.state.intents(), []);
  });
}

async function recorded(bench: Workbench, name: string): Promise<string | undefined> {
  const record = await bench.state.record(bench.target(name).name);
  return record && percentDecode(record.stored);
}

test("put makes a new file of mode 0600 when no metadata came (W 20.20)", async (bench) => {
  equal(await put(bench, "F", "new"), DONE);
  equal(bench.tree(), { F: "file 600 new" });
});

test("put with metadata installs owner, mode and nanoseconds in one step", async (bench) => {
  bench.write("F", "old");
  equal(await put(bench, "F", "new", { meta: META }), DONE);
  const info = Deno.lstatSync(bench.path("F"));
  equal([info.uid, info.gid, info.mode! & 0o7777], [7, 8, 0o640]);
  equal(
    await recorded(bench, "F"),
    "v1:mtime=1600000000:mode=33184:uid=7:gid=8:type=reg:size=3",
  );
  equal((await bench.state.record(bench.target("F").name))?.subsecond, 123_456_789);
});

test("put keeps owner and mode of the file it replaces (W 14.1.6)", async (bench) => {
  bench.write("F", "old", 0o4755);
  Deno.chownSync(bench.path("F"), 3, 4);
  Deno.chmodSync(bench.path("F"), 0o4755);
  equal(await put(bench, "F", "new"), DONE);
  const info = Deno.lstatSync(bench.path("F"));
  equal([info.uid, info.gid, info.mode! & 0o7777], [3, 4, 0o4755]);
});

test("put honours ignore uid, gid and mod", async (bench) => {
  const ignored = { uid: true, gid: true, mod: true };
  equal(await put(bench, "F", "x", { meta: META, options: { ignored } }), DONE);
  const info = Deno.lstatSync(bench.path("F"));
  equal([info.uid, info.gid, info.mode! & 0o7777], [0, 0, 0o600]);
  equal(await recorded(bench, "F"), "v1:mtime=1600000000:type=reg:size=1");
});

test("put takes content that does not fit in memory", async (bench) => {
  const content = new Uint8Array(6 * 1_048_576).fill(97);
  equal(await put(bench, "F", content), DONE);
  equal(Deno.readFileSync(bench.path("F")).length, content.length);
});

test("put with a long name works up to 255 bytes", async (bench) => {
  const name = "n".repeat(255);
  equal(await put(bench, name, "x"), DONE);
  equal(await put(bench, `${name}n`, "x").catch((e) => e.text), "File name too long");
});

test("W 20.21 a missing parent directory is refused and leaves nothing anywhere", async (bench) => {
  equal(await put(bench, "no/F", "x"), failed("No such file or directory"));
  equal(
    (await change(bench, "no/D", { kind: "mkdir" })).outcome,
    failed("No such file or directory"),
  );
});

test("W 20.3 put onto a directory that is not empty is refused before anything is sent", async (bench) => {
  bench.mkdir("D");
  bench.write("D/keep", "x");
  equal(await put(bench, "D", "x"), failed("Directory not empty"));
  equal(bench.tree(), { D: "dir 755", "D/keep": "file 644 x" });
});

for (const old of ["absent", "reg", "dir", "lnk", "fifo"] as const) {
  const changes: Record<string, [Change | undefined, string]> = {
    reg: [undefined, "file 600 new"],
    dir: [{ kind: "mkdir" }, "dir 700"],
    lnk: [{ kind: "link", target: "elsewhere" }, "link elsewhere"],
    fifo: [{ kind: "fifo" }, "fifo 700"],
    blk: [{ kind: "node", type: "blk", rdev: 0x701 }, "node 700"],
  };
  for (const [kind, [wanted, shown]] of Object.entries(changes)) {
    if (kind === old) continue;
    test(`W 20.19 ${old} becomes ${kind}`, async (bench) => {
      if (old === "reg") bench.write("X", "old");
      if (old === "dir") bench.mkdir("X");
      if (old === "lnk") Deno.symlinkSync("/etc/passwd", bench.path("X"));
      if (old === "fifo") await change(bench, "X", { kind: "fifo" });
      const outcome = wanted === undefined
        ? await put(bench, "X", "new")
        : (await change(bench, "X", wanted)).outcome;
      equal(outcome, DONE);
      equal(bench.tree(), { X: shown });
      ok((await recorded(bench, "X"))?.includes(`:type=${kind}`));
    });
  }
}

test("W 20.19 a directory with entries is in the way of a link and survives", async (bench) => {
  bench.mkdir("X");
  bench.write("X/keep", "x");
  const before = bench.tree();
  const { outcome, changed } = await change(bench, "X", { kind: "link", target: "t" });
  equal([outcome, changed], [failed("Directory not empty"), false]);
  equal(bench.tree(), before);
  equal(await recorded(bench, "X"), undefined);
});

test("MKDIR of an existing directory succeeds and keeps its contents", async (bench) => {
  bench.mkdir("D");
  bench.write("D/keep", "x");
  const inode = Deno.statSync(bench.path("D")).ino;
  equal(await change(bench, "D", { kind: "mkdir" }), { outcome: DONE, changed: false });
  const meta = { ...META, mode: 0o40750 };
  equal((await change(bench, "D", { kind: "mkdir", meta })).outcome, DONE);
  equal(Deno.statSync(bench.path("D")).ino, inode);
  equal(bench.tree(), { D: "dir 750", "D/keep": "file 644 x" });
});

test("MKDIR with metadata sets owner, mode and time at once", async (bench) => {
  equal(
    (await change(bench, "D", { kind: "mkdir", meta: { ...META, mode: 0o42770 } })).outcome,
    DONE,
  );
  const info = Deno.statSync(bench.path("D"));
  equal([info.uid, info.gid, info.mode! & 0o7777], [7, 8, 0o2770]);
  equal(info.mtime!.getTime(), 1_600_000_000_123);
});

test("W 20.23 a device without number is refused, an equal one is kept", async (bench) => {
  const wish: Change = { kind: "node", type: "chr" };
  equal((await change(bench, "C", wish)).outcome, failed("Invalid argument"));
  equal((await change(bench, "C", { ...wish, rdev: 0x103 })).outcome, DONE);
  equal(await change(bench, "C", wish), { outcome: DONE, changed: false });
  ok((await recorded(bench, "C"))?.endsWith(":type=chr:dev=259"));
  equal((await change(bench, "C", { ...wish, rdev: 0x105 })).changed, true);
  ok((await recorded(bench, "C"))?.endsWith(":type=chr:dev=261"));
});

test("W 20.23 MKSOCK removes nothing and creates nothing", async (bench) => {
  equal(await change(bench, "S", { kind: "sock" }), { outcome: DONE, changed: false });
  const own = await change(bench, "S", { kind: "own", uid: 0, gid: 0 });
  equal(own.outcome, failed("No such file or directory"));
  bench.write("F", "x");
  equal((await change(bench, "F", { kind: "sock" })).outcome, failed("File exists"));
  equal(bench.tree(), { F: "file 644 x" });
});

test("DEL removes files, links and empty directories, and accepts what is gone", async (bench) => {
  bench.write("F", "x");
  Deno.symlinkSync("F", bench.path("L"));
  bench.mkdir("D/E");
  for (const name of ["L", "F", "D/E", "D", "D", "no/F"]) {
    equal((await change(bench, name, { kind: "remove" })).outcome, DONE, name);
  }
  bench.mkdir("D");
  bench.write("D/keep", "x");
  equal((await change(bench, "D", { kind: "remove" })).outcome, failed("Directory not empty"));
  equal(bench.tree(), { D: "dir 755", "D/keep": "file 644 x" });
});

test("W 20.18 SETMOD and SETIME do not follow a link", async (bench) => {
  bench.write("F", "x", 0o600);
  const before = Deno.statSync(bench.path("F"));
  Deno.symlinkSync("F", bench.path("L"));
  equal((await change(bench, "L", { kind: "mode", mode: 0o777 })).outcome, DONE); // a link's own mode
  equal(
    (await change(bench, "L", { kind: "mode", mode: 0o4755 })).outcome,
    failed("Operation not supported"),
  );
  equal((await change(bench, "L", { kind: "mtime", mtime: nanos(5n) })).outcome, DONE);
  equal((await change(bench, "L", { kind: "own", uid: 5, gid: -1 })).outcome, DONE);
  const after = Deno.statSync(bench.path("F"));
  equal([after.mode, after.uid, after.mtime], [before.mode, before.uid, before.mtime]);
  equal(Deno.lstatSync(bench.path("L")).uid, 5);
});

test("W 20.17 nothing is done below a link in the place of a directory", async (bench) => {
  bench.mkdir("real");
  bench.write("real/F", "x");
  Deno.symlinkSync("real", bench.path("L"));
  const before = bench.tree();
  const wishes: Change[] = [
    { kind: "mkdir" },
    { kind: "fifo" },
    { kind: "link", target: "t" },
    { kind: "mode", mode: 0 },
    { kind: "mtime", mtime: nanos(0n) },
  ];
  for (const wish of wishes) {
    equal((await change(bench, "L/F", wish)).outcome, failed("Too many levels of symbolic links"));
  }
  equal(await put(bench, "L/F", "y"), failed("Too many levels of symbolic links"));
  equal((await change(bench, "L/F", { kind: "remove" })).outcome, DONE); // counts as absent
  equal(bench.tree(), before);
});

test("SETOWN and SETMOD honour -1 and ignore, and record what is there", async (bench) => {
  bench.write("F", "x");
  equal((await change(bench, "F", { kind: "own", uid: -1, gid: 9 })).outcome, DONE);
  ok((await recorded(bench, "F"))?.includes(":uid=0:gid=9:"));
  const ignored = { uid: false, gid: false, mod: true };
  equal(
    (await change(bench, "F", { kind: "mode", mode: 0 }, { options: { ignored } })).outcome,
    DONE,
  );
  equal(bench.tree(), { F: "file 644 x" });
});

test("metadata changes while a transaction keeps every check of another process out", async (bench) => {
  bench.write("F", "x");
  class Watched extends MemoryStore {
    /** Mode before and after, and whether there is a record afterwards. */
    readonly seen: unknown[] = [];
    override transaction<T>(work: (tx: StateTx) => T | Promise<T>): Promise<T> {
      const mode = () => (bench.tree()["F"] ?? "").slice(0, 8);
      return super.transaction(async (tx) => {
        const before = mode();
        const result = await work(tx);
        this.seen.push([before, mode(), await tx.record(bench.target("F").name) !== undefined]);
        return result;
      });
    }
  }
  await using state = new Watched();
  equal(
    (await change(bench, "F", { kind: "mode", mode: 0o600 }, { options: { state } })).outcome,
    DONE,
  );
  equal(state.seen, [["file 644", "file 644", false], ["file 644", "file 600", true]]);
  equal(await state.intents(), []);
});

test("W 13.2 a change clears the peer's mark, a failed one (W 20.15) clears and records nothing", async (bench) => {
  const { name } = bench.target("D");
  const mark = { name, forced: false, myName: PEER, peer: PEER };
  const other = { ...mark, peer: "other.test" as typeof PEER };
  await bench.state.transaction((tx) => tx.mark([mark, other]));
  bench.mkdir("D/sub");
  await change(bench, "D", { kind: "remove" });
  equal(await Array.fromAsync(bench.state.dirtyRows()).then((p) => p.flat().length), 2);
  Deno.removeSync(bench.path("D/sub"));
  await change(bench, "D", { kind: "remove" });
  const rows = (await Array.fromAsync(bench.state.dirtyRows())).flat();
  equal(rows.map(({ peer }) => peer), ["other.test"]);
});

test("a change made here after the look is a conflict and survives", async (bench) => {
  bench.write("F", "old");
  const applier = bench.applier();
  {
    using held = (await applier.hold(bench.target("F")))!;
    held.look();
    bench.write("F", "mine");
    equal((await held.change({ kind: "remove" })).outcome, { kind: "conflict" });
  }
  using held = (await applier.hold(bench.target("F")))!;
  held.look();
  const begun = held.beginPut();
  ok(!("kind" in begun));
  await using file = begun;
  file.write(new TextEncoder().encode("theirs"));
  bench.write("F", "mine again");
  equal((await file.install()).outcome, { kind: "conflict" });
  equal(bench.tree(), { F: "file 644 mine again" });
  equal(await bench.state.record(bench.target("F").name), undefined);
});

test("an object that appears after the look is not replaced", async (bench) => {
  using held = (await bench.applier().hold(bench.target("F")))!;
  held.look();
  const begun = held.beginPut();
  ok(!("kind" in begun));
  await using file = begun;
  bench.write("F", "mine");
  equal((await file.install()).outcome, { kind: "conflict" });
  equal(bench.tree(), { F: "file 644 mine" });
});

test("a path that stays locked is reported as busy", async (bench) => {
  const applier = bench.applier();
  using _first = (await applier.hold(bench.target("F")))!;
  equal(await applier.hold(bench.target("F"), { waitMs: 10 }), undefined);
  using other = (await applier.hold(bench.target("G"), { waitMs: 10 }))!;
  ok(other);
});

test("D 7.7.3 actions are scheduled with the record of a change, and not without one", async (bench) => {
  const { name } = bench.target("F");
  const actions = [{ name, command: "true", logfile: "/dev/null" }];
  await change(bench, "F", { kind: "remove" }, { target: { actions } });
  equal(await bench.state.actions(), []);
  await put(bench, "F", "x", { target: { actions } });
  equal(await bench.state.actions(), actions);
});

test("a put that is given up leaves no trace, however much was written", async (bench) => {
  bench.write("F", "old");
  for (const size of [10, 300_000, 5_000_000]) {
    using held = (await bench.applier().hold(bench.target("F")))!;
    held.look();
    const begun = held.beginPut();
    ok(!("kind" in begun));
    await using file = begun;
    if (file.isLarge(size) && size < 1_000_000) await file.spill();
    file.write(new Uint8Array(size));
  }
  equal(bench.tree(), { F: "file 644 old" });
});
