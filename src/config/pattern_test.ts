/** Pattern lists: what holds below directories (D 7.2), and how fast. */
import assert from "node:assert/strict";
import { configOf } from "../../tests/support/config.ts";
import { type DbName, utf8Bytes } from "../model/mod.ts";
import { actionMatches, classifier, classify, groupMatches, matchingGroups } from "./classify.ts";
import type { Config } from "./config.ts";
import { shellMatch } from "./shell_match.ts";

function of(patterns: string): Config {
  return configOf(`group g { host a.demo b.demo; key k; ${patterns} }`);
}

function classes(patterns: string, ...names: readonly string[]): string {
  const classOf = classifier(of(patterns));
  return names.map((name) => classOf(utf8Bytes(name) as DbName)).join("");
}

Deno.test("D 7.2.4 directories are entered in which ** could match", () => {
  assert.equal(classes("include /a/**.txt;", "/", "/a", "/a/x", "/a/x/y", "/b", "/ab"), "111100");
  assert.equal(classes("include /a/b**;", "/a", "/a/b", "/a/bc/d", "/a/c"), "1220");
  assert.equal(classes("include %p%/**/q;", "%p%", "%p%/x", "%q%"), "110");
});

Deno.test("D 7.2.5 a base name exclude holds below the directory, for every question", () => {
  const config = of("include /a; exclude .git *.tmp;");
  const [group] = config.groups;
  for (const name of ["/a/.git", "/a/.git/config", "/a/x/.git/y/z", "/a/b.tmp/c"] as DbName[]) {
    assert.equal(groupMatches(group!, name), false, name);
    assert.equal(classify(config, name), 0, name);
    assert.deepEqual(matchingGroups(config, name), []);
  }
  assert.equal(classify(config, "/a/git/config" as DbName), 2);
});

Deno.test("D 7.2.5 names above the root of an include do not matter, the root does", () => {
  assert.equal(classes("include /home/.x/www; exclude .*;", "/home/.x/www/a"), "2");
  assert.equal(classes("include /srv/.x; exclude .*;", "/srv/.x", "/srv/.x/a"), "00");
  assert.equal(classes("include /a/**; exclude .git;", "/a/.git", "/a/.git/x", "/a/b/x"), "002");
});

Deno.test("D 7.2.6 a deeper include brings in what it names and nothing beside it", () => {
  const names = ["/a/x/sub", "/a/x/sub/f", "/a/x/sub/.hid/f", "/a/x/sub/deep", "/a/x/sub/deep/f"];
  for (
    const order of [
      "include /a/x; exclude sub; include /a/x/sub/deep;",
      "include /a/x/sub/deep; exclude sub; include /a/x;",
    ]
  ) assert.equal(classes(order, ...names), "10022", order);
});

Deno.test("D 7.2.7 ? and brackets take characters of UTF-8 names, else bytes", () => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ["?", "ü", true],
    ["??", "ü", false],
    ["*?", "€", true],
    ["[ü]", "ü", true],
    ["[!a]x", "😀x", true],
    ["[а-я]", "ж", true],
  ];
  for (const [pattern, text, want] of rows) {
    assert.equal(shellMatch(utf8Bytes(pattern), utf8Bytes(text)), want, `${pattern} ${text}`);
  }
  assert.equal(shellMatch("?", "\xfc"), true);
  assert.equal(shellMatch("??", "\xc3\x28"), true);
  assert.equal(shellMatch("[\xfc]", "\xfc"), true);
  assert.equal(shellMatch("a?", "a\xef\xbb\xbf"), true); // a byte order mark is a character
});

Deno.test("W 20.16 names that are none of the tree's match nothing by their text alone", () => {
  // isDbName refuses them first; this is the second line.
  assert.equal(classes("include /a/b;", "/a/bc", "/a", "/ab", "/a/B"), "0100");
});

Deno.test("shellMatch() takes no exponential time: it ends at all", () => {
  for (const options of [{}, { pathname: true }, { leadingDir: true }]) {
    assert.equal(shellMatch("*a".repeat(40) + "b", "a".repeat(4_000), options), false);
    assert.equal(shellMatch("/" + "*a".repeat(40) + "b", "/" + "a/".repeat(2_000), options), false);
  }
});

Deno.test("actionMatches() uses path patterns only, below directories too", () => {
  const rule = (pattern: string) =>
    of(`action { pattern ${pattern}; exec x; }`).groups[0]!.actions[0]!;
  const rows: readonly (readonly [string, string, boolean])[] = [
    ["", "/x", true],
    ["/etc/x", "/etc/x/y", true],
    ["/etc/*.c", "/etc/a.c", true],
    ["/etc/*.c", "/etc/d/a.c", false],
    ["/etc/**.c", "/etc/d/a.c", true],
    ["*.c", "/a.c", false],
    ["/etc/", "/etc", false],
    ["%p%", "%p%/x", true],
  ];
  for (const [pattern, name, want] of rows) {
    assert.equal(actionMatches(rule(pattern), name as DbName), want, `${pattern} ${name}`);
  }
});

Deno.test("classifier() remembers no more directories than it should", () => {
  const classOf = classifier(of("include /a; exclude .x;"));
  for (let i = 0; i < 5_000; i++) {
    assert.equal(classOf(`/a/${i}/b/c` as DbName), 2);
    assert.equal(classOf(`/a/${i}/.x/c` as DbName), 0);
  }
  assert.equal(classOf(`/a${"/b".repeat(2_000)}` as DbName), 2);
});
