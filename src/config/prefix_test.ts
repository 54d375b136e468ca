/** Names and paths (D 2.1). */
import assert from "node:assert/strict";
import { configOf } from "../../tests/support/config.ts";
import type { DbName, DiskPath } from "../model/mod.ts";
import { isUselessArgument } from "./classify.ts";
import { encodePath, locate, namesFor, prefixesBelow, resolveName } from "./prefix.ts";

const CONFIG = configOf(`
prefix p { on *: /srv/p; }
prefix deep { on *: /srv//p/./d/; }
prefix none { on other: /x; }
prefix twice { on *: /old; }
prefix twice { on *: /new; }
prefix twice { on other: /newest; }
group g { host a.demo; key k; include %p% /srv/q; }
`);
const ROOT = configOf("prefix r { on *: /; } group g { host a.demo; key k; include %r%; }");
const name = (text: string) => text as DbName;
const path = (text: string) => text as DiskPath;

Deno.test("resolveName() takes the last declared prefix that has a path", () => {
  assert.equal(resolveName(CONFIG, name("/a/b")), "/a/b");
  assert.equal(resolveName(CONFIG, name("%p%")), "/srv/p");
  assert.equal(resolveName(CONFIG, name("%p%/a")), "/srv/p/a");
  assert.equal(resolveName(CONFIG, name("%twice%/a")), "/new/a");
});

Deno.test("D 7.1.16 a prefix without a path or a declaration resolves to nothing", () => {
  for (const text of ["%none%/a", "%gone%", "%p", "%p%x"]) {
    assert.equal(resolveName(CONFIG, name(text)), undefined, text);
    assert.equal(locate(CONFIG, name(text)), undefined, text);
  }
});

Deno.test("D 7.1.15 a prefix with the path / encodes everything", () => {
  assert.equal(encodePath(ROOT, path("/a/b")), "%r%/a/b");
  assert.equal(encodePath(ROOT, path("/")), "%r%");
  assert.equal(resolveName(ROOT, name("%r%/a/b")), "/a/b");
  assert.equal(resolveName(ROOT, name("%r%")), "/");
  assert.deepEqual(locate(ROOT, name("%r%/a/b")), { anchor: "/", below: "a/b" });
  assert.deepEqual(locate(ROOT, name("%r%")), { anchor: "/", below: "" });
});

Deno.test("locate() anchors plain names at / and prefixes above their directory", () => {
  assert.deepEqual(locate(CONFIG, name("/")), { anchor: "/", below: "" });
  assert.deepEqual(locate(CONFIG, name("/a/b")), { anchor: "/", below: "a/b" });
  assert.deepEqual(locate(CONFIG, name("%p%")), { anchor: "/srv", below: "p" });
  assert.deepEqual(locate(CONFIG, name("%p%/a")), { anchor: "/srv", below: "p/a" });
  assert.deepEqual(locate(CONFIG, name("%twice%")), { anchor: "/", below: "new" });
});

Deno.test("namesFor() and encodePath() know every prefix the path is at or below", () => {
  assert.deepEqual(namesFor(CONFIG, path("/srv/p/d/x")), ["/srv/p/d/x", "%deep%/x", "%p%/d/x"]);
  assert.deepEqual(namesFor(CONFIG, path("/srv/px")), ["/srv/px"]);
  assert.equal(encodePath(CONFIG, path("/srv/p/d")), "%deep%");
  assert.equal(encodePath(CONFIG, path("/srv/p")), "%p%");
  assert.equal(encodePath(CONFIG, path("/old/a")), "/old/a"); // shadowed: would resolve elsewhere
});

Deno.test("prefixesBelow() finds prefixes at and below a path", () => {
  const found = (text: string) => prefixesBelow(CONFIG, path(text)).map((p) => p.name).join(" ");
  assert.equal(found("/"), "%twice% %deep% %p%");
  assert.equal(found("/srv/p"), "%deep% %p%");
  assert.equal(found("/srv/p/d"), "%deep%");
  assert.equal(found("/srv/p/d/e"), "");
});

Deno.test("isUselessArgument() is about what the argument could reach", () => {
  const rows: readonly (readonly [string, boolean, boolean])[] = [
    ["/srv/q", false, false],
    ["/srv/q/x", false, false],
    ["/srv/other", true, true],
    ["/srv", false, false], // a prefix lies strictly below
    ["/srv/p", false, false],
    ["/srv/p/x", true, false],
    ["/", true, false],
    ["/nowhere", true, true],
  ];
  for (const [argument, recursive, want] of rows) {
    assert.equal(isUselessArgument(CONFIG, path(argument), recursive), want, argument);
  }
});
