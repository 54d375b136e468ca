/** Who owns a directory of the tree puts another object in the place of the one whose metadata is changed. */
import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { type Change, nanos } from "../model/mod.ts";
import { meddlesAt } from "../../tests/support/fault.ts";
import { Workbench } from "../../tests/support/workbench.ts";

const META = { mode: 0o40777, uid: 7, gid: 8, mtime: nanos(5n) };

function facts(path: string): unknown[] {
  const { mode, uid, gid, mtime } = Deno.lstatSync(path);
  return [mode, uid, gid, mtime];
}

/** Carries `wanted` out on `name` while `swap` runs before the n-th call, for every n. */
async function forEveryMoment(
  name: string,
  wanted: Change,
  { prepare, swap }: { prepare: (b: Workbench) => void; swap: (b: Workbench) => void },
): Promise<void> {
  for (let n = 0, reached = true; reached; n++) {
    using bench = new Workbench();
    prepare(bench);
    Deno.mkdirSync(bench.path("secret"));
    bench.write("secret/inside", "of root");
    bench.write("key", "of root");
    Deno.chmodSync(bench.path("key"), 0o600);
    const before = [facts(bench.path("secret")), facts(bench.path("key"))];
    using held = (await bench.applier().hold(bench.target(name)))!;
    held.look();
    const run = await meddlesAt(n, () => held.change(wanted), { meddle: () => swap(bench) });
    reached = run.reached;
    equal(run.error, undefined);
    // By now they may have another name; their contents tell which is which.
    const found = ["secret", "key", "victim"].concat(temporary(bench));
    const secret = found.find((leaf) => exists(bench.path(`${leaf}/inside`)));
    const key = found.find((leaf) => isKey(bench.path(leaf)));
    ok(secret !== undefined && key !== undefined, `call ${n}: ${run.calls}`);
    equal([facts(bench.path(secret)), facts(bench.path(key))], before, `call ${n}: ${run.calls}`);
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function isKey(path: string): boolean {
  return exists(path) && Deno.lstatSync(path).isFile && Deno.readTextFileSync(path) === "of root";
}

function temporary(bench: Workbench): string[] {
  return [...Deno.readDirSync(bench.path("."))].map((e) => e.name).filter((n) => n.startsWith("."));
}

for (
  const wanted of [
    { kind: "own", uid: 7, gid: 8 },
    { kind: "mode", mode: 0o4777 },
    { kind: "mtime", mtime: nanos(5n) },
  ] as const
) {
  Deno.test(`a change of ${wanted.kind} reaches the admitted object or none`, async () => {
    await forEveryMoment("victim", wanted, {
      prepare: (bench) => bench.write("victim", "plain"),
      swap: (bench) => Deno.renameSync(bench.path("key"), bench.path("victim")),
    });
  });
}

Deno.test("a new directory's owner and mode reach no other directory", async () => {
  await forEveryMoment("victim", { kind: "mkdir", meta: META }, {
    prepare: () => {},
    swap: (bench) => {
      for (const leaf of temporary(bench)) {
        if (Deno.lstatSync(bench.path(leaf)).isDirectory) Deno.removeSync(bench.path(leaf));
        Deno.renameSync(bench.path("secret"), bench.path(leaf));
      }
    },
  });
});

Deno.test("MKDIR of a directory that is there changes that one or none", async () => {
  await forEveryMoment("victim", { kind: "mkdir", meta: META }, {
    prepare: (bench) => Deno.mkdirSync(bench.path("victim")),
    swap: (bench) => {
      Deno.removeSync(bench.path("victim"));
      Deno.renameSync(bench.path("secret"), bench.path("victim"));
    },
  });
});

Deno.test("a delta is applied to the admitted file or to none", async () => {
  for (let n = 0, reached = true; reached; n++) {
    using bench = new Workbench();
    bench.write("victim", "plain");
    bench.write("key", "of root");
    using held = (await bench.applier().hold(bench.target("victim")))!;
    held.look();
    const run = await meddlesAt(n, () => held.beginPut(), {
      meddle: () => Deno.renameSync(bench.path("key"), bench.path("victim")),
    });
    reached = run.reached;
    if (run.value === undefined || "kind" in run.value) continue;
    await using put = run.value;
    equal(put.basis?.size, "plain".length, `call ${n}: ${run.calls}`);
  }
});
