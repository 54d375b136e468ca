/** Cases of the command line, replayed against the whole program. */
import assert from "node:assert/strict";
import { DEVIATIONS } from "./deviations.ts";
import { execute, load, type RunResult, sameRun, type Step, Surroundings } from "./steps.ts";

interface RunCase extends RunResult {
  readonly args: string[];
  readonly host?: string;
}
interface CliCases {
  readonly modes: RunCase[];
  readonly key_files:
    (RunCase & { file?: { length: number; mode: string; matches: boolean; regex: string } })[];
  readonly lock_file: RunCase[];
  readonly dump_directories: (RunCase & { config: string; written: string[] })[];
  readonly verbosity: (RunCase & { stderr_without_sql: string[] })[];
  readonly time_stamps: (RunCase & { file: string | null })[];
  readonly database_argument: {
    D: string | null;
    database_statement: string | null;
    config_name: string | null;
    rc: number;
    used: string;
    files_made: string[];
    stderr: string;
  }[];
}

const CLI = load<CliCases>("cli");
const isReal = Deno.env.get("CSYNC2_PROGRAM") !== undefined;
const PLAIN_CONFIG =
  "group g\n{\n  host a.demo b.demo;\n  key demo.key;\n  include @/a;\n  exclude *.bak;\n}\n";

function prepare(s: Surroundings, config = PLAIN_CONFIG): void {
  s.config(config.replaceAll("@", s.base));
  Deno.writeTextFileSync(`${s.base}/a/1`, "");
}

/** The usage is ours; a line with the reason may stand before it on standard error. */
function sameOrUsage(id: string, got: RunResult, want: RunResult): void {
  if (want.stdout !== "@USAGE@") return sameRun(got, want, isReal ? undefined : DEVIATIONS[id]);
  const ours = isReal ? undefined : DEVIATIONS[id];
  assert.equal(got.rc, ours?.rc ?? want.rc);
  assert.match(got.stdout, /Usage: .*csync2/);
  const stderr = got.stderr.replace(/^\/\S*\/csync2: /, "csync2: "); // the real one tells its path
  assert.ok(stderr.startsWith(ours?.stderr ?? want.stderr), stderr);
}

for (const c of CLI.modes) {
  const id = `cli/modes ${c.args.join(" ")}${c.host ? ` on ${c.host}` : ""}`;
  Deno.test(`golden ${id}`, async () => {
    await using s = new Surroundings();
    prepare(s);
    sameOrUsage(id, await s.run(c.args, { ...(c.host !== undefined && { host: c.host }) }), c);
  });
}

for (const [at, c] of CLI.key_files.entries()) {
  Deno.test(`golden cli/key_files ${at}: ${c.args.join(" ")}`, async () => {
    await using s = new Surroundings();
    if (c.file?.length === 4) Deno.writeTextFileSync(`${s.base}/out/key`, "old\n");
    if (at === 5) Deno.writeTextFileSync(`${s.base}/etc/csync2.lock`, "");
    sameOrUsage(`cli/key_files#${at}`, await s.run(c.args, { bare: true }), c);
    if (c.file === undefined) return;
    const text = Deno.readTextFileSync(`${s.base}/out/key`);
    assert.equal(text.length, c.file.length);
    assert.equal(new RegExp(`^${c.file.regex}$`).test(text), c.file.matches);
    const mode = (Deno.statSync(`${s.base}/out/key`).mode! & 0o7777).toString(8);
    assert.equal(mode.padStart(4, "0"), c.file.mode);
  });
}

const LOCKS: ((path: string) => void)[] = [
  (path) => Deno.writeTextFileSync(path, ""),
  (path) => Deno.writeTextFileSync(path, ""),
  (path) => Deno.mkdirSync(path),
  (path) => Deno.symlinkSync("/nonexistent/target", path),
];
for (const [at, c] of CLI.lock_file.entries()) {
  Deno.test(`golden cli/lock_file ${at}`, async () => {
    await using s = new Surroundings();
    prepare(s);
    LOCKS[at]!(`${s.base}/etc/csync2.lock`);
    sameRun(await s.run(c.args, { bare: c.args.length === 0 }), c);
  });
}

for (const [at, c] of CLI.dump_directories.entries()) {
  Deno.test(`golden cli/dump_directories ${at}`, async () => {
    await using s = new Surroundings();
    s.config(c.config);
    for (const path of ["a/x/1", "a/n/m/o", "a/e/"]) makeEmpty(`${s.base}/${path}`);
    const out = `${s.base}/out/dirs`;
    const args = c.args.map((a) => a === "FD" ? "9" : a);
    const got = await s.run(args, { redirect: `9>${out}` });
    assert.deepEqual([got.rc, got.stderr], [c.rc, c.stderr]);
    const written = s.recorded(Deno.readTextFileSync(out)).split("\0");
    assert.deepEqual(written.slice(0, -1), c.written);
  });
}

function makeEmpty(path: string): void {
  const dir = path.slice(0, path.lastIndexOf("/"));
  Deno.mkdirSync(dir, { recursive: true });
  if (!path.endsWith("/")) Deno.writeTextFileSync(path, "");
}

for (const c of CLI.verbosity) {
  Deno.test(`golden cli/verbosity ${c.args[0]}`, async () => {
    await using s = new Surroundings();
    prepare(s);
    Deno.writeTextFileSync(`${s.base}/a/2.bak`, "");
    const got = await s.run(c.args);
    assert.deepEqual([got.rc, got.stdout], [c.rc, c.stdout]);
    const lines = got.stderr.split("\n").filter((l) => l !== "" && !l.startsWith("SQL"));
    const ours = isReal ? undefined : DEVIATIONS[`cli/verbosity ${c.args[0]}`]?.stderr;
    assert.deepEqual(lines, ours?.split("\n") ?? c.stderr_without_sql);
  });
}

for (const c of CLI.time_stamps) {
  Deno.test(`golden cli/time_stamps ${c.args.join(" ")}`, async () => {
    await using s = new Surroundings();
    prepare(s);
    const got = await s.run(c.args);
    const masked = (text: string) =>
      text.replace(/\d{4}-\d\d-\d\d/g, "YYYY-MM-DD").replace(/\b\d\d:\d\d:\d\d/g, "HH:MM:SS")
        .replace(/^<?\d+>? (?=T)/gm, "<PID> ");
    assert.equal(got.rc, c.rc);
    assert.equal(masked(got.stderr), c.stderr);
    if (c.file !== null) {
      assert.equal(masked(Deno.readTextFileSync(`${s.base}/log/ts`)), c.file);
    }
  });
}

for (const [at, c] of CLI.database_argument.entries()) {
  Deno.test(`golden cli/database_argument ${at}: ${c.D ?? c.database_statement}`, async () => {
    await using s = new Surroundings();
    const statement = c.database_statement === null
      ? ""
      : `database "${s.localise(c.database_statement)}";\n`;
    const name = c.config_name === null ? "csync2.cfg" : `csync2_${c.config_name}.cfg`;
    s.config(statement + PLAIN_CONFIG.replaceAll("@", s.base), name);
    Deno.mkdirSync(`${s.base}/out/w`);
    const before = filesBelow(s.base);
    const option = c.config_name === null ? [] : ["-C", c.config_name];
    // A server that may run here is none of this test's business.
    const elsewhere = (text: string) =>
      isReal ? text : text.replace("mariadb://localhost/", "mariadb://127.0.0.1:1/");
    const database = c.D === null ? null : elsewhere(c.D);
    const got = await s.run([...option, "-M", "-vv"], { cwd: "out/w", database });
    const id = `cli/database_argument#${at}`;
    const ours = isReal ? undefined : DEVIATIONS[id];
    assert.equal(got.rc, ours?.rc ?? c.rc, got.stderr);
    const used = /^Database-File: (.*)$/m.exec(got.stderr)?.[1];
    assert.equal(used, elsewhere(c.used));
    const made = filesBelow(s.base).filter((f) => !before.includes(f) && !/-(wal|shm)$/.test(f));
    assert.deepEqual(made, [...c.files_made].sort());
    const last = ours?.stderr ?? c.stderr;
    assert.ok(last === "" || got.stderr.includes(last), got.stderr);
  });
}

function filesBelow(dir: string, below = ""): string[] {
  return [...Deno.readDirSync(`${dir}/${below}`)].flatMap((e) =>
    e.isDirectory ? filesBelow(dir, `${below}${e.name}/`) : [below + e.name]
  ).sort();
}

interface CheckTextCases {
  readonly items: { create: Step; checktxt: string }[];
  readonly below_prefix_p: { path: string; checktxt: string }[];
  readonly change_detection: {
    name: string;
    before: Step[];
    change: Step[];
    config_change?: string[];
    rc: number;
    stderr: string;
    dirty: string[];
  }[];
}
const TREE_CONFIG = "group g\n{\n  host a.demo b.demo;\n  key demo.key;\n  include @/a;\n}\n";
const PREFIX_CONFIG = TREE_CONFIG.replace("@/a", "%p%") + "prefix p\n{\n  on *: @/a;\n}\n";
const CHECK_TEXT = load<CheckTextCases>("checktxt");

Deno.test("golden checktxt/items: -L shows the check text of every kind of object", async () => {
  await using s = new Surroundings();
  prepare(s, TREE_CONFIG);
  Deno.removeSync(`${s.base}/a/1`);
  for (const { create } of CHECK_TEXT.items) await execute(s, create);
  assert.equal((await s.run(["-cIr", "/"])).rc, 0);
  const { stdout } = await s.run(["-L"]);
  const got = new Map(
    stdout.trimEnd().split("\n").map((l) => l.split("\t").reverse() as [string, string]),
  );
  for (const { create, checktxt } of CHECK_TEXT.items) {
    assert.equal(
      got.get(s.recorded(s.path(create.path as string))),
      checktxt,
      create.path as string,
    );
  }
});

for (const c of CHECK_TEXT.change_detection) {
  Deno.test(`golden checktxt/change_detection: ${c.name}`, async () => {
    await using s = new Surroundings();
    const config = c.name.includes("below a prefix") ? PREFIX_CONFIG : TREE_CONFIG;
    prepare(s, config);
    Deno.removeSync(`${s.base}/a/1`);
    for (const step of c.before) await execute(s, step);
    assert.equal((await s.run(["-cIr", "/"])).rc, 0);
    for (const step of c.change) await execute(s, step);
    if (c.config_change !== undefined) {
      s.config((c.config_change[1]! + config).replaceAll("@", s.base));
    }
    const got = await s.run(["-cr", "/"]);
    const ours = isReal ? undefined : DEVIATIONS[`checktxt/${c.name}`];
    assert.deepEqual([got.rc, got.stderr], [ours?.rc ?? c.rc, ours?.stderr ?? c.stderr]);
    const { stdout } = await s.run(["-M"]);
    const names = stdout.split("\n").filter((l) => l !== "").map((l) => l.split("\t")[3]!);
    const want = ours?.rows?.dirty?.map((r) => r[0] as string) ?? c.dirty;
    const nameOf = (n: string) => n.startsWith("%") ? n : s.recorded(s.path(n));
    assert.deepEqual(names, want.map(nameOf));
  });
}
