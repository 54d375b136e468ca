import { equal, ok, throws } from "node:assert/strict";
import golden from "../../tests/golden/canonical-paths.json" with { type: "json" };
import { link, tree } from "../../tests/support/tree.ts";
import { canonical } from "./canonical.ts";

const BASE = "/tmp/csync2-demo2";

interface GoldenCase {
  readonly arg: string;
  readonly cwd: string;
  readonly PWD?: string;
  readonly result?: string;
  readonly crash?: string;
}

/** Cases that we answer differently on purpose: `arg` and PWD -> our answer. */
export const canonicalDifferences: readonly {
  readonly arg: string;
  readonly pwd?: string;
  readonly result: string;
  readonly reason: string;
}[] = [
  { arg: "/..", result: "/", reason: "D 7.2.1: the C program aborts" },
  { arg: "/etc/..", result: "/", reason: "D 7.2.1: the C program aborts" },
  { arg: "/etc/../", result: "/", reason: "D 7.2.1: the C program aborts" },
  { arg: "/../..", result: "/", reason: "D 7.2.1: the C program aborts" },
  { arg: "/././etc", result: "/etc", reason: "D 7.2.1: the C program leaves a double slash" },
  {
    arg: ".",
    pwd: `${BASE}/a/lnk`,
    result: `${BASE}/a/x`,
    reason: "D 7.2.2: PWD is not believed, the real directory counts",
  },
  {
    arg: "1.txt",
    pwd: `${BASE}/a/lnk`,
    result: `${BASE}/a/x/1.txt`,
    reason: "D 7.2.2: PWD is not believed, the real directory counts",
  },
];

Deno.test("D 7.2.1 D 7.2.2 canonical() answers every golden case, or differs for a stated reason", async (t) => {
  using made = tree({
    "a/x/sub/": "",
    "a/x/1.txt": "",
    "a/f": "",
    "a/lnk": link("x"),
    "a/dang": link("/nonexist"),
    "a/loop": link("loop"),
    "b/": "",
    "c/": "",
    "out/": "",
  });
  made.make({ "a/x/abs": link(made.join("a/x/sub")), "out/alias": link(made.join("a")) });
  const here = (text: string) => text.replaceAll(BASE, made.path);
  let used = 0;
  for (const c of golden.cases as readonly GoldenCase[]) {
    const difference = canonicalDifferences.find((d) => d.arg === c.arg && d.pwd === c.PWD);
    if (difference !== undefined) used++;
    const want = difference?.result ?? c.result;
    const name = `${JSON.stringify(c.arg)} in ${c.cwd}${c.PWD === undefined ? "" : " by PWD"}`;
    await t.step(name, () => {
      ok(want !== undefined, `crashes in C, and no difference is listed: ${c.crash}`);
      ok(difference === undefined || difference.result !== c.result, "no difference at all");
      equal(canonical(here(c.arg), { cwd: here(c.cwd) }), here(want));
    });
  }
  equal(golden.cases.length, 57);
  equal(used, canonicalDifferences.length);
});

Deno.test("D 7.2.3 canonical() follows links before '..', as the kernel does", () => {
  using made = tree({ "far/away/deep/": "", "far/f": "", "near/": "", "f": "" });
  made.make({ "near/lnk": link("../far/away") });
  const { path } = made;
  equal(canonical("near/lnk/../f", { cwd: path }), `${path}/far/f`);
  equal(canonical("near/lnk/..", { cwd: path }), `${path}/far`);
  equal(canonical("../f", { cwd: `${path}/near/lnk` }), `${path}/far/f`);
  equal(canonical("deep/../../..", { cwd: `${path}/near/lnk` }), path);
});

Deno.test("canonical() resolves chains of links and gives up on loops", () => {
  using made = tree({
    "z/F": "",
    a: link("b"),
    b: link("./c/../c"),
    c: link("z"),
    "l1": link("l2"),
  });
  made.make({ l2: link("l1/x"), ["raw\xff"]: link("z"), up: link("..") });
  const { path } = made;
  equal(canonical("a/F", { cwd: path }), `${path}/z/F`);
  equal(canonical("l1/x", { cwd: path }), `${path}/l1/x`);
  equal(canonical("raw\xff/n\n", { cwd: path }), `${path}/z/n\n`);
  equal(canonical("up/etc", { cwd: path }), "/tmp/etc");
});

Deno.test("canonical() takes any length, and no NUL", () => {
  const long = Array.from({ length: 40 }, () => "d".repeat(200)).join("/");
  equal(canonical(`/no/${long}`), `/no/${long}`);
  equal(canonical(`/${"n".repeat(300)}/x`), `/${"n".repeat(300)}/x`);
  throws(() => canonical("/a\0b/c"), { code: "os/EINVAL" });
});
