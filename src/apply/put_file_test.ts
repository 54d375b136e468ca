import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { failsAt, meddlesAt } from "../../tests/support/fault.ts";
import { Workbench } from "../../tests/support/workbench.ts";
import { openJail, type SourceFile } from "../fs/mod.ts";
import { DONE, failed, type Meta, nanos, type Outcome, utf8Bytes } from "../model/mod.ts";
import type { ApplierOptions, FilePut } from "./mod.ts";

const MTIME = nanos(1_600_000_000_123_456_789n);
const SMALL = new TextEncoder().encode("a small file");
const LARGE = crypto.getRandomValues(new Uint8Array(50_000)).toBase64().repeat(40);

async function put(
  bench: Workbench,
  name: string,
  write: (put: FilePut) => unknown,
  { meta, options }: { meta?: Meta; options?: Partial<ApplierOptions> } = {},
): Promise<Outcome> {
  using held = (await bench.applier(options).hold(bench.target(name)))!;
  held.look();
  const begun = held.beginPut(meta);
  if ("kind" in begun) return begun;
  await using file = begun;
  if (await write(file) === false) return failed("given up");
  return (await file.install()).outcome;
}

function sourceOf(bench: Workbench, name: string, stack: DisposableStack): SourceFile {
  return stack.use(stack.use(openJail()).open(bench.target(name).at));
}

async function isTidy(bench: Workbench): Promise<void> {
  equal(bench.leftovers, []);
  equal(await bench.state.intents(), []);
}

Deno.test("take() installs what is handed over", async () => {
  using bench = new Workbench();
  equal(await put(bench, "X", (file) => (file.take(SMALL), file.take(SMALL))), DONE);
  equal(Deno.readTextFileSync(bench.path("X")), "a small filea small file");
  await isTidy(bench);
});

for (const content of ["", "a small file", LARGE]) {
  for (const options of [{}, { durability: "batch" }] as const) {
    const what = `${content.length} bytes, ${JSON.stringify(options)}`;
    Deno.test(`copyFrom() makes the same file from one of this host: ${what}`, async () => {
      using bench = new Workbench();
      using stack = new DisposableStack();
      bench.write("S", content);
      const source = sourceOf(bench, "S", stack);
      equal(await put(bench, "X", (file) => file.copyFrom(source), { options }), DONE);
      equal(Deno.readTextFileSync(bench.path("X")), content);
      bench.write("X", "old");
      equal(await put(bench, "X", (file) => file.copyFrom(source), { options }), DONE);
      equal(Deno.readTextFileSync(bench.path("X")), content);
      await isTidy(bench);
    });
  }

  Deno.test(`copyFrom() notices a source that changes: ${content.length} bytes`, async () => {
    const changes: ((path: string) => void)[] = [
      (path) => Deno.writeTextFileSync(path, "another", { append: true }),
      (path) => Deno.removeSync(path),
      (path) => {
        Deno.writeTextFileSync(`${path}2`, content);
        Deno.renameSync(`${path}2`, path);
      },
      (path) => Deno.truncateSync(path, 3),
    ];
    for (const change of changes) {
      for (let n = 0, reached = true; reached; n++) {
        using bench = new Workbench();
        using stack = new DisposableStack();
        bench.write("S", content);
        const source = sourceOf(bench, "S", stack);
        let isSame: boolean | undefined;
        const work = () => put(bench, "X", async (file) => isSame = await file.copyFrom(source));
        const run = await meddlesAt(n, work, { meddle: () => change(bench.path("S")) });
        reached = run.reached;
        if (run.error !== undefined) throw run.error;
        if (isSame === true) equal(Deno.readTextFileSync(bench.path("X")), content);
        else equal(bench.tree().X, undefined);
        await isTidy(bench);
      }
    }
  });

  Deno.test(`copyFrom() of ${content.length} bytes: every call fails`, async () => {
    for (let n = 0, reached = true; reached; n++) {
      using bench = new Workbench();
      using stack = new DisposableStack();
      bench.write("S", content);
      const source = sourceOf(bench, "S", stack);
      const run = await failsAt(n, () => put(bench, "X", (file) => file.copyFrom(source)));
      reached = run.reached;
      if (run.error !== undefined && !("errnoName" in (run.error as object))) throw run.error;
      if (run.value?.kind === "done") equal(Deno.readTextFileSync(bench.path("X")), content);
      await bench.applier().repairIntents({
        locate: (name) => ({ anchor: "/" as never, below: name.slice(1) }),
      });
      ok([undefined, content].includes(read(bench.path("X"))), `call ${n} (${run.calls[n]})`);
      await isTidy(bench);
    }
  });
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

Deno.test("a drawn temporary name that is another file's is left alone", async () => {
  using bench = new Workbench();
  const taken = nameDrawn(bench, 0);
  bench.write(taken, "precious");
  let turn = 0;
  using jail = openJail({ random: (bytes) => bytes.fill(turn++) });
  equal(await put(bench, "X", (file) => file.take(SMALL), { options: { jail } }), DONE);
  equal(Deno.readTextFileSync(bench.path("X")), "a small file");
  equal(Deno.readTextFileSync(bench.path(taken)), "precious");
  equal(await bench.state.intents(), []);
});

Deno.test("where no temporary name is free, the change is refused and nobody's file touched", async () => {
  using bench = new Workbench();
  const taken = nameDrawn(bench, 0);
  bench.write(taken, "precious");
  using jail = openJail({ random: (bytes) => bytes.fill(0) });
  const outcome = await put(bench, "X", (file) => file.take(SMALL), { options: { jail } });
  equal(outcome, failed("File exists"));
  equal(bench.tree(), { [taken]: "file 644 precious" });
  equal(await bench.state.intents(), []);
});

/** What a source of nothing but `byte` draws for X. */
function nameDrawn(bench: Workbench, byte: number): string {
  using jail = openJail({ random: (bytes) => bytes.fill(byte) });
  const { dir, leaf } = jail.parentOf({
    anchor: "/" as never,
    below: utf8Bytes(bench.path("X")).slice(1),
  });
  using held = dir;
  return held.drawName(leaf);
}

Deno.test("owner and mode are exact where the directory gives new files another group", async () => {
  for (const gid of [0, 12]) {
    for (const mode of [0o644, 0o600, 0o640, 0o4755, 0o2711]) {
      using bench = new Workbench();
      Deno.chownSync(bench.root, 0, 12);
      Deno.chmodSync(bench.root, 0o2755);
      const seen: string[] = [];
      const look = () =>
        seen.push(...Object.keys(bench.tree()).map((name) => shown(bench.path(name))));
      const meta = { mode: 0o100000 | mode, uid: 0, gid, mtime: MTIME };
      for (let n = 0, reached = true; reached; n++) {
        const work = () => put(bench, "X", (file) => file.take(SMALL), { meta });
        ({ reached } = await meddlesAt(n, work, { meddle: look }));
        equal(shown(bench.path("X")), `${gid} ${mode.toString(8)}`);
        Deno.removeSync(bench.path("X"));
      }
      // On the way there the wrong group never may more than everybody, and no set-id bit is set.
      for (const one of seen.filter((one) => one !== `${gid} ${mode.toString(8)}`)) {
        const [group, bits = 0] = one.split(" ").map((text, n) => parseInt(text, n === 0 ? 10 : 8));
        ok(group === gid || ((bits >> 3) & ~bits & 7) === 0 && (bits & 0o6000) === 0, one);
      }
    }
  }
});

function shown(path: string): string {
  const { gid, mode } = Deno.lstatSync(path);
  return `${gid} ${(mode! & 0o7777).toString(8)}`;
}
