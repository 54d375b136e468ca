import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { type DiskPath, DONE } from "../model/mod.ts";
import { failsAt } from "../../tests/support/fault.ts";
import { Workbench } from "../../tests/support/workbench.ts";
import type { BackupPlace } from "./mod.ts";

function places(bench: Workbench, generations: number, dir = "backup"): BackupPlace[] {
  return [{ directory: bench.path(dir) as DiskPath, generations }];
}

async function put(bench: Workbench, content: string, backups: readonly BackupPlace[]) {
  using held = (await bench.applier().hold(bench.target("data/sub/F", { backups })))!;
  held.look();
  const begun = held.beginPut();
  if ("kind" in begun) return begun;
  await using file = begun;
  file.write(new TextEncoder().encode(content));
  return (await file.install()).outcome;
}

function copies(bench: Workbench): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [path, shown] of Object.entries(bench.tree(`backup${bench.root}/data/sub`))) {
    found[path] = shown;
  }
  return found;
}

Deno.test("D 7.7.8 W 20.26 copies move up in order, N in all", async () => {
  using bench = new Workbench();
  bench.mkdir("data/sub");
  bench.write("data/sub/F", "0", 0o640);
  for (const content of ["1", "2", "3", "4"]) {
    equal(await put(bench, content, places(bench, 3)), DONE);
  }
  equal(copies(bench), { F: "file 640 3", "F.1": "file 640 2", "F.2": "file 640 1" });
});

Deno.test("directories of copies look like the originals, one generation means no copy", async () => {
  using bench = new Workbench();
  bench.mkdir("data/sub");
  Deno.chmodSync(bench.path("data/sub"), 0o751);
  bench.write("data/sub/F", "0");
  equal(await put(bench, "1", places(bench, 1)), DONE);
  ok(!("backup" in bench.tree()));
  equal(await put(bench, "2", places(bench, 2)), DONE);
  equal(Deno.statSync(bench.path(`backup${bench.root}/data/sub`)).mode! & 0o7777, 0o751);
  equal(Deno.statSync(bench.path("backup")).mode! & 0o7777, 0o700);
});

Deno.test("DEL and type changes keep a copy, links are not copied (W 20.26)", async () => {
  using bench = new Workbench();
  bench.mkdir("data/sub");
  const target = () => bench.target("data/sub/F", { backups: places(bench, 3) });
  bench.write("data/sub/F", "one");
  {
    using held = (await bench.applier().hold(target()))!;
    held.look();
    equal((await held.change({ kind: "link", target: "/etc/passwd" })).outcome, DONE);
  }
  {
    using held = (await bench.applier().hold(target()))!;
    held.look();
    equal((await held.change({ kind: "remove" })).outcome, DONE);
  }
  bench.write("data/sub/F", "two");
  {
    using held = (await bench.applier().hold(target()))!;
    held.look();
    equal((await held.change({ kind: "remove" })).outcome, DONE);
  }
  equal(copies(bench), { F: "file 644 two", "F.1": "file 644 one" });
});

Deno.test("W 20.4 an unusable backup directory refuses the change in one line", async () => {
  using bench = new Workbench();
  bench.mkdir("data/sub");
  bench.write("data/sub/F", "old");
  bench.write("backup", "a file in the way");
  const before = bench.tree();
  const put1 = await put(bench, "new", places(bench, 3));
  ok(put1.kind === "failed");
  match(put1.reply, /^Open error while backing up '\/.*\/data\/sub\/F': File exists$/);
  using held = (await bench.applier().hold(
    bench.target("data/sub/F", { backups: places(bench, 3) }),
  ))!;
  held.look();
  const { outcome, changed } = await held.change({ kind: "remove" });
  equal([outcome.kind, changed], ["failed", false]);
  equal(bench.tree(), before);
  equal(await bench.state.intents(), []);
});

Deno.test("W 20.4 a copy that cannot be written whole refuses the change in one line", async () => {
  using bench = new Workbench();
  bench.mkdir("data/sub");
  bench.write("data/sub/F", "old");
  // The first write is that of the new content, the second one that of the copy.
  const { reached, value } = await failsAt(1, () => put(bench, "new", places(bench, 3)), {
    only: (call) => /^p?write/.test(call),
    errno: "ENOSPC",
  });
  ok(reached && value?.kind === "failed");
  match(
    value.reply,
    /^Write error while backing up '\/.*\/data\/sub\/F': No space left on device$/,
  );
  equal(Deno.readTextFileSync(bench.path("data/sub/F")), "old");
  equal(await bench.state.intents(), []);
});

Deno.test("no link is followed below the backup directory", async () => {
  using bench = new Workbench();
  bench.mkdir("data/sub");
  bench.mkdir("outside");
  bench.mkdir("backup");
  bench.write("data/sub/F", "old");
  const first = bench.root.split("/")[1]!;
  Deno.symlinkSync(bench.path("outside"), bench.path(`backup/${first}`));
  const outcome = await put(bench, "new", places(bench, 3));
  ok(outcome.kind === "failed");
  equal(Object.keys(bench.tree("outside")), []);
  equal(Deno.readTextFileSync(bench.path("data/sub/F")), "old");
});

Deno.test("a name of 255 bytes has one copy", async () => {
  using bench = new Workbench();
  const name = "n".repeat(255);
  bench.write(name, "1");
  for (const _ of [1, 2]) {
    using held = (await bench.applier().hold(bench.target(name, { backups: places(bench, 3) })))!;
    held.look();
    equal((await held.change({ kind: "remove" })).outcome, DONE);
    bench.write(name, "2");
  }
  equal(bench.tree(`backup${bench.root}`), { [name]: "file 644 2" });
});
