/** Two hosts of ours: the fast dialect, the way to it and back, its options, and what it never tells. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Cluster, type ClusterOptions, KEY } from "../support/cluster.ts";

const OURS = { kind: "ours" } as const;

async function pair(options: Partial<ClusterOptions> = {}, ...args: string[]): Promise<Cluster> {
  const cluster = new Cluster({
    nodes: { a: OURS, b: OURS },
    plain: false,
    logs: true,
    ...options,
  });
  cluster.change(
    "a",
    `for d in 1 2 3 4 5; do
       mkdir -p d$d/e; for f in 1 2 3 4 5 6 7 8 9; do echo $d $f > d$d/e/f$f; done; ln -s e d$d/l
     done
     head -c 3000000 /dev/urandom > large; touch empty; mkdir -m 750 private; mkfifo pipe`,
  );
  await cluster.start("b", args);
  return cluster;
}

function dialect(cluster: Cluster): unknown {
  using db = new DatabaseSync(cluster.database("a"), { readOnly: true });
  const [row] = db.prepare("SELECT * FROM csync3_note WHERE name LIKE 'dialect/%'").all();
  return row === undefined ? undefined : Object.values(row)[1];
}

async function push(cluster: Cluster, ...args: string[]): Promise<string> {
  const { rc, stderr } = await cluster.run("a", "-x", "-v", ...args);
  assert.equal(rc, 0, stderr);
  assert.equal(cluster.dump("b"), cluster.dump("a"));
  assert.equal((await cluster.run("a", "-M")).rc, 2);
  return stderr;
}

/** Marks everything. */
async function markAll(cluster: Cluster, ...args: string[]): Promise<void> {
  assert.equal((await cluster.run("a", "-mr", "@", ...args)).rc, 0);
}

for (const plain of [false, true]) {
  Deno.test(`two of ours speak the fast dialect, ${plain ? "plain" : "with TLS"}`, async () => {
    await using cluster = await pair({ plain });
    const said = await push(cluster);
    assert.equal(dialect(cluster), "fast");
    assert.equal(said.includes("Adding peer x509 certificate to db"), !plain);
    assert.equal((await cluster.run("a", "-T")).rc, 2);
    assert.equal((await cluster.run("b", "-M")).rc, 2);
    await markAll(cluster);
    const again = await push(cluster);
    assert.equal(again.match(/^File is already up to date on peer\.$/gm)?.length, 65);
    cluster.change("a", "rm -r d1 large; echo 2 > d2/e/f1; ln -sf f1 d3/l; chmod 700 private");
    await push(cluster);
    assert.equal((await cluster.run("a", "-T")).rc, 2);
  });
}

Deno.test("--classic on either side is the way back, and without it the way to the fast dialect", async () => {
  await using cluster = await pair({}, "--classic");
  await push(cluster);
  assert.equal(dialect(cluster), "classic");
  await cluster.stop("b");
  await cluster.start("b");
  await markAll(cluster);
  const up = await push(cluster, "--classic");
  assert.equal(dialect(cluster), "classic");
  await markAll(cluster);
  assert.equal((await push(cluster)).length, up.length);
  assert.equal(dialect(cluster), "fast");
  await cluster.stop("b");
  await cluster.start("b", ["--classic"]);
  await markAll(cluster);
  assert.match(await push(cluster), /^b\.demo speaks only as csync2 does now/m);
  assert.equal(dialect(cluster), "classic");
});

Deno.test("without TLS a host that has proven its key is told none in the classic dialect", async () => {
  await using cluster = await pair({ plain: true });
  await push(cluster);
  await cluster.stop("b");
  await cluster.start("b", ["--classic"]);
  await markAll(cluster);
  const refused = await cluster.run("a", "-u");
  assert.equal(refused.rc, 1);
  assert.match(refused.stderr, /has proven the group key before.*--forget-cert/);
  assert.ok(!cluster.serverSaid("b").includes(KEY));
  const forgotten = await cluster.run("a", "--forget-cert", "b.demo");
  assert.deepEqual(forgotten, {
    rc: 0,
    stdout: "",
    stderr: "Forgot that b.demo has proven the group key.\n",
  });
  await push(cluster);
  assert.equal(dialect(cluster), "classic");
});

Deno.test("a host with another key gets nothing, is not pinned, and no key is told", async () => {
  await using cluster = await pair();
  Deno.writeTextFileSync(`${cluster.base}/b/etc/demo.key`, `${KEY.split("").reverse().join("")}\n`);
  await cluster.stop("b");
  await cluster.start("b", ["-vvvv"]);
  const { rc, stderr } = await cluster.run("a", "-x", "-vvvv");
  assert.equal(rc, 1);
  assert.equal((await cluster.run("a", "--list-certs")).rc, 2);
  assert.equal((await cluster.run("b", "--list-certs")).rc, 2);
  assert.deepEqual([...Deno.readDirSync(cluster.tree("b"))], []);
  await cluster.stop("b");
  const said = stderr + cluster.serverSaid("b");
  assert.ok(!said.includes(KEY) && !said.includes(KEY.split("").reverse().join("")));
});

Deno.test("--checksum finds a content that changed behind its times", async () => {
  await using cluster = await pair();
  await push(cluster);
  cluster.change(
    "b",
    "touch -r d1/e/f1 stamp; printf '9 9\\n' > d1/e/f1; touch -r stamp d1/e/f1; rm stamp",
  );
  await markAll(cluster);
  assert.equal((await cluster.run("a", "-u")).rc, 0);
  assert.notEqual(
    cluster.dump("b"),
    cluster.dump("a"),
    "records on both sides say that it is equal",
  );
  await markAll(cluster);
  await push(cluster, "--checksum");
});

for (const durability of ["none", "batch", "file"]) {
  Deno.test(`a push to a server with --durability ${durability}`, async () => {
    await using cluster = await pair({}, "--durability", durability);
    await push(cluster);
  });
}

Deno.test("a push with --bwlimit arrives", async () => {
  await using cluster = await pair();
  await push(cluster, "--bwlimit", "4M");
});
