/**
 * Recordings that are also tested as pure functions, here with the whole program on a real tree:
 * patterns, what a configuration yields, what a configuration is refused for, ignored fields.
 */
import assert from "node:assert/strict";
import { DIFFERENCES } from "./differences.ts";
import { OWN_ANSWERS } from "./own_answers.ts";
import {
  type EffectCase,
  execute,
  load,
  type RunResult,
  type Step,
  Surroundings,
  withoutAdvice,
} from "./steps.ts";

const isReal = Deno.env.get("CSYNC2_PROGRAM") !== undefined;

/** Compares with the recording; a case of the table of differences has an answer of our own. */
function same(id: string, got: unknown, want: unknown): void {
  const isDifferent = !isReal && DIFFERENCES.some((d) => d.case === id);
  if (!isDifferent) return assert.deepEqual(got, want, id);
  assert.notDeepEqual(OWN_ANSWERS[id], want, `${id} is in the table, but does not differ`);
  assert.deepEqual(got, OWN_ANSWERS[id], id);
}

interface PatternCase {
  readonly patterns: string;
  readonly args: string[];
  readonly listed: string[];
  readonly rc?: number;
}
interface PatternCases {
  readonly tree: string[];
  readonly recursive: PatternCase[];
  readonly direct: PatternCase[];
  readonly compare_mode: { config: string; args: string[]; stdout: string[]; rc: number }[];
}
const PATTERNS = load<PatternCases>("patterns");

function grow(s: Surroundings): void {
  for (const path of PATTERNS.tree) {
    const full = `${s.base}/${path}`;
    Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
    if (!path.endsWith("/")) Deno.writeTextFileSync(full, "");
  }
}

/** Names in the file table, relative to the base directory. */
async function listed(s: Surroundings): Promise<string[]> {
  const { stdout } = await s.run(["-L"]);
  return stdout.split("\n").filter((line) => line !== "").map((line) => {
    const name = s.localise(line.slice(line.indexOf("\t") + 1));
    return name === s.base
      ? "."
      : name.startsWith(`${s.base}/`)
      ? name.slice(s.base.length + 1)
      : name;
  }).sort();
}

for (const kind of ["recursive", "direct"] as const) {
  for (const { patterns, args, listed: want, rc = 0 } of PATTERNS[kind]) {
    const id = `patterns/${kind} ${patterns} ${args.join(" ")}`;
    Deno.test(`golden ${id}`, async () => {
      await using s = new Surroundings();
      grow(s);
      s.config(
        `group g\n{\n  host a.demo b.demo;\n  key demo.key;\n  ${patterns}\n}\nprefix P\n{\n  on *: @/b;\n}\n`
          .replaceAll("@", s.base),
      );
      const got = await s.run(args.map((a) => a.replace("@", s.base)));
      same(id, [got.rc, await listed(s)], [rc, [...want].sort()]);
    });
  }
}

for (const [at, c] of PATTERNS.compare_mode.entries()) {
  const body = /include[^}]*/.exec(c.config)?.[0] ?? "";
  Deno.test(`golden patterns/compare_mode ${at}: ${c.args.join(" ")} ${body.trim()}`, async () => {
    await using s = new Surroundings();
    grow(s);
    s.config(c.config.replaceAll("@", s.base));
    const { stdout } = await s.run(c.args.map((a) => a.replaceAll("@", s.base)));
    const got = s.localise(stdout).trimEnd().split("\n").filter((l) => l !== "")
      .map((l) => l.replaceAll(s.base, "@"));
    // The table names these cases by their text; what counts is that no other one differs.
    const isListed = !isReal && c.config.includes("%P%") && /^-or?$/.test(c.args[0]!);
    // D 7.2.10: once
    assert.deepEqual(got, isListed ? [...new Set(c.stdout)] : c.stdout);
  });
}

for (const c of load<{ cases: EffectCase[] }>("config-effects").cases) {
  Deno.test(`golden config-effects/${c.name}`, async () => {
    await using s = new Surroundings();
    s.config(c.config);
    const { host } = c;
    const marked = await s.run([...c.extra_args, "-m", c.mark], { host });
    const shown = await s.run([...c.extra_args, "-M"], { host });
    const dirty = shown.stdout.split("\n").filter((l) => l !== "").map((l) => l.split("\t"));
    same(
      `config-effects/${c.name}`,
      [marked.rc, withoutAdvice(marked.stderr, c.mark_stderr), shown.rc, dirty],
      [c.mark_rc, c.mark_stderr, c.dirty_rc, c.dirty],
    );
  });
}

interface ParseCase extends RunResult {
  readonly name: string;
  readonly config: string;
  readonly files?: Record<string, string>;
  readonly args: string[];
  readonly host?: string;
  readonly prefix_lines?: string[];
}
for (const c of load<{ cases: ParseCase[] }>("config-parse").cases) {
  Deno.test(`golden config-parse/${c.name}`, async () => {
    await using s = new Surroundings();
    s.config(c.config);
    for (const [path, text] of Object.entries(c.files ?? {})) {
      const full = s.path(path);
      Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
      Deno.writeTextFileSync(full, s.localise(text), { mode: 0o600 });
    }
    const got = await s.run(c.args, { ...(c.host !== undefined && { host: c.host }) });
    const stderr = c.args.includes("-vv") ? errorLines(got.stderr) : got.stderr;
    const prefixes = c.prefix_lines === undefined
      ? undefined
      : got.stderr.split("\n").filter((line) => line.startsWith("Prefix '"));
    same(
      `config-parse/${c.name}`,
      [got.rc, got.stdout, withoutAdvice(stderr, c.stderr), prefixes],
      [c.rc, c.stdout, c.stderr, c.prefix_lines],
    );
  });
}

/** With `-vv`: what is neither a report of level 1 or 2, nor a closing line. */
function errorLines(stderr: string): string {
  const reports =
    /^(Config-File|Prefix '|My hostname|Database-File|Opening|Reading|Upgrading|SQL|Connection closed|Finished with|Key file|Trying)/;
  return stderr.split("\n").filter((line) => !reports.test(line)).join("\n");
}

interface IgnoreCases {
  readonly items: { create: Step }[];
  readonly below_prefix_p: { path: string; checktxt: string }[];
  readonly ignore: { ignore: string; checktxt: Record<string, string> }[];
}
const CHECK_TEXT = load<IgnoreCases>("checktxt");

/** Name -> check text of a fresh check with this configuration. */
async function texts(config: string): Promise<Map<string, string>> {
  await using s = new Surroundings();
  for (const { create } of CHECK_TEXT.items) await execute(s, create);
  s.config(config.replaceAll("@", s.base));
  assert.equal((await s.run(["-cIr", "/"])).rc, 0);
  const { stdout } = await s.run(["-L"]);
  return new Map(
    stdout.split("\n").filter((l) => l !== "").map((l) => {
      const [text = "", name = ""] = l.split("\t");
      return [s.localise(name).replace(`${s.base}/`, ""), text];
    }),
  );
}

const GROUP = "group g\n{\n  host a.demo b.demo;\n  key demo.key;\n  include @/a;\n}\n";
for (const { ignore, checktxt } of CHECK_TEXT.ignore) {
  Deno.test(`golden checktxt/ignore ${ignore}`, async () => {
    const got = await texts((ignore === "" ? "" : `ignore ${ignore};\n`) + GROUP);
    for (const [path, want] of Object.entries(checktxt)) assert.equal(got.get(path), want, path);
  });
}

Deno.test("golden checktxt/below_prefix_p", async () => {
  const got = await texts(GROUP.replace("@/a", "%p%") + "prefix p\n{\n  on *: @/a;\n}\n");
  const rows = CHECK_TEXT.below_prefix_p;
  same(
    "checktxt/below_prefix_p",
    rows.map(({ path }) => got.get(path)),
    rows.map((r) => r.checktxt),
  );
  if (isReal) return;
  // Ours has the targets; everything before them is the same (D 7.3.4).
  for (const { path, checktxt } of rows) assert.ok(got.get(path)?.startsWith(checktxt), path);
});
