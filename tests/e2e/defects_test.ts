/**
 * "Defects not to copy" that only the whole program shows: commands run as an operator runs them. Numbers
 * are those of docs/spec: W for wire-protocol.md chapter 20, D for config-cli-db.md chapter 7.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Cluster, type Ran } from "../support/cluster.ts";
import { ensureIdentity } from "../../src/net/mod.ts";

const OURS = { kind: "ours" } as const;
const TWO = { nodes: { a: OURS, b: OURS } };
const QUIET: Ran = { rc: 0, stdout: "", stderr: "" };

/** Two hosts that hold the same tree and know it, and a running server on b. */
async function inSync(
  script: string,
  options: Partial<ConstructorParameters<typeof Cluster>[0]> = {},
) {
  const cluster = new Cluster({ ...TWO, ...options });
  for (const node of ["a", "b"]) {
    cluster.change(node, `${script}\nfind . -exec touch -h -d @1400000000 {} +`);
    assert.deepEqual(await cluster.run(node, "-cIr", "/"), QUIET);
  }
  await cluster.start("b");
  return cluster;
}

function rows(cluster: Cluster, node: string, sql: string): unknown[][] {
  using db = new DatabaseSync(`${cluster.base}/${node}/db/${node}.demo.db3`, { readOnly: true });
  return db.prepare(sql).all().map((row) => Object.values(row));
}

/** Everything in the five tables of csync2. */
function allRows(cluster: Cluster, node: string): unknown {
  const tables = ["file", "dirty", "hint", "action", "x509_cert"];
  return tables.map((table) => rows(cluster, node, `select * from ${table} order by 1, 2`));
}

Deno.test("D 7.4.1 a dry run of the program changes nothing on either host", async () => {
  const action = ["include @;", 'action { exec "echo ran >> $NODE/log/ran"; do-local; }'];
  await using cluster = await inSync("echo 1 > same; echo 2 > diff; echo 3 > gone", {
    group: action,
  });
  cluster.change(
    "a",
    "echo other > diff; rm gone; echo 4 > new; mkdir d; echo 5 > d/f; touch same",
  );
  assert.equal((await cluster.run("a", "-cr", "/")).rc, 0);
  Deno.removeSync(`${cluster.base}/a/log/ran`); // of the check, which is no dry run
  const before = () => [
    allRows(cluster, "a"),
    allRows(cluster, "b"),
    cluster.dump("a", { time: "nanos" }),
    cluster.dump("b", { time: "nanos" }),
  ];
  const old = before();
  const would = ["?D:/gone", "?M:/d", "?M:/d/f", "?M:/diff", "?M:/new", "?S:/same"]
    .map((line) => line.replace(":", `: b.demo          ${cluster.mount}`)).join("\n");
  assert.deepEqual(await cluster.run("a", "-ud"), { ...QUIET, stdout: `${would}\n` });
  assert.deepEqual(before(), old);
  assert.throws(() => Deno.statSync(`${cluster.base}/a/log/ran`), Deno.errors.NotFound);
});

Deno.test("D 7.4.6 a conflict is one line that names file, host and reason", async () => {
  await using cluster = await inSync("echo 1 > 'f x'; echo 2 > g");
  cluster.change("a", "echo here > 'f x'; echo new > g");
  cluster.change("b", "echo there > 'f x'");
  assert.equal((await cluster.run("b", "-cr", "/")).rc, 0);
  const text = `ERROR: Updating ${cluster.mount}/f x on b.demo failed: ` +
    "File is also marked dirty here!\nFinished with 1 errors.\n";
  assert.deepEqual(await cluster.run("a", "-x"), { rc: 1, stdout: "", stderr: text });
  assert.equal(Deno.readTextFileSync(`${cluster.tree("b")}/f x`), "there\n");
  assert.equal(Deno.readTextFileSync(`${cluster.tree("b")}/g`), "new\n", "the others are sent");
});

Deno.test("D 7.4.3 D 7.4.7 exit codes that scripts rely on are kept", async () => {
  await using cluster = await inSync("echo 1 > f");
  assert.deepEqual(await cluster.run("a", "-T"), { ...QUIET, rc: 2 });
  cluster.change("a", "echo 2 > f");
  assert.equal((await cluster.run("a", "-cr", "/")).rc, 0);
  const line = `X\ta.demo\tb.demo\t${cluster.mount}/f\n`;
  assert.deepEqual(await cluster.run("a", "-T"), { ...QUIET, stdout: line });
  const ignored = await cluster.run("a", "-c", "/nowhere/x");
  const warning = "WARNING: Parameter will be ignored: /nowhere/x\n";
  assert.deepEqual(ignored, { ...QUIET, stderr: warning });
});

Deno.test("D 7.2.9 names with a prefix are taken as arguments, unless there is such a file", async () => {
  const group = ["include %p%;", "}", "prefix p { on *: @;"];
  await using cluster = await inSync("mkdir d; echo 1 > d/f; echo 2 > g", { group });
  cluster.change("a", "echo new > d/f; echo new > g");
  assert.deepEqual(await cluster.run("a", "-cr", "%p%/d/"), QUIET);
  const mark = { ...QUIET, stdout: "chary\ta.demo\tb.demo\t%p%/d/f\n" };
  assert.deepEqual(await cluster.run("a", "-M"), mark);
  assert.deepEqual(await cluster.run("a", "-u", "%p%/d/f"), QUIET);
  assert.equal(Deno.readTextFileSync(`${cluster.tree("b")}/d/f`), "new\n");
  for (const argument of ["%p%/../etc", "%nope%/x", "%p", "p%/x"]) {
    const { rc, stderr } = await cluster.run("a", "-c", argument);
    const warning = /^WARNING: Parameter will be ignored: \//;
    assert.deepEqual([rc, warning.test(stderr)], [0, true], argument);
  }
});

Deno.test("D 7.3.3 D 7.4.5 names longer than C's buffers and the system's paths are synchronised", async () => {
  await using cluster = await inSync("true");
  const part = "d".repeat(200);
  // 12 levels exceed the 2,048 bytes of C's lines, 25 levels what a path may have for the system.
  for (const levels of [12, 25]) {
    cluster.change(
      "a",
      `i=0; while [ $i -lt ${levels} ]; do mkdir -p ${part}; cd -P ${part}; i=$((i+1));
      done; echo deep > 'f %${levels}'`,
    );
  }
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  assert.deepEqual(await cluster.run("a", "-T"), { ...QUIET, rc: 2 });
  cluster.change(
    "b",
    `i=0; while [ $i -lt 25 ]; do cd -P ${part}; i=$((i+1)); done; grep deep 'f %25'`,
  );
  cluster.change(
    "a",
    `i=0; while [ $i -lt 12 ]; do cd -P ${part}; i=$((i+1)); done; echo more >> 'f %12'`,
  );
  assert.equal((await cluster.run("a", "-cr", "/")).rc, 0);
  const { rc, stdout } = await cluster.run("a", "-T");
  assert.deepEqual([rc, stdout.length > 2_400, stdout.split("\n").length], [0, true, 2]);
});

Deno.test("D 7.3.3 files that come and go during a check do not end it", async () => {
  await using cluster = new Cluster(TWO);
  cluster.change("a", "mkdir d; for i in $(seq 300); do : > d/$i; done; echo k > keep");
  const churn = new Deno.Command("sh", {
    args: [
      "-c",
      `cd "$0" && while :; do rm -rf d; mkdir d; for i in $(seq 300); do : > d/$i; done; done`,
      cluster.tree("a"),
    ],
    stderr: "null",
  }).spawn();
  try {
    for (let round = 0; round < 4; round++) {
      assert.deepEqual(await cluster.run("a", "-cr", "/"), QUIET);
    }
  } finally {
    churn.kill("SIGKILL");
    await churn.status;
  }
  const { stdout } = await cluster.run("a", "-L");
  assert.ok(stdout.includes(`${cluster.mount}/keep\n`));
});

Deno.test("D 7.3.18 the numbers of devices arrive", async () => {
  await using cluster = await inSync("mknod c c 1 5");
  cluster.change("a", "mknod b b 7 300; mknod n c 1 3; rm c; mknod c c 5 0x10; mkfifo p");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  assert.equal(cluster.dump("b"), cluster.dump("a"));
  assert.match(cluster.dump("b"), /^\.\/b 7:12c$/m);
});

Deno.test("D 7.4.8 a wrong command line is told in one line before the usage", async () => {
  await using cluster = new Cluster(TWO);
  for (const args of [["-cT"], ["-S", "a"], ["-z"], ["-j", "0", "-u"], ["-v", "-k", "f"], []]) {
    const { rc, stdout, stderr } = await cluster.run("a", ...args);
    assert.equal(rc, 1);
    assert.match(stderr, /^csync2: [^\n]+\n$/);
    assert.match(stdout, /Usage: /);
  }
});

Deno.test("D 7.4.10 -W needs a descriptor that is open, and nothing is checked without", async () => {
  await using cluster = new Cluster(TWO);
  cluster.change("a", "echo 1 > f");
  for (
    const [value, reason] of [["abc", "not a number"], ["77", "Bad file descriptor"], ["1x", "not"]]
  ) {
    const { rc, stdout, stderr } = await cluster.run("a", "-cr", "/", "-W", value!);
    assert.deepEqual([rc, stdout], [1, ""]);
    assert.match(stderr, new RegExp(`^Invalid dump_dir_fd ${value}: ${reason}`));
  }
  assert.deepEqual(await cluster.run("a", "-L"), { ...QUIET, rc: 2 });
});

Deno.test("D 7.4.10 -k says when the key cannot be written, and leaves no half of one", async () => {
  await using cluster = new Cluster(TWO);
  cluster.change("a", "mkdir full");
  const full = `${cluster.mount}/full`;
  const [, ...words] = cluster.words("a", []);
  const program = words.slice(words.indexOf(cluster.mount) + 1);
  const own = program.slice(0, program.indexOf("-N"));
  const { code, stdout, stderr } = new Deno.Command("unshare", {
    args: [
      "--mount",
      "sh",
      "-c",
      `mkdir -p "$0" && mount -t tmpfs -o size=4k none "$0" && head -c 4096 /dev/zero > "$0/x" &&
      "$@"; echo $? $(ls "$0")`,
      full,
      ...own,
      "-k",
      `${full}/key`,
    ],
    env: cluster.environment("a"),
  }).outputSync();
  assert.deepEqual([code, new TextDecoder().decode(stdout)], [0, "1 x\n"]);
  assert.match(new TextDecoder().decode(stderr), /No space left on device/);
});

Deno.test("D 7.4.12 D 7.7.10 W 20.30 a changed certificate concerns that peer alone, and is told", async () => {
  await using cluster = new Cluster({ nodes: { a: OURS, b: OURS, c: OURS }, plain: false });
  cluster.change("a", "echo 1 > f");
  for (const node of ["b", "c"]) await cluster.start(node);
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  await cluster.stop("b");
  for (const kind of ["key", "cert"]) {
    Deno.removeSync(`${cluster.base}/b/etc/csync2_ssl_${kind}.pem`);
  }
  await ensureIdentity(`${cluster.base}/b/etc`, { commonName: "b.demo" });
  await cluster.start("b");
  cluster.change("a", "echo 2 > f");
  const { rc, stdout, stderr } = await cluster.run("a", "-x");
  assert.deepEqual([rc, stdout], [1, ""]);
  const [pinned, shown] = stderr.match(/[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}/g) ?? [];
  assert.ok(pinned !== undefined && shown !== undefined && pinned !== shown, stderr);
  assert.match(stderr, /b\.demo/);
  assert.match(stderr, /Finished with 1 errors/);
  assert.equal(Deno.readTextFileSync(`${cluster.tree("c")}/f`), "2\n");
  assert.equal(Deno.readTextFileSync(`${cluster.tree("b")}/f`), "1\n");
  const marks = rows(cluster, "a", "select peername from dirty");
  assert.deepEqual(marks, [["b.demo"]]);
});

Deno.test("D 7.4.15 no output shows the password of a database", async () => {
  await using cluster = new Cluster(TWO);
  for (const scheme of ["mysql", "pgsql", "sqlite2", "oracle"]) {
    const args = ["-D", `${scheme}://joe:hush@db/x`, "-M", "-vvvv"];
    const { rc, stdout, stderr } = await cluster.run("a", ...args);
    assert.equal(rc, 1);
    assert.match(stderr, /:\/\/joe:\*\*\*@db\/x/);
    assert.doesNotMatch(stdout + stderr, /hush/);
  }
});

Deno.test("D 7.5.3 D 7.5.4 a check that is killed leaves no record without its mark", async () => {
  await using cluster = new Cluster(TWO);
  cluster.change(
    "a",
    `for d in $(seq 15); do mkdir $d; (cd $d;
    for f in $(seq 200); do : > $f; done); done`,
  );
  const file = `${cluster.base}/a/db/a.demo.db3`;
  for (
    const [signal, bytes] of [["SIGKILL", 1], ["SIGTERM", 100_000], ["SIGKILL", 400_000]] as const
  ) {
    const child = cluster.spawn("a", ["-cr", "/"]);
    const output = child.output();
    while (sizeOf(`${file}-wal`) < bytes) await new Promise((r) => setTimeout(r, 2));
    child.kill(signal);
    assert.equal((await output).signal, signal);
    const unequal = ["file", "dirty"].map((table) =>
      `select filename from file union select filename from dirty except select filename from ${table}`
    );
    if (bytes === 1) continue; // perhaps without tables
    for (const sql of unequal) assert.deepEqual(rows(cluster, "a", sql), []);
    for (const end of ["", "-wal", "-shm"]) Deno.removeSync(file + end);
  }
  assert.deepEqual(await cluster.run("a", "-cr", "/"), QUIET);
  assert.deepEqual(rows(cluster, "a", "select count(*) from file"), [[15 * 201 + 1]]);
});

function sizeOf(path: string): number {
  return exists(path) ? Deno.lstatSync(path).size : 0;
}

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path) !== undefined;
  } catch {
    return false;
  }
}

Deno.test("D 7.7.1 no name of a file becomes a command, sent or received", async () => {
  const exec = `action { exec "echo %% >> $NODE/log/ran; :"; do-local; }`;
  await using cluster = await inSync("true", { group: ["include @;", exec] });
  const names = [
    "a; touch PWNED;",
    "b `touch PWNED`",
    "c $(touch PWNED)",
    "d & touch PWNED &",
    "e'; touch PWNED; '",
  ];
  names.push('f"; touch PWNED; "', "g\n touch PWNED\n", "-h", "| touch PWNED", "*", "~", "#");
  for (const name of names) Deno.writeTextFileSync(`${cluster.tree("a")}/${name}`, "x");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  await cluster.stop("b");
  for (const node of ["a", "b"]) {
    const ran = Deno.readTextFileSync(`${cluster.base}/${node}/log/ran`);
    for (const name of names) {
      assert.ok(ran.includes(`${cluster.mount}/${name}`), `${node}: ${name}`);
    }
    const made = [...Deno.readDirSync(cluster.tree(node))].map((e) => e.name);
    assert.ok(!made.includes("PWNED"));
  }
  assert.ok(!exists("/PWNED"));
});

Deno.test("D 7.7.6 a daemon that an action started keeps neither port nor server busy", async () => {
  const exec = `action { exec "sleep 30 & echo $! > $NODE/log/pid"; do-local; }`;
  await using cluster = await inSync("true", { group: ["include @;", exec] });
  cluster.change("a", "echo 1 > f");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  await cluster.stop("b");
  const pids = ["a", "b"].map((n) => Number(Deno.readTextFileSync(`${cluster.base}/${n}/log/pid`)));
  try {
    for (const pid of pids) {
      const open = [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) =>
        Deno.readLinkSync(`/proc/${pid}/fd/${name}`)
      );
      assert.deepEqual(open.filter((to) => /socket|db3|anon_inode|\.cfg/.test(to)), []);
    }
    await cluster.start("b"); // the port is free
  } finally {
    for (const pid of pids) Deno.kill(pid, "SIGKILL");
  }
});

Deno.test("W 20.25 targets of links below a prefix are compared", async () => {
  const group = ["include %p%;", "}", "prefix p { on *: @;"];
  await using cluster = await inSync("ln -s one l; ln -s same s", { group });
  cluster.change("b", "ln -sfn other l; touch -h -d @1400000000 l");
  assert.equal((await cluster.run("b", "-cIr", "/")).rc, 0);
  const line = "X\ta.demo\tb.demo\t%p%/l\n";
  assert.deepEqual(await cluster.run("a", "-T"), { ...QUIET, stdout: line });
  assert.equal((await cluster.run("a", "-mr", "@")).rc, 0);
  assert.deepEqual(await cluster.run("a", "-u"), QUIET);
  assert.equal(Deno.readLinkSync(`${cluster.tree("b")}/l`), "one");
});

Deno.test("W 20.28 sending writes nothing beside the files that are sent", async () => {
  await using cluster = await inSync("mkdir d; head -c 300000 /dev/urandom > d/big; echo 1 > d/f");
  cluster.change("a", "echo tail >> d/big; echo 2 > d/f; touch -d @1400000001 d");
  const before = cluster.dump("a", { time: "nanos" });
  const changed = () => Deno.statSync(`${cluster.tree("a")}/d`).ctime?.getTime();
  const then = changed();
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  assert.equal(changed(), then, "an entry made or removed would change the directory");
  assert.equal(cluster.dump("a", { time: "nanos" }), before);
});

for (const [from, to] of [["ours", "c"], ["c", "ours"], ["ours", "ours"]] as const) {
  Deno.test(`W 20.33 certificates with different subjects: ${from} -> ${to}`, async () => {
    const nodes = { a: { kind: from }, b: { kind: to } };
    await using cluster = new Cluster({ nodes, plain: false });
    for (const node of ["a", "b"]) {
      await ensureIdentity(`${cluster.base}/${node}/etc`, { commonName: `${node}.subject.test` });
      const cert = `${cluster.base}/${node}/etc/csync2_ssl`;
      cluster.change(
        node,
        `openssl req -x509 -key ${cert}_key.pem -days 9 -subj /CN=${node}.test -out ${cert}_cert.pem`,
      );
    }
    cluster.change("a", "echo 1 > f");
    await cluster.start("b");
    assert.deepEqual(await cluster.run("a", "-x"), QUIET);
    assert.equal(Deno.readTextFileSync(`${cluster.tree("b")}/f`), "1\n");
  });
}
