import assert from "node:assert/strict";
import { configOf } from "../../tests/support/config.ts";
import type { DbName } from "../model/mod.ts";
import { includeRoots, rootsOver } from "./roots.ts";

const ROWS: readonly (readonly [string, readonly string[]])[] = [
  ["include /data;", ["/data"]],
  ["include /data/;", ["/data"]],
  ["include /etc/hosts /srv/www;", ["/etc/hosts", "/srv/www"]],
  ["include /data/*.txt;", ["/data"]],
  ["include /data/ab*;", ["/data"]],
  ["include /data/a?/b;", ["/data"]],
  ["include /data/[ab]/c;", ["/data"]],
  ["include /data/**.txt;", ["/data"]],
  ["include /*;", ["/"]],
  ["include /data/a\\*b;", ["/data/a*b"]],
  ["include /data; exclude /data/x; include /data/x/y;", ["/data", "/data/x/y"]],
  ["include /data; compare /other; exclude *~;", ["/data"]],
  ["include %p%;", ["%p%"]],
  ["include %p%/sub;", ["%p%", "%p%/sub"]],
  ["include %p%/a*;", ["%p%"]],
  ["include %none%/a;", []],
];
for (const [text, want] of ROWS) {
  Deno.test(`includeRoots() of ${text}`, () => {
    const config = configOf(
      `group g { host a.demo b.demo; key k; ${text} } prefix p { on *: /p; } ` +
        "prefix none { on z: /z; }",
      { host: "a.demo" },
    );
    assert.deepEqual([...includeRoots(config)].sort(), [...want].sort());
  });
}

Deno.test("includeRoots() of groups that this host is not in are none of ours", () => {
  const config = configOf(
    "group g { host a.demo b.demo; key k; include /a; } " +
      "group h { host b.demo c.demo; key k; include /b; }",
    { host: "a.demo" },
  );
  assert.deepEqual([...includeRoots(config)], ["/a"]);
});

Deno.test("rootsOver() finds the name itself and what lies above, the outermost first", () => {
  const among = new Set(["/", "/a", "/a/b/c", "%p%", "/x"] as DbName[]);
  const over = (name: string) => rootsOver(among, name as DbName);
  assert.deepEqual(over("/a/b/c"), ["/", "/a", "/a/b/c"]);
  assert.deepEqual(over("/a-x"), ["/"]);
  assert.deepEqual(over("%p%/y/z"), ["%p%"]);
  assert.deepEqual(over("%q%/y"), []);
});
