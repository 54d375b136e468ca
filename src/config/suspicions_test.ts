/** Warnings about configurations: each kind with its place, and what must not be warned of (D 7.1.13). */
import assert from "node:assert/strict";
import { utf8Bytes } from "../model/mod.ts";
import { readStatements } from "./parse_config.ts";
import { literalDirectory, whyDead } from "./dead_pattern.ts";
import { findSuspicions, linkOnPassage, suspicionLine } from "./suspicions.ts";

function find(text: string) {
  return readStatements(
    { file: "c", text: utf8Bytes(text) },
    () => [],
    (statements) => findSuspicions([...statements]),
  );
}

function lines(text: string): string[] {
  return find(text).flatMap((one) => one.kind === "suspicion" ? [suspicionLine(one)] : []);
}

const WARNED: { name: string; text: string; want: string[] }[] = [
  {
    name: "a second group of the same name",
    text: "group g { }\ngroup { }\ngroup g { }\ngroup group_1 { }",
    want: [
      'c:3:7: WARNING: group "g" has the name of another one, at c:1:7: -G takes both',
      'c:4:7: WARNING: group "group_1" has the name of another one, at c:2:1: -G takes both',
    ],
  },
  {
    name: "a second prefix of the same name",
    text: "prefix p { on a: /x; }\nprefix q { on *: /y; }\nprefix p { on b: /z; }",
    want: [
      'c:3:8: WARNING: prefix "p" is declared twice, first at c:1:8: the last one that has a path for ' +
      "a host counts there",
    ],
  },
  {
    name: "hosts listed twice in one group, in any case, as slaves and by their address",
    text:
      "group g { host a b; host (A) c@lan; host d@lan; host c@other; }\ngroup h { host a b c@lan; }",
    want: [
      'c:1:27: WARNING: host "A" is listed twice in group "g", first at c:1:16',
      'c:1:44: WARNING: host "lan" is the address of two hosts in group "g", first at c:1:30',
      'c:1:54: WARNING: host "c" is listed twice in group "g", first at c:1:30',
    ],
  },
  {
    name: "an action without a command",
    text: "group g {\n  action { pattern /x; logfile /l; }\n  action { exec true; } }",
    want: ["c:2:3: WARNING: this action has no exec: it does nothing"],
  },
  {
    name: "backups that are not made",
    text:
      "group g { backup-generations 5; }\ngroup h { backup-directory /b; backup-generations 1; }\n" +
      "group i { backup-directory /b; }\ngroup j { backup-directory /b; backup-generations 2; }",
    want: [
      "c:1:30: WARNING: no backups are made: the group has no backup-directory",
      "c:2:28: WARNING: no backups are made: they need two backup-generations or more",
    ],
  },
  {
    name: "patterns that never match, wherever they stand",
    text:
      'group g {\n  include /a//b /ok;\n  exclude "dir/*.o" *.o;\n  compare /a/./b;\n  action { exec x; pattern *.c "a.c" /d/; }\n}',
    want: [
      'c:2:11: WARNING: include "/a//b" never matches: no name has two slashes in a row',
      'c:3:11: WARNING: exclude "dir/*.o" never matches: a pattern that does not begin with / or ' +
      "%prefix% is matched with the last part of a name, which has no slash",
      'c:4:11: WARNING: compare "/a/./b" never matches: no name has "." as a part',
      'c:5:32: WARNING: pattern "a.c" never matches: actions match whole names, which begin with / or ' +
      "%prefix%",
      'c:5:38: WARNING: pattern "/d/" never matches: no name ends with a slash',
    ],
  },
  {
    name: "patterns of prefixes that nobody declares",
    text: "group g { include %p% %q%/x %*%/y; }\nprefix p { }",
    want: ['c:1:23: WARNING: include "%q%/x" never matches: there is no prefix "q"'],
  },
  {
    name: "compare statements that csync2 2.0 reads in another way",
    text: "group g { compare /a /b; compare /c; }",
    want: [
      "c:1:19: WARNING: all words of a compare statement are compare patterns; csync2 2.0 includes all " +
      "but the last",
    ],
  },
];
for (const { name, text, want } of WARNED) {
  Deno.test(`D 7.1.13 findSuspicions() warns of ${name}`, () => {
    assert.deepEqual(lines(text), want);
  });
}

Deno.test("D 7.1.13 findSuspicions() says nothing about a usual configuration", () => {
  const text = `
    nossl * *; database /var/lib/x; ignore uid; lock-timeout 30; tempdir /tmp;
    prefix home { on one: /export/home; on *: /home; }
    group web {
      host one two@two-lan (three);
      key /etc/csync2.key;
      include /srv/www /etc/apache2/ /var/**.d "/with blank/x[/]y" %home%/*/public;
      exclude *~ .* [a-z]*.bak /srv/www/tmp/*;
      compare /srv/www/index.html;
      auto younger;
      backup-directory /var/backups; backup-generations 3;
      action { pattern /etc/apache2/* **.conf * %home%/**; exec "reload"; do-local; }
    }
    group other { host one three; key k; include /opt; }`;
  assert.deepEqual(lines(text), []);
});

const OPTIONS = { prefixes: new Set(["p", "home"]), ofAction: false };
const ALIVE = [
  "/",
  "/a",
  "/a/*",
  "/a**/b",
  "*.c",
  ".*",
  "...",
  "/a/.hidden",
  "/a/..b",
  "/a/b.",
  "[/]x",
  "/[.]/x",
  "/a[]/]b",
  "%p%",
  "%p%/x",
  "%p%*",
  "%*%/x",
  "%h?me%/x",
  "%*",
  "\\a",
];
const DEAD = [
  "//",
  "/a//b",
  "/a/**//b",
  "/./a",
  "/a/../b",
  "/a/.",
  "/a/..",
  "a/b",
  "*/x",
  "%q%",
  "%p",
  "%p/x",
  "%p%x",
  "%p%/a//b",
  "%q?%/x",
];
Deno.test("D 7.1.13 whyDead() knows patterns that never match, and no others", () => {
  for (const text of ALIVE) assert.equal(whyDead(text, OPTIONS), undefined, text);
  for (const text of DEAD) assert.notEqual(whyDead(text, OPTIONS), undefined, text);
});

Deno.test("D 7.1.13 whyDead() knows what actions do not match", () => {
  const action = { ...OPTIONS, ofAction: true };
  for (const text of ["/a", "*", "*.c", "**.c", "a**", "[/]a", "?", "", "%p%/x", "/"]) {
    assert.equal(whyDead(text, action), undefined, text);
  }
  for (const text of ["a", "a.c", "a*", "/a/", "%p%/", "/a//b", "%q%/x"]) {
    assert.notEqual(whyDead(text, action), undefined, text);
  }
});

Deno.test("literalDirectory() is what all names of a pattern lie in", () => {
  for (
    const [text, want] of [
      ["/a", undefined],
      ["/*", undefined],
      ["a/b", undefined],
      ["/a/b", "/a"],
      ["/a/b*", "/a"],
      ["/a/b/*/c", "/a/b"],
      ["/a/[b]", "/a"],
      ["/a/b\\c/d", "/a"],
      ["%p%/x", "%p%"],
      ["%p%/x/y", "%p%/x"],
      ["%p%", undefined],
      ["%*%/x", undefined],
    ] as const
  ) assert.equal(literalDirectory(text), want, text);
});

Deno.test("findSuspicions() tells the directories to look at, with their patterns", () => {
  const found = find(
    'group g { include /srv/a/b "/s t/*";\n exclude *~ /x; include %p%/d/e; } prefix p { }',
  );
  assert.deepEqual(
    found.map((one) => one.kind === "passage" && `${one.at.line} ${one.pattern} ${one.directory}`),
    ['1 include "/srv/a/b" /srv/a', '1 include "/s t/*" /s t', '2 include "%p%/d/e" %p%/d'],
  );
  const [first] = found;
  assert.ok(first?.kind === "passage");
  assert.equal(
    suspicionLine(linkOnPassage(first, "/srv")),
    'c:1:19: WARNING: include "/srv/a/b" leads through the symbolic link /srv: nothing behind it is found',
  );
});

Deno.test("findSuspicions() reads quotes with escapes like the configuration itself", () => {
  assert.deepEqual(lines('group g { include "/a\\"b//c"; }'), [
    'c:1:19: WARNING: include "/a"b//c" never matches: no name has two slashes in a row',
  ]);
});
