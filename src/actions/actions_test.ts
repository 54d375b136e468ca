import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import type { ActionRule, Config, Group } from "../config/mod.ts";
import type { DbName, DiskPath, HostName, Key } from "../model/mod.ts";
import { utf8Bytes } from "../model/mod.ts";
import { MemoryReporter } from "../report/mod.ts";
import { MemoryStore } from "../state/mod.ts";
import { ActionRunner, runActions, runsOf, scheduleFor, shellWord } from "./mod.ts";

function rule(more: Partial<ActionRule>): ActionRule {
  return {
    patterns: [],
    commands: ["true"],
    logfile: "/dev/null",
    onLocal: false,
    onRemote: true,
    ...more,
  };
}

function group(name: string, actions: readonly ActionRule[], pattern = "/"): Group {
  return {
    name,
    peers: [{ name: "b" as HostName, isSlave: false, isLeftOfUs: false }],
    myName: "a" as HostName,
    iAmSlave: false,
    key: "k".repeat(32) as Key,
    patterns: [{ kind: "include", text: pattern }],
    auto: "none",
    backupDirectory: undefined,
    backupGenerations: 3,
    actions,
  };
}

function config(groups: readonly Group[], root = "/tmp/p"): Config {
  return {
    file: "test.cfg",
    systemDir: "/etc",
    configName: "",
    hostName: "a" as HostName,
    groups,
    prefixes: [{ name: "p", path: root as DiskPath }],
    nossl: [],
    ignored: { uid: false, gid: false, mod: false },
    database: undefined,
    tempdir: undefined,
    lockTimeoutSeconds: 12,
  };
}

const name = (text: string) => utf8Bytes(text) as DbName;

Deno.test("scheduleFor() distinguishes local from remote causes", () => {
  const remote = rule({ commands: ["r"] });
  const local = rule({ commands: ["l"], onLocal: true });
  const only = rule({ commands: ["o"], onLocal: true, onRemote: false });
  const c = config([group("g", [remote, local, only], "/x")]);
  equal(scheduleFor(c, name("/x"), "remote").map((a) => a.command), ["r", "l"]);
  equal(scheduleFor(c, name("/x"), "local").map((a) => a.command), ["l", "o"]);
  equal(scheduleFor(c, name("/other"), "local"), []);
});

Deno.test("D 7.7.5 order of declaration, and the log file is part of the key", async () => {
  const c = config([
    group("g", [rule({ commands: ["c", "a", "b"] })], "/x"),
    group("h", [rule({ commands: ["a"], logfile: "/log2" })], "/x"),
  ]);
  const actions = scheduleFor(c, name("/x"), "remote");
  equal(actions.map((a) => [a.command, a.logfile]), [
    ["c", "/dev/null"],
    ["a", "/dev/null"],
    ["b", "/dev/null"],
    ["a", "/log2"],
  ]);
  const state = new MemoryStore();
  await state.transaction((tx) => tx.schedule(actions));
  equal((await state.actions()).length, 4);
});

Deno.test("patterns match the stored name as path patterns, base names do not count", () => {
  const rules = ["%p%/d", "*.conf", "%p%/d/", "%p%/**.conf"].map((text) =>
    rule({ patterns: [text], commands: [text] })
  );
  const c = config([group("g", rules, "%p%")]);
  equal(scheduleFor(c, name("%p%/d/3.conf"), "remote").map((a) => a.command), [
    "%p%/d",
    "%p%/**.conf",
  ]);
});

Deno.test("D 7.7.2 every %% becomes the real paths, and the text has none of them", () => {
  const rows = ["%p%/a b", "/it's $& $1"].map((text) => ({
    name: name(text),
    command: "echo %% end '%%'",
    logfile: "/dev/null",
  }));
  const [run] = runsOf(rows, (n) => n.replace("%p%", "/root"));
  equal(run?.text, `echo "$@" end "$@"`);
  equal(run?.names, ["/root/a b", "/it's $& $1"]);
  const words = `'/root/a b' '/it'\\''s $& $1'`;
  equal(run?.shown, `echo ${words} end '${words}'`);
  equal(run?.rows, rows);
});

Deno.test("more names than fit are spread over several runs", () => {
  const rows = Array.from({ length: 3_000 }, (_, i) => ({
    name: name(`/${"n".repeat(90)}${i}`),
    command: "echo %%",
    logfile: "",
  }));
  const runs = runsOf(rows, (n) => n);
  ok(runs.length > 1 && runs.every(({ names }) => names.join("").length < 131_072));
  equal(runs.flatMap((run) => run.rows), rows);
  equal(runsOf(rows.map((row) => ({ ...row, command: "reload" })), (n) => n).length, 1);
});

interface World extends AsyncDisposable {
  readonly dir: string;
  readonly state: MemoryStore;
  readonly reporter: MemoryReporter;
  schedule(command: string, names?: readonly string[], logfile?: string): Promise<void>;
  run(more?: object): Promise<void>;
  log(): string;
}

function world(): World {
  const dir = Deno.makeTempDirSync({ prefix: "csync2-actions-" });
  const state = new MemoryStore(), reporter = new MemoryReporter();
  return {
    dir,
    state,
    reporter,
    schedule: (command, names = ["/x"], logfile = `${dir}/log`) =>
      state.transaction((tx) =>
        tx.schedule(names.map((text) => ({ name: text as DbName, command, logfile })))
      ),
    run: (more = {}) => runActions({ config: config([], dir), state, reporter, ...more }),
    log: () => Deno.readTextFileSync(`${dir}/log`),
    async [Symbol.asyncDispose]() {
      await Deno.remove(dir, { recursive: true });
    },
  };
}

Deno.test("D 7.7.1 no name is ever shell code", async () => {
  await using w = world();
  const nasty = [
    "/a;echo owned;",
    "/`echo owned`",
    "/$(echo owned)",
    "/a'b;echo owned;'",
    '/"$(echo owned)"',
    "/a\nb\n",
    "/-n",
    "/%%",
    "/\\0101 & > <*?[x]",
    "/h\xe9 \xff'\xfe", // no UTF-8
  ];
  await w.schedule(`printf '<%s>' %%`, nasty);
  await w.run();
  const bytes = Deno.readFileSync(`${w.dir}/log`);
  equal(String.fromCharCode(...bytes), nasty.map((text) => `<${text}>`).join(""));
  equal(await w.state.actions(), []);
});

for (
  const command of [
    "echo '%%'",
    'echo "%%"',
    "echo `echo %%`",
    "echo $(echo %%)",
    "sh -c 'echo %%'",
    "cat <<E\n%%\nE",
    "true # %%",
    "sh -c \"sh -c 'echo %%'\"",
    "echo ${UNSET:-%%}",
    "case %% in *) ;; esac",
    "echo \\%%",
  ]
) {
  Deno.test(`D 7.7.1 no name is shell code in: ${command}`, async () => {
    await using w = world();
    const proof = `${w.dir}/owned`;
    const evil = [
      "/a;touch P;",
      "/`touch P`",
      "/$(touch P)",
      "/x\ntouch P\n",
      "/';touch P;'",
      '/";touch P;"',
    ];
    await w.schedule(command, evil.map((text) => text.replaceAll("P", proof)));
    await w.run();
    ok(!Array.from(Deno.readDirSync(w.dir)).some((entry) => entry.name === "owned"), w.log());
  });
}

Deno.test("D 7.7.6 D 7.7.7 a command has `/`, a clean environment and no descriptor of ours", async () => {
  await using w = world();
  const listener = Deno.listen({ hostname: "127.27.1.1", port: 0 });
  await w.schedule(
    `pwd; env | sort; ls -l /proc/self/fd | grep -c socket; readlink /proc/self/fd/0`,
  );
  await w.run({ environment: { PATH: "/usr/bin:/bin", SECRET: "s", LISTEN_FDS: "1", TZ: "UTC" } });
  listener.close();
  const lines = w.log().trimEnd().split("\n");
  equal(lines[0], "/");
  ok(lines.includes("PATH=/usr/bin:/bin") && lines.includes("TZ=UTC"));
  ok(!w.log().includes("SECRET") && !w.log().includes("LISTEN"));
  equal(lines.slice(-2), ["0", "/dev/null"]);
});

Deno.test("output is appended, a link in the place of the log file is not followed", async () => {
  await using w = world();
  await w.schedule("echo one; echo err >&2");
  await w.run();
  await w.schedule("echo two");
  await w.run();
  equal(w.log(), "one\nerr\ntwo\n");
  Deno.symlinkSync(`${w.dir}/victim`, `${w.dir}/link`);
  await w.schedule(`echo ran >${w.dir}/proof; echo three`, ["/x"], `${w.dir}/link`);
  await w.run();
  equal(Deno.readTextFileSync(`${w.dir}/proof`), "ran\n"); // runs all the same
  ok(!Array.from(Deno.readDirSync(w.dir)).some((entry) => entry.name === "victim"));
  ok(w.reporter.events.some(({ event, level }) => event === "action-log-file" && level === 0));
});

Deno.test("D 7.7.4 the exit status is told, and a failure is no error of the program", async () => {
  await using w = world();
  await w.schedule("exit 3");
  await w.schedule("kill -9 $$");
  await w.schedule("true");
  await w.run();
  const told = w.reporter.events.map(({ level, text }) => [level, text]);
  equal(told, [
    [1, "Running 'exit 3' ..."],
    [0, "'exit 3' ended: exit status 3"],
    [1, "Running 'kill -9 $$' ..."],
    [0, "'kill -9 $$' ended: signal SIGKILL"],
    [1, "Running 'true' ..."],
    [2, "'true' ended: exit status 0"],
  ]);
  equal(w.reporter.errors, 0);
});

/** Of the compiled program: with all of them, more would be possible here than there. */
const permissions: Deno.PermissionOptionsObject = {
  read: true,
  write: true,
  env: true,
  sys: true,
  ffi: true,
  run: ["/bin/sh"],
};

Deno.test("a command that runs too long is ended with all that it started", {
  permissions,
}, async () => {
  await using w = world();
  await w.schedule(`sleep 61.27 & sleep 61.27`);
  const start = performance.now();
  await w.run({ timeLimitMs: 200 });
  ok(performance.now() - start < 60_000); // the command itself takes longer
  match(w.reporter.events.at(-1)!.text, /ran for more than 0.2 s/);
  equal(await w.state.actions(), []);
});

Deno.test("when the program ends, a command has a grace, and the next one stays for the next run", {
  permissions,
}, async () => {
  await using w = world();
  const stop = new AbortController();
  await w.schedule(`echo begun; trap '' TERM; while :; do sleep 0.01; done`);
  await w.schedule("echo second");
  const run = w.run({ stop: stop.signal, stopGraceMs: 30 });
  while (!(await Deno.stat(`${w.dir}/log`).then((s) => s.size > 0, () => false))) {
    await new Promise((go) => setTimeout(go, 5));
  }
  stop.abort();
  await run; // SIGKILL ends who ignores SIGTERM
  match(w.reporter.events.at(-1)!.text, /was ended: the program ends/);
  equal((await w.state.actions()).map(({ command }) => command), ["echo second"]);
  equal(w.log(), "begun\n");
  await w.run({ stop: AbortSignal.abort() }); // a short one is through within the grace
  equal(w.log(), "begun\nsecond\n");
  equal(await w.state.actions(), []);
});

Deno.test("a row that is scheduled again while its command runs, runs once more", async () => {
  await using w = world();
  const runner = new ActionRunner({
    config: config([], w.dir),
    state: w.state,
    reporter: w.reporter,
  });
  await w.schedule("echo run; sleep 0.3");
  const first = runner.run();
  while (!existsSync(`${w.dir}/log`) || w.log() === "") {
    await new Promise((go) => setTimeout(go, 5));
  }
  await w.schedule("echo run; sleep 0.3");
  runner.scheduled(await w.state.actions());
  const second = runner.run();
  await Promise.all([first, second]);
  equal(w.log(), "run\nrun\n");
  equal(await w.state.actions(), []);
});

Deno.test("shellWord() quotes", () => equal(shellWord("a'b"), `'a'\\''b'`));
