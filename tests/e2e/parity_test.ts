/** What operators and scripts rely on, as docs/spec/config-cli-db.md has it: whole programs, start to end. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Cluster, type Ran } from "../support/cluster.ts";
import { environment, ourWords } from "../support/program.ts";

const OURS = { kind: "ours" } as const;
const QUIET: Ran = { rc: 0, stdout: "", stderr: "" };

function rows(cluster: Cluster, node: string, sql: string): unknown[][] {
  using db = new DatabaseSync(`${cluster.base}/${node}/db/${node}.demo.db3`, { readOnly: true });
  return db.prepare(sql).all().map((row) => Object.values(row));
}

Deno.test("csync2-compare: -or DIR -P OTHER lists the same names on both hosts (D 4.10)", async () => {
  await using cluster = new Cluster({
    nodes: { a: OURS, b: OURS, c: OURS },
    group: ["include @;", "exclude *.old;", "compare @/logs;"],
  });
  for (const node of ["a", "b"]) {
    cluster.change(
      node,
      `mkdir d; echo 1 > d/f; echo ${node} > ${node}.old; echo ${node} > ${node}`,
    );
  }
  const listed = async (node: string, other: string) => {
    const { rc, stdout, stderr } = await cluster.run(node, "-or", "@", "-P", other);
    assert.deepEqual([rc, stderr], [0, ""]);
    return stdout.split("\n").map((name) => name.replace(cluster.mount, "")).sort();
  };
  const both = ["", "", "/d", "/d/f"];
  assert.deepEqual(await listed("a", "b.demo"), [...both.slice(0, 2), "/a", ...both.slice(2)]);
  assert.deepEqual(await listed("b", "a.demo"), [...both.slice(0, 2), "/b", ...both.slice(2)]);
  assert.deepEqual(await listed("a", "nobody.demo"), [""], "no group has that peer");
});

Deno.test("the fork's script for inotify: -cr of paths, then -ub -P of each peer at once (D 6)", async () => {
  await using cluster = new Cluster({ nodes: { a: OURS, b: OURS, c: OURS } });
  cluster.change("a", "mkdir d; echo 1 > d/f; echo 2 > g");
  for (const node of ["b", "c"]) await cluster.start(node);
  assert.deepEqual(await cluster.run("a", "-cr", "@/", "@/d", "@/g"), QUIET);
  const pushes = ["b.demo", "c.demo"].map((peer) => cluster.run("a", "-ub", "-P", peer));
  assert.deepEqual(await Promise.all(pushes), [QUIET, QUIET]);
  assert.equal(cluster.dump("b"), cluster.dump("a"));
  assert.equal(cluster.dump("c"), cluster.dump("a"));
  assert.deepEqual(rows(cluster, "a", "select * from dirty"), []);
});

Deno.test("backup-directory and backup-generations: the receiver keeps the last copies (D 5.8)", async () => {
  await using cluster = new Cluster({
    nodes: { a: OURS, b: OURS },
    group: ["include @;", "backup-directory $NODE/backup;", "backup-generations 3;"],
  });
  await cluster.start("b");
  for (const text of ["one", "two", "three", "four"]) {
    cluster.change("a", `echo ${text} > f`);
    assert.deepEqual(await cluster.run("a", "-xF"), QUIET);
  }
  const copy = (suffix: string) =>
    Deno.readTextFileSync(`${cluster.base}/b/backup${cluster.mount}/f${suffix}`);
  assert.deepEqual(["", ".1", ".2"].map(copy), ["three\n", "two\n", "one\n"]);
  cluster.change("a", "rm f");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  assert.deepEqual(["", ".1", ".2"].map(copy), ["four\n", "three\n", "two\n"]);
  assert.throws(() => copy(".3"), Deno.errors.NotFound);
});

Deno.test("without CSYNC2_SYSTEM_DIR the configuration is that of /etc (D 1.1)", async () => {
  const { CSYNC2_SYSTEM_DIR: _, ...env } = environment("");
  const [program, ...words] = ourWords();
  const { code, stderr } = await new Deno.Command(program!, {
    args: [...words, "-N", "a.demo", "-C", "nosuchparity", "-M"],
    env,
    clearEnv: true,
  }).output();
  assert.equal(code, 1);
  assert.match(
    new TextDecoder().decode(stderr),
    /^Can not open config file `\/etc\/csync2_nosuchparity\.cfg': No such file or directory/,
  );
});

Deno.test("lock-timeout: the wait for a busy database has an end, with exit 1 (D 5.5)", async () => {
  await using cluster = new Cluster({ nodes: { a: OURS, b: OURS }, top: ["lock-timeout 1;"] });
  assert.equal((await cluster.run("a", "-m", "@/x")).rc, 0);
  using db = new DatabaseSync(`${cluster.base}/a/db/a.demo.db3`);
  db.exec("BEGIN EXCLUSIVE");
  const { rc, stderr } = await cluster.run("a", "-m", "@/x", "-vv");
  assert.equal(rc, 1);
  assert.match(stderr, /^Database is busy, sleeping a sec\.$/m);
  const text = "Database backend is exceedingly busy => Terminating (requesting retry).\n";
  assert.ok(stderr.includes(text), stderr);
});

Deno.test("x509_cert: both sides keep the other's certificate as upper-case hex DER (D 5.6)", async () => {
  await using cluster = new Cluster({
    nodes: { a: { kind: "ours", security: "rsa-v3" }, b: { kind: "ours", security: "p256" } },
    plain: false,
  });
  cluster.change("a", "echo 1 > f");
  await cluster.start("b");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  const hexOf = (node: string) => {
    const pem = Deno.readTextFileSync(`${cluster.base}/${node}/etc/csync2_ssl_cert.pem`);
    const base64 = /-----BEGIN CERTIFICATE-----([^-]*)-----END/.exec(pem)![1]!.replace(/\s/g, "");
    return Uint8Array.fromBase64(base64).toHex().toUpperCase();
  };
  const sql = "select peername, certdata from x509_cert";
  assert.deepEqual(rows(cluster, "a", sql), [["b.demo", hexOf("b")]]);
  assert.deepEqual(rows(cluster, "b", sql), [["a.demo", hexOf("a")]]);
});

Deno.test("exit codes of whole runs: 0, 1 and 2 (D 4.3)", async () => {
  await using cluster = new Cluster({ nodes: { a: OURS, b: OURS } });
  const run = (...args: string[]) => cluster.run("a", ...args);
  /** The exit code of a run that says the reason, and nothing else. */
  const rc = async (said: RegExp, ...args: string[]) => {
    const { rc, stderr } = await run(...args);
    assert.match(stderr, said, args.join(" "));
    return rc;
  };
  assert.deepEqual(await run("-M"), { ...QUIET, rc: 2 }, "-M printed nothing");
  assert.deepEqual(await run("-cIr", "/"), QUIET);
  assert.equal(await rc(/^$/, "-cr", "/"), 0, "done without errors");
  assert.equal(await rc(/^csync2: invalid option -- 'z'\n$/, "-z"), 1, "usage");
  const missing = /^Can not open config file .*csync2_missing\.cfg': No such file or directory/;
  assert.equal(await rc(missing, "-C", "missing", "-M"), 1, "fatal error");
  assert.deepEqual(await run("-m", "@"), QUIET);
  const unserved =
    /^ERROR: Connection to remote host `b\.demo' failed\..*\nFinished with 1 errors\.\n$/;
  assert.equal(await rc(unserved, "-u"), 1, "error count > 0 at the end: nobody serves");
  Deno.mkdirSync(`${cluster.base}/a/etc/csync2_dir.cfg`);
  const dir = /^Can not .*csync2_dir\.cfg': Is a directory/;
  assert.equal(await rc(dir, "-C", "dir", "-M"), 1, "a directory in place of a configuration file");
});
