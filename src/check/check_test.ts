import assert from "node:assert/strict";
import { failsAt } from "../../tests/support/fault.ts";
import { Bed } from "../../tests/support/journey_bed.ts";
import { directory, link } from "../../tests/support/tree.ts";
import { openJail, PathLocks } from "../fs/mod.ts";
import {
  type DbName,
  type DiskPath,
  type FileRecord,
  type HostName,
  type ScheduledAction,
  wantText,
} from "../model/mod.ts";
import { MemoryStore, type NameRange } from "../state/mod.ts";

const ONE_GROUP = "group g { host a.demo b.demo; key k; include @; }";
const PREFIX = "group g { host a.demo b.demo; key k; include %p%; } prefix p { on *: @/a; }";
const BOTH = `group g { host a.demo b.demo; key k; include @/a %p%; } prefix p { on *: @/a; }`;

Deno.test("check() marks everything first, a directory before its entries, then nothing", async () => {
  await using bed = new Bed(ONE_GROUP, { "x/1": "1", "x.y": "", "x-z/2": "" });
  assert.deepEqual(await bed.check(), { written: 6, removed: 0 });
  assert.deepEqual(bed.marked(), [".", "x.y", "x-z", "x-z/2", "x", "x/1"]);
  assert.deepEqual(await bed.recordNames(), [".", "x", "x-z", "x-z/2", "x.y", "x/1"]);
  assert.deepEqual(await bed.check(), { written: 0, removed: 0 });
  assert.deepEqual(bed.marked(), []);
});

Deno.test("check() reports removals deepest first, then changes in reverse byte order", async () => {
  await using bed = new Bed(ONE_GROUP, { b1: "", b2: "", "d/3": "" });
  await bed.check();
  bed.tree.remove("d");
  bed.tree.make({ b1: "new", b4: "" });
  await bed.check();
  assert.deepEqual(bed.marked(), ["d/3", "d", "b4", "b1"]);
  assert.deepEqual(await bed.recordNames(), [".", "b1", "b2", "b4"]);
});

Deno.test("check() of a tree with many names and batches finds each change once", async () => {
  const spec: Record<string, string> = {};
  for (let at = 0; at < 4_500; at++) spec[`d${at % 70}/f ${at}`] = "";
  await using bed = new Bed(ONE_GROUP, spec);
  assert.deepEqual(await bed.check(), { written: 4_571, removed: 0 });
  assert.equal(new Set(bed.marked()).size, 4_571);
  for (let at = 0; at < 70; at += 2) bed.tree.remove(`d${at}`);
  const { removed } = await bed.check();
  assert.equal(
    removed,
    35 + Object.keys(spec).filter((n) => Number(n.slice(1, n.indexOf("/"))) % 2 === 0).length,
  );
});

Deno.test("check() without recursion looks at one name", async () => {
  await using bed = new Bed(ONE_GROUP, { "d/1": "" });
  await bed.check({ targets: [bed.target("", false)] });
  assert.deepEqual(bed.marked(), ["."]);
  await bed.check({ targets: [bed.target("d", false), bed.target("none", false)] });
  assert.deepEqual(bed.marked(), ["d"]);
});

Deno.test("check() leaves siblings of a removed directory alone", async () => {
  await using bed = new Bed(ONE_GROUP, { "x/1": "", "x.y": "", "x-z": "", x0: "" });
  await bed.check();
  for (const name of ["x", "x.y", "x-z", "x0"]) bed.tree.remove(name);
  await bed.check({ targets: [bed.target("x")] });
  assert.deepEqual(bed.marked(), ["x/1", "x"]);
});

Deno.test("check() keeps rows of names that are excluded now", async () => {
  await using bed = new Bed(ONE_GROUP, { "x/y": "", z: "" });
  await bed.check();
  bed.config = bed.parse("group g { host a.demo b.demo; key k; include @; exclude @/x; }");
  bed.tree.remove("x/y");
  await bed.check({ targets: [bed.target("/")] });
  assert.deepEqual(bed.marked(), []);
  assert.deepEqual(await bed.recordNames(), [".", "x", "x/y", "z"]);
});

Deno.test("check() takes what lies behind a link for removed", async () => {
  await using bed = new Bed(ONE_GROUP, { "x/1": "", l: link("x") });
  await bed.check();
  bed.tree.remove("x");
  bed.tree.make({ "y/1": "", x: link("y") });
  await bed.check();
  assert.deepEqual(bed.marked(), ["x/1", "y", "y/1", "x"]);
  assert.match((await bed.records())["x"]!, /type=lnk:target=y$/);
});

Deno.test("check() warns of an argument without effect in its place", async () => {
  await using bed = new Bed(ONE_GROUP, { "1": "", "2": "" });
  const etc = { path: "/etc/passwd" as never, recursive: false };
  await bed.check({ targets: [bed.target("1", false), etc, bed.target("2", false)] });
  assert.deepEqual(bed.lines(), [
    "Marking file as dirty: 1",
    "WARNING: Parameter will be ignored: /etc/passwd",
    "Marking file as dirty: 2",
  ]);
});

Deno.test("check() does not take our own temporary files for the user's", async () => {
  await using bed = new Bed(ONE_GROUP, { ".bashrc.backup": "" });
  const jail = (await import("../fs/mod.ts")).openJail();
  using held = jail.parentOf(bed.tree.at("x")).dir;
  using _temp = held.createTemp("hello.txt" as never);
  await bed.check();
  assert.deepEqual(bed.marked(), [".", ".bashrc.backup"]);
  jail[Symbol.dispose]();
});

Deno.test("check() with force marks with the flag, and schedules local actions", async () => {
  await using bed = new Bed(ONE_GROUP, { f: "" });
  const actionsFor = (name: DbName): ScheduledAction[] => [{ name, command: "c", logfile: "/l" }];
  await bed.check({ forced: true, actionsFor });
  assert.deepEqual(await bed.dirty(), ["!. -> b.demo", "!f -> b.demo"]);
  assert.equal((await bed.state.actions()).length, 2);
});

Deno.test("check() marks only the listed peers when asked to", async () => {
  await using bed = new Bed("group g { host a.demo b.demo c.demo; key k; include @; }", {});
  await bed.check({ onlyPeers: ["c.demo"] });
  assert.deepEqual(await bed.dirty(), [". -> c.demo"]);
  assert.deepEqual(bed.lines(), [
    "Marking file as dirty: .",
    "Not marking host b.demo as dirty because -P flag was specified",
  ]);
});

Deno.test("check() of prefixes uses their names, from below, at and above the directory", async () => {
  for (const top of ["a/x", "a", "", "/"]) {
    await using bed = new Bed(PREFIX, { "a/x/1": "" });
    await bed.check({ targets: [bed.target(top)] });
    const all = ["%p%", "%p%/x", "%p%/x/1"];
    assert.deepEqual(bed.marked(), top === "a/x" ? all.slice(1) : all, top);
  }
});

Deno.test("check() keeps a file's plain name and its prefix name apart", async () => {
  await using bed = new Bed(BOTH, { "a/1": "" });
  for (const top of ["a", "/"]) {
    await bed.check({ targets: [bed.target(top)] });
    assert.deepEqual(await bed.recordNames(), ["%p%", "%p%/1", "a", "a/1"]);
  }
  bed.tree.remove("a/1");
  await bed.check({ targets: [bed.target("/")] });
  assert.deepEqual(bed.marked().sort(), ["%p%/1", "a/1"]);
  bed.tree.make({ "a/1": "" });
  await bed.check({ targets: [bed.target("a/1", false)] });
  assert.deepEqual(bed.marked().sort(), ["%p%/1", "a/1"]);
});

Deno.test("D 7.3.1 check() takes no error but absence for a removal", async () => {
  const spec = { "d/1": "", "d/2": "", e: "" };
  let errors = 0;
  for (let n = 0, reached = true; reached; n++) {
    await using bed = new Bed(ONE_GROUP, spec);
    await bed.check();
    await bed.clearDirty();
    bed.tree.remove("e");
    const run = await failsAt(n, () => bed.check(), { errno: n % 2 === 0 ? "EIO" : "EACCES" });
    reached = run.reached;
    assert.equal(run.error, undefined);
    const dirty = await bed.dirty();
    const isComplete = dirty.includes("e -> b.demo");
    if (!isComplete) assert.ok(bed.reporter.errors > 0, `call ${n} ${run.calls[n]}`);
    errors += bed.reporter.errors;
    assert.deepEqual(dirty.filter((d) => d !== "e -> b.demo"), [], `call ${n} ${run.calls[n]}`);
    assert.ok((await bed.recordNames()).includes("d/1"));
  }
  assert.ok(errors > 5);
});

Deno.test("D 7.3.1 an error is reported with its reason, once for a directory", async () => {
  await using bed = new Bed(ONE_GROUP, { "d/1": "", "d/2": "" });
  await bed.check();
  await failsAt(2, () => bed.check(), { only: (c) => c.startsWith("getdents"), errno: "EACCES" });
  assert.equal(bed.reporter.errors, 1);
  assert.match(bed.lines(0)[0]!, /^Permission denied in scandir: .*d/);
});

Deno.test("D 7.3.6 a removal below a prefix is seen by a check that starts above it", async () => {
  await using bed = new Bed(PREFIX, { "a/1": "" });
  await bed.check({ targets: [bed.target("/")] });
  bed.tree.remove("a/1");
  await bed.check({ targets: [bed.target("")] });
  assert.deepEqual(bed.marked(), ["%p%/1"]);
});

Deno.test("D 7.3.8 a later change keeps the force flag", async () => {
  await using bed = new Bed(ONE_GROUP, { f: "" });
  await bed.check({ forced: true });
  bed.tree.make({ f: "changed" });
  await bed.check();
  assert.deepEqual(await bed.dirty(), ["!. -> b.demo", "!f -> b.demo"]);
});

Deno.test("D 7.3.9 an init run marks nothing and tells how many rows it wrote", async () => {
  await using bed = new Bed(ONE_GROUP, { "1": "", "2": "" });
  await bed.check({ init: true, actionsFor: () => assert.fail("no actions") });
  assert.deepEqual(await bed.dirty(), []);
  assert.deepEqual(bed.lines(), ["Init run: 3 rows written, 0 removed, nothing marked."]);
  bed.tree.remove("1");
  bed.tree.make({ "2": "changed" });
  await bed.check({ init: true });
  assert.deepEqual(bed.lines(), ["Init run: 1 rows written, 1 removed, nothing marked."]);
  await bed.check();
  assert.deepEqual(bed.marked(), []);
});

Deno.test("D 7.3.13 rows below a vanished or replaced directory go without -r", async () => {
  for (const replacement of [undefined, "file", link("/")]) {
    await using bed = new Bed(ONE_GROUP, { "d/e/1": "", "d/2": "", d2: "" });
    await bed.check();
    bed.tree.remove("d");
    if (replacement !== undefined) bed.tree.make({ d: replacement });
    await bed.check({ targets: [bed.target("d", false)] });
    assert.deepEqual(bed.marked(), ["d/e/1", "d/e", "d/2", "d"]);
    const left = [".", ...(replacement === undefined ? [] : ["d"]), "d2"];
    assert.deepEqual(await bed.recordNames(), left);
  }
});

Deno.test("D 7.1.16 rows of a prefix without a path are skipped with a warning", async () => {
  await using bed = new Bed(PREFIX, { "a/1": "" });
  await bed.check({ targets: [bed.target("/")] });
  bed.config = bed.parse(
    "group g { host a.demo b.demo; key k; include %p% %q%; } prefix q { on *: @/a; }",
  );
  await bed.check({ targets: [bed.target("/")] });
  assert.deepEqual(bed.lines(0), ["Prefix 'p' is not defined for host 'a.demo'."]);
  assert.equal(bed.reporter.errors, 0);
  assert.deepEqual(await bed.recordNames(), ["%p%", "%p%/1", "%q%", "%q%/1"]);
});

Deno.test("D 7.3.5 a change within the same second is seen", async () => {
  await using bed = new Bed(ONE_GROUP, { f: { data: "a", mtime: 1_000_000_000_000_000_001n } });
  await bed.check();
  bed.tree.make({ f: { data: "b", mtime: 1_000_000_000_000_000_002n } });
  await bed.check();
  assert.deepEqual(bed.marked(), ["f"]);
});

Deno.test("D 7.3.4 the target of a link below a prefix is recorded", async () => {
  await using bed = new Bed(PREFIX, { "a/l": link("x") });
  await bed.check();
  assert.match((await bed.records())["%p%/l"]!, /target=x$/);
});

Deno.test("check() of hints starts with the last and deletes each", async () => {
  await using bed = new Bed(ONE_GROUP, { "x/1": "", y: "" });
  await bed.state.transaction(async (tx) => {
    await tx.addHint({ path: "/etc/passwd" as never, recursive: false });
    await tx.addHint({ path: bed.path("x"), recursive: false });
    await tx.addHint({ path: bed.path("x"), recursive: true });
  });
  await bed.check({ targets: "hints" });
  assert.deepEqual(bed.lines(), ["Marking file as dirty: x", "Marking file as dirty: x/1"]);
  assert.deepEqual(await bed.state.hints(), []);
});

/** Fails the n-th transaction. */
class FailingStore extends MemoryStore {
  left = Infinity;
  override transaction: MemoryStore["transaction"] = async (work) => {
    if (this.left-- <= 0) throw new Error("disk full");
    return await super.transaction(work);
  };
}

Deno.test("a hint stays when its findings cannot be written", async () => {
  const state = new FailingStore();
  await using bed = new Bed(ONE_GROUP, { f: "" }, { state });
  await state.transaction((tx) => tx.addHint({ path: bed.path("f"), recursive: false }));
  state.left = 0;
  await assert.rejects(bed.check({ targets: "hints" }), /disk full/);
  assert.equal((await state.hints()).length, 1);
  assert.deepEqual(await bed.recordNames(), []);
});

Deno.test("check() drops what a server recorded meanwhile, with its locks and without", async () => {
  /** Puts the record of `f` after the check has read the rows: what apply does while a walk runs. */
  class Racing extends MemoryStore {
    race: (() => Promise<void>) | undefined;
    override async *records(order: "ascending" | "descending", range?: NameRange) {
      const rows: FileRecord[] = [];
      for await (const some of super.records(order, range)) rows.push(...some);
      const race = this.race;
      this.race = undefined;
      await race?.();
      yield rows;
    }
  }
  for (const isLocked of [true, false]) {
    const state = new Racing();
    await using bed = new Bed(ONE_GROUP, { f: "old", g: "" }, { state });
    await bed.check();
    await bed.clearDirty();
    state.race = async () => {
      bed.tree.make({ f: "new, from a peer" });
      const [fresh] = await Array.fromAsync([bed.records()]);
      const stored = fresh!["f"]!.replace("size=3", "size=16").replaceAll(":", "%3A");
      await state.transaction((tx) =>
        tx.putRecords([{ name: bed.name("f"), stored, subsecond: 0 }])
      );
    };
    await bed.check(isLocked ? { locks: new PathLocks() } : {});
    assert.deepEqual(await bed.dirty(), []);
  }
});

Deno.test("check() drops what a server has put back meanwhile", async () => {
  await using bed = new Bed(ONE_GROUP, { f: "one" });
  await bed.check();
  await bed.clearDirty();
  const path = bed.tree.path + "/f";
  const { mtime } = Deno.statSync(path);
  const state = bed.state as MemoryStore;
  const transaction = state.transaction.bind(state);
  Deno.utimeSync(path, 5, 5); // as between PATCH and SETIME, which bring back equal times and sizes
  state.transaction = async (work) => {
    Deno.utimeSync(path, mtime!, mtime!);
    return await transaction(work);
  };
  await bed.check();
  assert.deepEqual(await bed.dirty(), []);
});

Deno.test("check() leaves what a server of another process has announced but not recorded", async () => {
  await using bed = new Bed(ONE_GROUP, { f: "old", gone: "", mine: "old" });
  await bed.check();
  await bed.clearDirty();
  bed.tree.make({ f: "new, from a peer", mine: "changed by the user" });
  bed.tree.remove("gone");
  using jail = openJail();
  const announce = async (name: string, want: string) => {
    const intent = { name: bed.name(name), peer: "b.demo" as HostName, temp: "" as const, want };
    await bed.state.transaction((tx) => tx.putIntent(intent));
  };
  const seen = jail.look({ anchor: "/" as DiskPath, below: bed.name("f").slice(1) });
  await announce("f", wantText(seen));
  await announce("gone", "---");
  await announce("mine", wantText(seen));
  assert.deepEqual(await bed.check(), { written: 1, removed: 0 });
  assert.deepEqual(await bed.dirty(), ["mine -> b.demo"]);
  await bed.state.transaction((tx) => tx.deleteIntent(bed.name("f")));
  await bed.check();
  assert.deepEqual(await bed.dirty(), ["f -> b.demo", "mine -> b.demo"]);
});

Deno.test("-W tells directories that hold something, contents first", async () => {
  const spec = { "x/1": "", "e/": directory(), "n/m/o": "", "x/sub/other": "" };
  const dumped = async (patterns: string, top: string, recursive = true) => {
    await using bed = new Bed(
      `group g { host a.demo b.demo; key k; include ${patterns}; } prefix p { on *: @; }`,
      spec,
    );
    const names: string[] = [];
    await bed.check({
      targets: [bed.target(top, recursive)],
      dump: (name) => void names.push(bed.short(name)),
    });
    return names;
  };
  assert.deepEqual(await dumped("@/x/1 @/e", ""), ["x", "e", "."]);
  assert.deepEqual(await dumped("@/x/1 @/e", "/"), ["x", "e", "."]);
  assert.deepEqual(await dumped("@/x/1 @/e", "e", false), []);
  assert.deepEqual(await dumped("@/n/m/o", "/"), ["n/m"]);
  assert.deepEqual(await dumped("@/none", "/"), []);
  assert.deepEqual(await dumped("%p%", "/"), [
    "%p%/x/sub",
    "%p%/x",
    "%p%/n/m",
    "%p%/n",
    "%p%/e",
    "%p%",
  ]);
  assert.deepEqual(await dumped("@/x", ""), ["x/sub", "x", "."]);
});
