import { equal, notEqual, ok, throws } from "node:assert/strict";
import { tree } from "../../tests/support/tree.ts";
import { failsAt } from "../../tests/support/fault.ts";
import type { Name } from "../model/mod.ts";
import { diskRoom, O_DIRECTORY, O_PATH, openAt } from "../os/mod.ts";
import { rare } from "../os/libc.ts";
import { openJail } from "./jail.ts";
import { OpenDir, SharedDirs } from "./open_dir.ts";

Deno.test("OpenDir is closed when the last user leaves", () => {
  using t = tree();
  const dir = new OpenDir(openAt(t.path, { flags: O_PATH | O_DIRECTORY }));
  dir.use();
  dir.use();
  dir.leave();
  equal(dir.isOpen, true);
  ok(dir.fd.number >= 0);
  dir.leave();
  equal(dir.isOpen, false);
  throws(() => dir.fd.number, { code: "os/EBADF" });
});

Deno.test("SharedDirs gives the same directory while somebody has it open, and for a short time only", () => {
  using t = tree({ "A/": "", "B/": "" });
  let now = 0;
  const shared = new SharedDirs(() => now);
  const take = (name: string) =>
    shared.take(t.at(name), () => openAt(t.join(name), { flags: O_PATH | O_DIRECTORY })).use();
  const a = take("A"), b = take("B");
  notEqual(a, b);
  now = 9;
  const again = take("A");
  equal(again, a);
  now = 11;
  const late = take("A");
  notEqual(late, a);
  equal(take("A"), late);
  late.leave();
  late.leave();
  equal(late.isOpen, false);
  const anew = take("A"); // nobody had it open any more
  notEqual(anew, late);
  shared.forget();
  const other = take("A");
  notEqual(other, anew);
  for (const dir of [a, a, b, anew, other]) dir.leave();
  equal([a, b, anew, other].some((dir) => dir.isOpen), false);
});

Deno.test("OpenDir asks for room once per some megabytes, and keeps the reserve", async () => {
  using t = tree();
  const dir = new OpenDir(openAt(t.path, { flags: O_PATH | O_DIRECTORY })).use();
  const { free, total } = diskRoom(dir.fd, t.path);
  const reserve = Math.min(total / 100, 2 ** 30);
  const work = () => {
    for (let n = 0; n < 100; n++) dir.claim(10_000, "F" as Name);
  };
  const run = await failsAt(Infinity, work);
  equal(run.calls.filter((call) => call === "fstatfs").length, 1);
  throws(() => dir.claim(free, "F" as Name), { code: "os/ENOSPC" });
  ok(free > reserve);
  dir.leave();
});

Deno.test("parentOf() of a directory that was removed and made anew is the new one", () => {
  using t = tree({ "D/": "", "E/": "", "F/": "" });
  using jail = openJail();
  const parentOf = (below: string) => jail.parentOf(t.at(below)).dir;
  using above = parentOf("D");
  using held = parentOf("D/x");
  above.rmdir("D" as Name);
  above.mkdir("D" as Name, 0o755);
  using made = parentOf("D/x");
  made.mkdir("x" as Name, 0o755);
  equal(t.entry("D/x").kind, "dir");
  throws(() => held.mkdir("y" as Name, 0o755), { code: "os/ENOENT" });
  using e = parentOf("E/x");
  above.exchange("E" as Name, "F" as Name);
  using f = parentOf("E/x");
  f.symlink("x" as Name, "t");
  equal(t.entry("E/x").kind, "lnk");
  equal(e.look("x" as Name).kind, "absent");
});

Deno.test("parentOf() shares a descriptor; whoever has disposed his part cannot use it", () => {
  using t = tree({ "D/F": "x" });
  using jail = openJail();
  using one = jail.parentOf(t.at("D/F")).dir;
  const other = jail.parentOf(t.at("D/G")).dir;
  other[Symbol.dispose]();
  other[Symbol.dispose]();
  throws(() => other.look("F" as Name), { code: "os/EBADF" });
  equal(one.look("F" as Name).kind, "reg");
});

Deno.test("a file in memory needs nothing to be durable", () => {
  using t = tree();
  const calls = rare(), real = calls.fstatfs;
  using jail = openJail();
  for (
    const [magic, isInMemory] of [[0x0102_1994n, true], [0xef53n, false], [1n, false]] as const
  ) {
    calls.fstatfs = (fd, into) => {
      const done = real(fd, into);
      (into as BigInt64Array)[0] = magic;
      return done;
    };
    try {
      using dir = jail.parentOf(t.at(`F`)).dir;
      equal(dir.isInMemory, isInMemory);
      using temp = dir.createTemp("F" as Name);
      equal(temp.isInMemory, isInMemory);
    } finally {
      calls.fstatfs = real;
    }
  }
});
