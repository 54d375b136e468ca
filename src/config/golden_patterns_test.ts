/** tests/golden/fnmatch.json and patterns.json: pure, the tree of the latter is data. */
import assert from "node:assert/strict";
import { configOf } from "../../tests/support/config.ts";
import { DIFFERENCES } from "../../tests/golden/differences.ts";
import fnmatch from "../../tests/golden/fnmatch.json" with { type: "json" };
import golden from "../../tests/golden/patterns.json" with { type: "json" };
import { byteOrder, type DbName, type DiskPath, join, parent, utf8Bytes } from "../model/mod.ts";
import { classifier, type ClassifyOptions, isUselessArgument } from "./classify.ts";
import type { Config } from "./config.ts";
import { namesFor, prefixesBelow, resolveName } from "./prefix.ts";
import { shellMatch, type ShellMatchOptions } from "./shell_match.ts";

const BASE = "/tmp/csync2-demo2";
/** What an argument means is decided in cli (D 7.2.9): only the whole program shows that difference. */
const differing = new Set(DIFFERENCES.filter((d) => d.spec !== "D 7.2.9").map((d) => d.case));

/** Runs `compare`; a case that is listed as a difference must fail. */
function check(id: string, compare: () => void): void {
  if (differing.has(id)) {
    assert.throws(compare, Error, `${id}: no longer a difference`);
  } else compare();
}

const KINDS: Readonly<Record<string, ShellMatchOptions>> = {
  base: {},
  path: { pathname: true, leadingDir: true },
  path_starstar: { leadingDir: true },
  step: { pathname: true },
  step_starstar: {},
};

for (const kind of Object.keys(KINDS)) {
  Deno.test(`golden fnmatch: ${kind}`, () => {
    for (const c of fnmatch.cases.filter((c) => c.kind === kind)) {
      check(
        `fnmatch/${kind} ${c.pattern} ${c.name}`,
        () =>
          assert.equal(
            shellMatch(utf8Bytes(c.pattern), utf8Bytes(c.name), KINDS[kind]!),
            c.match,
            `${c.pattern} on ${c.name}`,
          ),
      );
    }
  });
}

/** All paths of the tree with their entries in descending order; files have none. */
const TREE = new Map<DiskPath, string[]>();
for (const file of golden.tree) {
  let path = `${BASE}/${utf8Bytes(file)}`.replace(/\/$/, "") as DiskPath;
  if (!TREE.has(path)) TREE.set(path, []);
  for (let dir = parent(path); dir !== undefined; path = dir, dir = parent(path)) {
    const entries = TREE.get(dir) ?? [];
    TREE.set(dir, entries);
    const leaf = path.slice(path.lastIndexOf("/") + 1);
    if (!entries.includes(leaf)) entries.push(leaf);
  }
}
for (const entries of TREE.values()) entries.sort((a, b) => byteOrder(b, a));

interface Run extends ClassifyOptions {
  readonly config: Config;
  readonly path: DiskPath;
  readonly recursive: boolean;
}

/** The names a check or `-o` finds, in the order of the C program's walk (D 3.3). */
function found({ config, path, recursive, ...options }: Run): DbName[] {
  const classify = classifier(config, options);
  const names: DbName[] = [];
  const seen = new Set<DbName>();
  const walk = (name: DbName) => {
    const at = resolveName(config, name);
    if (at === undefined || !TREE.has(at) || seen.has(name)) return;
    seen.add(name);
    if (!name.startsWith("%")) {
      for (const prefix of prefixesBelow(config, at)) if (prefix.path === at) walk(prefix.name);
    }
    const c = classify(name);
    if (c === 0) return;
    if (c === 2) names.push(name);
    if (recursive) { for (const leaf of TREE.get(at)!) walk(join(name, leaf)); }
  };
  for (const name of namesFor(config, path)) walk(name);
  return names;
}

function argumentsOf(args: readonly string[]) {
  const option = (letter: string) => {
    const at = args.indexOf(letter);
    return at < 0 ? undefined : args[at + 1]!.split(",");
  };
  const path = args.at(-1)!.replace("@", BASE);
  return {
    path: (path.startsWith("-") ? undefined : path.startsWith("/") ? path : `${BASE}/${path}`) as
      | DiskPath
      | undefined,
    recursive: args[0]!.includes("r"),
    groups: option("-G"),
    peers: option("-P"),
  };
}

/** What the `@` of the recording stands for in names below the base directory. */
function listed(names: readonly string[]): string[] {
  return names.map((name) => name === BASE ? "." : name.replace(`${BASE}/`, "")).sort();
}

for (const kind of ["recursive", "direct"] as const) {
  for (const c of golden[kind]) {
    const id = `patterns/${kind} ${c.patterns} ${c.args.join(" ")}`;
    Deno.test(`golden ${id}`, () =>
      check(id, () => {
        const config = configOf(
          `group g { host a.demo b.demo; key k; ${c.patterns} }\nprefix P { on *: @/b; }`
            .replaceAll("@", BASE),
        );
        const run = { config, ...argumentsOf(c.args) } as Run;
        assert.deepEqual(listed(found(run)), c.listed.map(utf8Bytes).sort());
        if (!("stderr" in c)) return;
        const isUseless = isUselessArgument(config, run.path, run.recursive);
        const warning = `WARNING: Parameter will be ignored: ${run.path}\n`;
        assert.equal(isUseless ? warning : "", c.stderr);
      }));
  }
}

for (const c of golden.compare_mode) {
  const patterns = c.config.split("\n").slice(4).join(" ").replace(/ +/g, " ").trim();
  const id = `patterns/compare ${patterns} ${c.args.join(" ")}`;
  Deno.test(`golden ${id}`, () =>
    check(id, () => {
      const { path, recursive, groups, peers } = argumentsOf(c.args);
      const config = configOf(c.config.replaceAll("@", BASE), { ...(groups && { groups }) });
      if (path === undefined) return assert.deepEqual(c.stdout, []);
      const options = { compare: true, ...(peers && { peerFilter: peers }) };
      const names = found({ config, path, recursive, ...options });
      assert.deepEqual(names.map((name) => name.replace(BASE, "@")), c.stdout);
      const isUseless = isUselessArgument(config, path, recursive, options);
      assert.equal(
        isUseless ? `WARNING: Parameter will be ignored: ${path}\n` : "",
        c.stderr.replace("@", BASE),
      );
    }));
}
