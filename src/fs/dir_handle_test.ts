import { deepEqual, equal, ok, throws } from "node:assert/strict";
import type { Name } from "../model/mod.ts";
import { failsAt } from "../../tests/support/fault.ts";
import { fifo, link, modeOf, type Tree, tree } from "../../tests/support/tree.ts";
import { openJail } from "./jail.ts";
import type { DirHandle } from "./ports.ts";
import { isTempName } from "./temp_name.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const name = (text: string) => text as Name;

function handle(made: Tree, random?: (bytes: Uint8Array) => void): DirHandle {
  using jail = openJail(random === undefined ? {} : { random });
  return jail.parentOf(made.at("x")).dir;
}

Deno.test("TempFile is private until dressed, and replaces the target at once", () => {
  using made = tree({ F: { data: "old", mode: 0o644 } });
  using dir = handle(made);
  using temp = dir.createTemp(name("F"));
  ok(isTempName(temp.name));
  const fresh = temp.look();
  equal(fresh.kind === "reg" && fresh.meta.mode, modeOf("reg", 0o600));
  temp.write(bytes("ne"));
  temp.write(bytes("w!"));
  temp.setOwner(12, undefined);
  temp.setMode(0o4755);
  temp.setTime(1_234_567_890_123_456_789n);
  temp.sync();
  deepEqual(made.read(), { F: "old", [temp.name]: "new!" });
  temp.installAs(name("F"));
  const done = temp.look();
  ok(done.kind === "reg");
  const { mode, uid, mtime } = done.meta;
  deepEqual([done.size, uid, mode, mtime], [
    4,
    12,
    modeOf("reg", 0o4755),
    1_234_567_890_123_456_789n,
  ]);
  temp[Symbol.dispose]();
  deepEqual(made.read(), { F: "new!" });
});

Deno.test("TempFile outlives its directory handle, and is removed unless installed", () => {
  using made = tree({ "D/": "" });
  using jail = openJail();
  const { dir } = jail.parentOf(made.at("D/F"));
  const temp = dir.createTemp(name("F"));
  dir[Symbol.dispose]();
  temp.write(bytes("x"));
  equal(Object.keys(made.read()).length, 2);
  temp[Symbol.dispose]();
  deepEqual(made.read(), { "D/": "" });
  throws(() => temp.write(bytes("y")), { code: "os/EBADF" });
});

Deno.test("createTemp() takes another name when one is taken, and refuses a taken given one", () => {
  using made = tree();
  let next = 0;
  using dir = handle(made, (bytes) => void bytes.fill(Math.floor(next++ / 3)));
  using _first = dir.createTemp(name("F"));
  using _second = dir.createTemp(name("F"));
  equal(new Set(dir.list()).size, 2);
  const free = dir.tempName(name("F"));
  using given = dir.createTemp(name("F"), free);
  equal(given.name, free);
  throws(() => dir.createTemp(name("F"), free), { code: "os/EEXIST" });
  throws(() => dir.createTemp(name("F"), name("../x")), { code: "os/EINVAL" });
  made.make({ L: link("/tmp/csync-never-made") });
  throws(() => dir.createTemp(name("F"), name("L")), { code: "os/EEXIST" });
});

Deno.test("createTemp() and tempName() give up when every name is taken", () => {
  using made = tree();
  using dir = handle(made, (bytes) => void bytes.fill(7));
  using _only = dir.createTemp(name("F"));
  throws(() => dir.createTemp(name("F")), { code: "os/EEXIST" });
  throws(() => dir.tempName(name("F")), { code: "os/EEXIST" });
});

Deno.test("TempFile.copyFrom() copies pieces, within the kernel or not", async () => {
  using made = tree({ F: "0123456789" });
  using dir = handle(made);
  const copy = () => {
    using source = dir.open(name("F"));
    using temp = dir.createTemp(name("G"));
    const sizes = [
      temp.copyFrom(source, { offset: 5, length: 3 }),
      temp.copyFrom(source, { offset: 0, length: 2 }),
      temp.copyFrom(source, { offset: 8, length: 100 }),
      temp.copyFrom(source, { offset: 20, length: 1 }),
      temp.copyFrom(source, { offset: 0, length: 0 }),
    ];
    deepEqual(sizes, [3, 2, 2, 0, 0]);
    temp.installAs(name("G"));
  };
  copy();
  equal(made.read().G, "5670189");
  made.remove("G");
  const only = (call: string) => call === "copy_file_range";
  for (let n = 0; n < 4; n++) {
    const { error } = await failsAt(n, copy, { errno: "EXDEV", only });
    equal(error, undefined);
    equal(made.read().G, "5670189");
  }
});

Deno.test("a change that fails anywhere leaves the old file or the new one, whole", async () => {
  for (let n = 0, reached = true; reached; n++) {
    using made = tree({ F: "old" });
    const run = await failsAt(n, () => {
      using dir = handle(made);
      using temp = dir.createTemp(name("F"));
      temp.write(bytes("new"));
      temp.setMode(0o600);
      temp.sync();
      temp.installAs(name("F"));
      dir.sync();
    }, { errno: "ENOSPC" });
    reached = run.reached;
    const after = made.read();
    ok(after.F === "old" || after.F === "new", after.F);
    if (run.calls[n] !== "unlinkat") deepEqual(Object.keys(after), ["F"], `call ${n}`);
    equal(run.error === undefined, !reached, `call ${n} ${run.calls[n]} is reported`);
  }
});

Deno.test("the verbs do what they say, by one component", () => {
  using made = tree({ F: "f", "D/G": "g", L: link("D") });
  using dir = handle(made);
  dir.mkdir(name("E"), 0o700);
  dir.mknod(name("P"), "fifo", 0o600, 0);
  dir.mknod(name("N"), "chr", 0o600, 259);
  dir.symlink(name("S"), "any\xffwhere");
  dir.link(name("F"), name("F2"));
  dir.rename(name("F2"), name("P"));
  throws(() => dir.renameNew(name("P"), name("N")), { code: "os/EEXIST" });
  dir.renameNew(name("P"), name("Q"));
  dir.exchange(name("L"), name("E"));
  deepEqual(made.read(), {
    "D/": "",
    "D/G": "g",
    E: "-> D",
    F: "f",
    "L/": "",
    N: "<chr>",
    Q: "f",
    S: "-> any\xffwhere",
  });
  deepEqual(dir.list().sort(), ["D", "E", "F", "L", "N", "Q", "S"]);
  {
    using inner = dir.enter(name("D"));
    deepEqual(inner.list(), ["G"]);
  }
  throws(() => dir.enter(name("E")), { code: "os/ENOTDIR" });
  throws(() => dir.rmdir(name("D")), { code: "os/ENOTEMPTY" });
  throws(() => dir.rmdir(name("E")), { code: "os/ENOTDIR" });
  {
    using held = dir.hold(name("E"));
    throws(() => held.setMode(0o600), { code: "os/EOPNOTSUPP" });
  }
  throws(() => dir.hold(name("no")), { code: "os/ENOENT" });
  dir.rmdir(name("L"));
  for (const leaf of ["E", "N", "Q", "S"]) dir.unlink(name(leaf));
  dir.sync();
  deepEqual(made.read(), { "D/": "", "D/G": "g", F: "f" });
});

Deno.test("exchange() and renameNew() say EINVAL where the kernel does not know them", async () => {
  using made = tree({ F: "", G: "" });
  using dir = handle(made);
  const only = (call: string) => call === "renameat2";
  for (const verb of ["exchange", "renameNew"] as const) {
    const run = await failsAt(0, () => dir[verb](name("F"), name("G")), { errno: "ENOSYS", only });
    equal((run.error as { code: string }).code, "os/EINVAL");
  }
});

Deno.test("open() of a name that becomes a FIFO does not wait", () => {
  using made = tree({ P: fifo(), F: "x" });
  using dir = handle(made);
  throws(() => dir.open(name("P")), { code: "os/EINVAL" });
  using file = dir.open(name("F"));
  equal(file.isUnchanged(), true);
  made.remove("F");
  equal(file.isUnchanged(), false);
});

Deno.test("a directory without read permission can still be changed in", () => {
  using made = tree({ "D/F": "x" });
  Deno.chmodSync(made.join("D"), 0o300);
  using jail = openJail();
  using dir = jail.parentOf(made.at("D/F")).dir;
  dir.rename(name("F"), name("G"));
  deepEqual(made.read(), { "D/": "", "D/G": "x" });
});
