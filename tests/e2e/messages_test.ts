/**
 * Texts that the C programs have (docs/spec/config-cli-db.md chapter 8), said by the whole program at the
 * same level, and those that ours leaves out on purpose.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Cluster, type ClusterOptions } from "../support/cluster.ts";

const OURS = { kind: "ours" } as const;

/** Two hosts with a file each; `b` serves with these options. */
async function serving(args: string[], more: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const cluster = new Cluster({ nodes: { a: OURS, b: OURS }, logs: true, ...more });
  cluster.change("a", "echo 1 > f");
  await cluster.start("b", args);
  return cluster;
}

function sql(cluster: Cluster, text: string): void {
  using db = new DatabaseSync(`${cluster.base}/a/db/a.demo.db3`);
  db.exec(text);
}

Deno.test("-c tells at -vv what it looks at and what it found", async () => {
  await using cluster = new Cluster({ nodes: { a: OURS, b: OURS } });
  cluster.change("a", "echo 1 > f");
  const f = `${cluster.mount}/f`;
  const first = await cluster.run("a", "-c", "@/f", "-vv");
  const lines = first.stderr.split("\n");
  assert.deepEqual(lines.slice(lines.indexOf(`Running check for ${f} ...`)), [
    `Running check for ${f} ...`,
    `Checking ${f}.`,
    `New file: ${f}`,
    `Marking file as dirty: ${f}`,
    "Connection closed.",
    "Finished with 0 errors.",
    "",
  ]);
  cluster.change("a", "echo longer > f");
  const { stderr } = await cluster.run("a", "-c", "@/f", "-vv");
  assert.ok(stderr.includes(`\nFile has changed: ${f}\n`), stderr);
  const { stderr: quiet } = await cluster.run("a", "-c", "@/f", "-v");
  assert.equal(quiet, "Connection closed.\nFinished with 0 errors.\n");
});

Deno.test("nothing is said about statements, shared libraries and single patterns, even at -vvvv", async () => {
  await using cluster = await serving(["-vvvv"], {
    group: ["include %p%;", "}", "prefix p { on *: @;"],
  });
  const { rc, stderr } = await cluster.run("a", "-x", "-vvvv");
  assert.equal(rc, 0);
  await cluster.stop("b");
  const left = new RegExp(
    [
      "SQL: ",
      "SQL Query finished\\.",
      "Trying to fetch a row from the database\\.",
      "DB get blob: ",
      "Opening shared library ",
      "Reading symbols from shared library ",
      "Match \\(\\+\\): ",
      "Match \\(-\\): ",
      "Prefix matched: ",
      " check: ",
      "Peer x509 certificate is: ",
      "While syncing file ",
      "Waiting \\d+ secs so others can lock the database ",
      "Database idle in transaction. Forcing COMMIT.",
    ].map((text) => `^(?:<\\d+> )?${text}`).join("|"),
    "m",
  );
  assert.match(stderr, /^Updating %p%\/f on b\.demo \.\.\.$/m);
  assert.doesNotMatch(stderr, left);
  assert.match(cluster.serverSaid("b"), /^<\d+> Updated %p%\/f from a\.demo\.$/m);
  assert.doesNotMatch(cluster.serverSaid("b"), left);
});

Deno.test("-vvv shows the lines of the protocol on both sides, without keys", async () => {
  await using cluster = await serving(["-vvv"]);
  const { stderr } = await cluster.run("a", "-x", "-vvv", "--classic");
  await cluster.stop("b");
  for (
    const [text, me, other] of [[stderr, "Local", "Peer"], [
      cluster.serverSaid("b"),
      "Peer",
      "Local",
    ]]
  ) {
    assert.match(text!, new RegExp(`${me}> HELLO a\\.demo$`, "m"));
    assert.match(text!, new RegExp(`${other}> OK \\(cmd_finished\\)\\.$`, "m"));
    assert.match(text!, new RegExp(`${me}> SIG \\*\\*\\* ${cluster.mount}/f$`, "m"));
  }
  assert.ok(stderr.includes("\nLocal> BYE\nPeer> OK (cu_later).\n"), stderr);
});

Deno.test("-ii tells at -v where it listens, who comes and what they change", async () => {
  await using cluster = new Cluster({ nodes: { a: OURS, b: OURS } });
  cluster.change("a", "echo 1 > f");
  const server = cluster.spawn("b", ["-ii", "-v"]);
  const out = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  // The daemon line comes when it listens, and is all of standard output.
  assert.equal((await out.read()).value, "Csync2 daemon running. Waiting for connections.\n");
  assert.equal((await cluster.run("a", "-x")).rc, 0);
  server.kill("SIGTERM");
  const { code } = await server.status;
  assert.equal(code, 0);
  assert.equal((await out.read()).done, true);
  const said = await new Response(server.stderr).text();
  assert.ok(said.includes(`Listening on 127.2.2.2:${cluster.port} as b.demo.\n`), said);
  assert.match(said, /^<1> New connection from 127\.2\.2\.1:\d+\.$/m);
  assert.ok(said.includes(`<1> Updated ${cluster.mount}/f from a.demo.\n`), said);
});

Deno.test("-u tells at -vv which marks it skips, as no group covers them", async () => {
  await using cluster = await serving([]);
  const { mount } = cluster;
  assert.equal((await cluster.run("a", "-x")).rc, 0);
  cluster.change("a", "echo 1 > x.old");
  for (const name of ["x.old", "gone.old"]) {
    sql(cluster, `insert into dirty values ('${mount}/${name}', 0, 'a.demo', 'b.demo')`);
  }
  cluster.configure("a", ["include @;", "exclude *.old;"]);
  const { rc, stderr } = await cluster.run("a", "-u", "-vv");
  assert.equal(rc, 0, stderr);
  const said = stderr.split("\n").filter((line) => line.startsWith("Skipping"));
  assert.deepEqual(said, [
    `Skipping deletion ${mount}/gone.old on b.demo - not in my groups.`,
    `Skipping file update ${mount}/x.old on b.demo - not in my groups.`,
  ]);
  assert.equal((await cluster.run("a", "-u")).stderr.includes("Skipping"), false);
});

Deno.test("an unusable key is told with the names of the files, and no peer gets anything", async () => {
  await using cluster = new Cluster({ nodes: { a: OURS, b: OURS }, plain: false });
  cluster.change("a", "echo 1 > f");
  await cluster.start("b");
  const etc = `${cluster.base}/a/etc`;
  Deno.writeTextFileSync(`${etc}/csync2_ssl_key.pem`, "no key\n", { mode: 0o600 });
  const { rc, stderr } = await cluster.run("a", "-x");
  assert.equal(rc, 1);
  const text = `SSL: failed to use key file ${etc}/csync2_ssl_key.pem and/or certificate file ` +
    `${etc}/csync2_ssl_cert.pem: Cannot make a certificate for the key: `;
  assert.ok(stderr.includes(`ERROR: Connection to remote host \`b.demo' failed. (${text}`), stderr);
  assert.equal(cluster.dump("b").includes("./f"), false);
});
