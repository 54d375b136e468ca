/** Files: includes and keys. The tests of "Defects not to copy" bear their numbers. */
import assert from "node:assert/strict";
import { configOf } from "../../tests/support/config.ts";
import { DIFFERENCES } from "../../tests/golden/differences.ts";
import fnmatch from "../../tests/golden/fnmatch.json" with { type: "json" };
import parse from "../../tests/golden/config-parse.json" with { type: "json" };
import type { Config } from "./config.ts";
import { ConfigError } from "./config_error.ts";
import { configFile, loadConfig, readKeyFile } from "./load.ts";

const KEY = "abcdefghijklmnopqrstuvwxyz0123456789";
const GROUP = "group g { host a.demo b.demo; key k; include /x; }\n";

interface Loaded {
  readonly notes: string[];
  readonly config: Config | undefined;
  /** The line of a ConfigError; paths of the system directory start with `etc`. */
  readonly error: string | undefined;
}

/** Loads `csync2.cfg` from a system directory with these files. */
function load(
  files: Readonly<Record<string, string>>,
  { keyMode = 0o600, ...options }: { keyMode?: number; hostName?: string; groups?: string[] } = {},
): Loaded {
  const systemDir = Deno.makeTempDirSync({ prefix: "csync2-load-" });
  const notes: string[] = [];
  try {
    for (const [path, text] of Object.entries({ k: KEY, ...files })) {
      Deno.mkdirSync(`${systemDir}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      if (path.endsWith("/")) continue;
      Deno.writeTextFileSync(`${systemDir}/${path}`, text);
      Deno.chmodSync(`${systemDir}/${path}`, path === "k" ? keyMode : 0o600);
    }
    const here = (text: string) => text.replaceAll(systemDir, "etc");
    try {
      const config = loadConfig({
        systemDir,
        configName: "",
        hostName: options.hostName ?? "a.demo",
        ...(options.groups && { groupFilter: options.groups }),
        onNote: (level, text) => notes.push(here(`${level} ${text}`)),
      });
      return { notes, config, error: undefined };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      assert.match(error.code, /^config\//);
      return { notes, config: undefined, error: here(error.line) };
    }
  } finally {
    Deno.removeSync(systemDir, { recursive: true });
  }
}

function patternsOf({ config }: Loaded): string[] | undefined {
  return config?.groups[0]?.patterns.map(({ kind, text }) => `${kind} ${text}`);
}

Deno.test("configFile() refuses names with other bytes than a-z and 0-9", () => {
  assert.equal(configFile("/etc", ""), "/etc/csync2.cfg");
  assert.equal(configFile("/etc", "a1"), "/etc/csync2_a1.cfg");
  for (const name of ["A", "a/b", "../x", "a b", "ä"]) {
    assert.throws(() => configFile("/etc", name), {
      code: "config/name",
      message: "Config names are limited to [a-z0-9]+.",
    });
  }
});

Deno.test("loadConfig() says why the file cannot be read", () => {
  const systemDir = Deno.makeTempDirSync();
  const options = { systemDir, configName: "", hostName: "a" };
  const file = `${systemDir}/csync2.cfg`;
  assert.throws(() => loadConfig(options), {
    code: "config/unreadable",
    message: `Can not open config file \`${file}': No such file or directory`,
  });
  Deno.mkdirSync(file);
  assert.throws(() => loadConfig(options), {
    code: "config/unreadable",
    message: `Can not open config file \`${file}': Is a directory`,
  });
  Deno.removeSync(systemDir, { recursive: true });
});

Deno.test("loadConfig() does not wait for somebody who writes into a pipe", () => {
  const dir = Deno.makeTempDirSync();
  try {
    assert.equal(new Deno.Command("mkfifo", { args: [`${dir}/csync2.cfg`] }).outputSync().code, 0);
    assert.throws(() => loadConfig({ systemDir: dir, configName: "", hostName: "a" }), {
      message: `Can not open config file \`${dir}/csync2.cfg': a pipe, not a file`,
    });
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("loadConfig() tells the file at level 2", () => {
  assert.deepEqual(load({ "csync2.cfg": GROUP }).notes, ["2 Config-File:   etc/csync2.cfg"]);
});

Deno.test("D 7.1.1 a brace that is part of a word is named", () => {
  const glued = [
    ["group g{ host a; }", '"g{" at etc/csync2.cfg:1:7 is one word'],
    ["group g {host a; }", '"{host" at etc/csync2.cfg:1:9 is one word'],
    [`${GROUP}}group`, '"}group" at etc/csync2.cfg:2:1 is one word'],
  ] as const;
  for (const [text, hint] of glued) {
    const { error } = load({ "csync2.cfg": text });
    assert.ok(error?.includes(`${hint}: braces need blanks around them`), error);
  }
  const braces = load({ "csync2.cfg": GROUP.replace("/x", "/{a,b}/c") });
  assert.deepEqual(patternsOf(braces), ["include /{a,b}/c"]);
});

Deno.test("D 7.1.2 an empty word is refused where a value is needed, and says nothing in a list", () => {
  const list = load({ "csync2.cfg": GROUP.replace("/x", '"" /x ""') });
  assert.deepEqual(patternsOf(list), ["include /x"]);
  // Valid ever since: an empty word was no token at all.
  const text = '"" group "" g "" { "" host "" a.demo "" @ me; "" key k "" ; "" } ""';
  assert.equal(load({ "csync2.cfg": text }).config!.groups[0]!.myName, "me");
  assert.equal(
    load({ "csync2.cfg": GROUP.replace("key k", 'key "" k') }).error,
    'Near line 1: syntax error (etc/csync2.cfg:1:35: found "", expected a value for key)',
  );
});

Deno.test("D 7.1.3 quotes have escapes only in a text that is an error without", () => {
  const valid = load({ "csync2.cfg": GROUP.replace("/x", '"/a\\\\b" "/c\\"') });
  assert.deepEqual(patternsOf(valid), ["include /a\\\\b", "include /c\\"]);
  const invalid = load({ "csync2.cfg": GROUP.replace("/x", '"/a\\"b" "/c\\\\d" "/e\\*"') });
  assert.deepEqual(patternsOf(invalid), ['include /a"b', "include /c\\d", "include /e\\*"]);
  const both = load({ "csync2.cfg": `${GROUP.replace("/x", '"/a\\"b"')} foo` });
  assert.match(both.error!, /^Near line 1: syntax error/);
});

Deno.test("D 7.1.4 a quote that is never closed is an error where it began", () => {
  assert.equal(
    load({ "csync2.cfg": `${GROUP}\ndatabase "x;\n\n` }).error,
    "Near line 3: syntax error (etc/csync2.cfg:3:10: this quote is never closed)",
  );
});

Deno.test("D 7.1.5 errors name file, line, column, what was found and what was expected", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["group g {\n  host a }", '1:2:10: found "}", expected ";" or a host'],
    ["group g {\n frobnicate 1;", '1:2:2: found "frobnicate", expected a statement of a group'],
    ["group g {\n key k", '1:2:7: found the end of the file, expected ";"'],
    ["prefix p { on * /x; }", '1:1:17: found "/x", expected ":"'],
    ["nossl a;", '1:1:8: found ";", expected a pattern for the accepting host'],
    ["group on { }", '1:1:7: found "on", expected "{" or the name of the group'],
    ["x".repeat(100), `1:1:1: found "${"x".repeat(57)}...", expected a group`],
  ];
  for (const [text, advice] of rows) {
    const { error } = load({ "csync2.cfg": text });
    assert.ok(error?.includes(`etc/csync2.cfg:${advice.slice(2)}`), `${text}: ${error}`);
  }
  // The counter of the C program runs on over files; the place is that of the file itself.
  const { error } = load({ "csync2.cfg": "\n\nconfig bad;", bad: "prefix p {\n on *: /abs\n}\n" });
  assert.equal(error, 'Near line 5: syntax error (etc/bad:3:1: found "}", expected ";")');
});

Deno.test("D 7.1.6 included files come from the system directory, too, and may be wildcards", () => {
  const files = { "conf.d/2": "exclude b;", "conf.d/1": "exclude a;", "conf.d/.x": "foo" };
  const text = GROUP.replace("include /x;", "include /x; config conf.d/*;");
  assert.deepEqual(patternsOf(load({ ...files, "csync2.cfg": text })), [
    "include /x",
    "exclude a",
    "exclude b",
  ]);
});

Deno.test("D 7.1.6 a file that includes itself, or its includer, is an error; twice is none", () => {
  for (const files of [{ a: "config a;" }, { a: "config b;", b: "config a;" }]) {
    const { error } = load({ "csync2.cfg": "config a;", ...files });
    assert.match(
      error!,
      /^Config includes nested too deeply\. \(etc\/[ab]:1:8: .* includes itself\)/,
    );
  }
  const twice = load({ "csync2.cfg": `config a a; ${GROUP}`, a: "# nothing\n" });
  assert.equal(twice.error, undefined);
  const siblings = load({ "csync2.cfg": `config d/*; ${GROUP}`, "d/1": "config d/2;", "d/2": "" });
  assert.equal(siblings.error, undefined);
});

Deno.test("D 7.1.6 a chain of 100 files is read, files that double themselves are not", () => {
  const chain: Record<string, string> = { "csync2.cfg": "config f0;", f100: GROUP };
  for (let i = 0; i < 100; i++) chain[`f${i}`] = `config f${i + 1};`;
  assert.equal(load(chain).error, undefined);
  const bomb: Record<string, string> = { "csync2.cfg": "config f0;", f20: "" };
  for (let i = 0; i < 20; i++) bomb[`f${i}`] = `config f${i + 1} f${i + 1};`;
  assert.match(load(bomb).error!, /more than 10000 included files/);
});

Deno.test("D 7.1.6 what cannot be included is named with its place", () => {
  assert.equal(
    load({ "csync2.cfg": "config none.cfg;" }).error,
    "Can't open included config file 'none.cfg'. (etc/csync2.cfg:1:8: not found as none.cfg or " +
      'etc/none.cfg; is a ";" missing before it?)',
  );
  assert.equal(
    load({ "csync2.cfg": "config d;", "d/": "" }).error,
    "Can't open included config file 'd'. (etc/csync2.cfg:1:8: Is a directory)",
  );
});

Deno.test("D 7.1.7 all words of compare are compare patterns, and -v tells", () => {
  const notes: string[] = [];
  const config = configOf("group g { host a.demo; key k; compare /a /b; compare /c; }", { notes });
  assert.deepEqual(config.groups[0]!.patterns.map((p) => p.kind), [
    "compare",
    "compare",
    "compare",
  ]);
  assert.equal(notes.length, 1);
  assert.match(notes[0]!, /^1 All words of a compare statement/);
});

Deno.test("D 7.1.8 errors name all methods and are spelled right", () => {
  const auto = load({ "csync2.cfg": GROUP.replace("}", "auto sometimes; }") }).error!;
  for (
    const method of ["none", "first", "younger", "older", "bigger", "smaller", "left", "right"]
  ) {
    assert.match(auto, new RegExp(`\\b${method}\\b`));
  }
  const ignore = load({ "csync2.cfg": `ignore size; ${GROUP}` }).error!;
  assert.match(ignore, /^Config error: Unknown 'ignore' property: 'size'/);
});

Deno.test("D 7.1.9 keys of foreign groups are neither needed nor read", () => {
  const { config } = load({
    "csync2.cfg": `group f { host x y; key missing; } group h { host x; } ${GROUP}`,
  });
  assert.deepEqual(config?.groups.map((g) => g.name), ["g"]);
});

Deno.test("D 7.1.10 keys: a CR at the end, others may read, too long, odd bytes", () => {
  const get = (k: string, keyMode?: number) =>
    load({ "csync2.cfg": GROUP, k }, { keyMode: keyMode ?? 0o600 });
  assert.equal(get(`${KEY}\r\n`).config!.groups[0]!.key, KEY);
  assert.equal(get(`${KEY}\0junk`).config!.groups[0]!.key, KEY);
  assert.match(get(KEY, 0o640).notes[1]!, /^1 Key file etc\/k can be read by others/);
  assert.equal(get(KEY, 0o600).notes.length, 1);
  assert.equal(get("A".repeat(1023)).error, undefined);
  assert.match(get("A".repeat(1024)).error!, /^Config error: Key in file etc\/k is too long\./);
  assert.match(get("A".repeat(5000)).error!, /is too long/);
  assert.match(get(`${KEY}\r\r\n`).error!, /^Unallowed character '\\x0d' in key file etc\/k\./);
  assert.match(get(`${KEY}ü`).error!, /^Unallowed character '\\xc3' in key file/);
});

Deno.test("readKeyFile() says what is wrong with a file that is none", () => {
  assert.throws(() => readKeyFile("/dev"), {
    code: "config/key",
    message: "Config error: Can't read keyfile /dev.",
    advice: "not a regular file",
  });
});

Deno.test("D 7.1.11 numbers must be numbers", () => {
  for (const bad of ["abc", "-5", "12s", "1.5", "0x10", "9999999999"]) {
    for (const text of [`lock-timeout ${bad};`, `group g { backup-generations ${bad}; }`]) {
      assert.match(load({ "csync2.cfg": text }).error!, /^Config error: Cannot use '/, text);
    }
  }
  assert.equal(load({ "csync2.cfg": `lock-timeout 007; ${GROUP}` }).config?.lockTimeoutSeconds, 7);
});

Deno.test("D 7.1.14 host patterns of prefixes are matched without case", () => {
  const config = configOf("prefix p { on A.D*: /up; } group g { host a.demo; key k; }");
  assert.equal(config.prefixes[0]!.path, "/up");
});

Deno.test("D 7.1.17 a host without a group is told which hosts there are", () => {
  const { error } = load({ "csync2.cfg": GROUP }, { hostName: "Z.demo" });
  assert.equal(
    error,
    "This host (z.demo) is not a member of any configured group. (etc/csync2.cfg: hosts there: " +
      "a.demo, b.demo; the own name is the system's or that of -N)",
  );
  assert.match(load({ "csync2.cfg": GROUP }, { groups: ["h"] }).error!, /groups asked for: h/);
});

Deno.test("D 7.2.8 include / is an error that names the way out", () => {
  const { error } = load({ "csync2.cfg": GROUP.replace("/x", "//") });
  assert.match(error!, /^Config error: Cannot include "\/".*write \/\* for the whole tree/);
  assert.equal(load({ "csync2.cfg": GROUP.replace("include /x", "exclude /") }).error, undefined);
});

Deno.test("parseConfig() survives any bytes", () => {
  let seed = 7;
  const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % n;
  const parts = [
    "group",
    "{",
    "}",
    ";",
    ":",
    "@",
    '"',
    "(",
    ")",
    "host",
    "key",
    " ",
    "\n",
    "\\",
    "x",
    "\xff",
    "\0",
    "config",
    "#",
    "on",
    "prefix",
    "action",
  ];
  for (let round = 0; round < 3_000; round++) {
    let text = "";
    for (let n = random(30); n > 0; n--) text += parts[random(parts.length)];
    try {
      configOf(text, { files: {} });
    } catch (error) {
      assert.ok(error instanceof ConfigError, `${JSON.stringify(text)}: ${error}`);
    }
  }
});

Deno.test("differences: those of configurations and patterns name cases that exist", () => {
  const known = new Set([
    ...parse.cases.map((c) => `config-parse/${c.name}`),
    ...fnmatch.cases.map((c) => `fnmatch/${c.kind.replace(/_.*/, "")} ${c.pattern} ${c.name}`),
  ]);
  for (const { case: name } of DIFFERENCES) {
    if (/^(config-parse|fnmatch)\//.test(name)) assert.ok(known.has(name), name);
  }
});

Deno.test("loadConfig() has words of its own for places that the runtime keeps to itself", {
  permissions: { read: true, write: true, env: true },
}, () => {
  const { error } = load({ "csync2.cfg": "config /proc/self/environ;\n" });
  assert.equal(
    error,
    "Can't open included config file '/proc/self/environ'. " +
      "(etc/csync2.cfg:1:8: nothing in /dev, /proc and /sys is read)",
  );
});
