/**
 * Hostile clients against a running server, hostile servers against a running client: real processes, real
 * files. Numbers are those of docs/spec: W for wire-protocol.md chapter 20, D for config-cli-db.md chapter 7.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { connectPeer, ProtocolError } from "../../src/protocol/mod.ts";
import { connect, makeCertificate, NetError } from "../../src/net/mod.ts";
import { Cluster, KEY } from "../support/cluster.ts";
import { caller, FakeServer, member, secureCaller } from "../support/raw_peer.ts";
import { literal } from "../support/serving.ts";

const OURS = { kind: "ours" } as const;
const TWO = { nodes: { a: OURS, b: OURS } };
const OK = "OK (cmd_finished).";
/** Commands that change something, with what stands behind the name. */
const CHANGES = [
  ["DEL", ""],
  ["MKDIR", ""],
  ["MKFIFO", ""],
  ["MKLINK", " x"],
  ["SETMOD", " 33279"],
  ["SETOWN", " 7 7"],
  ["SETIME", " 7"],
  ["PATCH", ""],
] as const;

/** A running server on b over a tree that `script` made and b knows. */
async function serving(
  script: string,
  options: Partial<ConstructorParameters<typeof Cluster>[0]> = {},
) {
  const cluster = new Cluster({ ...TWO, ...options });
  cluster.change("b", script);
  assert.equal((await cluster.run("b", "-cIr", "/")).rc, 0);
  await cluster.start("b");
  return cluster;
}

function content(cluster: Cluster, name: string): string {
  return Deno.readTextFileSync(`${cluster.tree("b")}/${name}`);
}

/** Names in the tree of b, hidden ones included. */
function names(cluster: Cluster): string[] {
  return [...Deno.readDirSync(cluster.tree("b"))].map((e) => e.name).sort();
}

function pins(cluster: Cluster, node: string): unknown[] {
  using db = new DatabaseSync(`${cluster.base}/${node}/db/${node}.demo.db3`, { readOnly: true });
  return db.prepare("select peername from x509_cert order by 1").all().map((row) => row.peername);
}

Deno.test("W 20.5 plain text in front of a handshake never becomes a command", async () => {
  await using cluster = await serving("echo keep > f", { plain: false });
  const commands = `CONFIG \nHELLO a.demo\nDEL ${KEY} ${cluster.mount}/f\n`;
  await using typist = await caller(cluster);
  await typist.send(`SSL\n${commands}`);
  const answers: string[] = [];
  try {
    for (let line; (line = await typist.line()) !== undefined;) answers.push(line);
  } catch (error) {
    assert.ok(error instanceof NetError);
  }
  assert.ok(
    answers.length <= 1 && answers.every((a) => a === "OK (activating_ssl)."),
    `${answers}`,
  );
  assert.equal(content(cluster, "f"), "keep\n");
});

Deno.test("W 20.6 only hosts of a group are pinned, and the first contact counts", async () => {
  await using cluster = await serving("true", { plain: false });
  const [mine, other] = [
    await makeCertificate({ commonName: "m" }),
    await makeCertificate({ commonName: "o" }),
  ];
  const hello = async (from: string, identity: typeof mine) => {
    await using typist = await secureCaller(cluster, { from, identity });
    await typist.expect("CONFIG ", OK);
    return await typist.ask(`HELLO ${from}`);
  };
  await hello("c.demo", mine);
  assert.deepEqual(pins(cluster, "b"), []);
  assert.equal(await hello("a.demo", mine), OK);
  assert.equal(await hello("a.demo", other), "Identification failed!");
  assert.equal(await hello("a.demo", mine), OK);
  assert.deepEqual(pins(cluster, "b"), ["a.demo"]);
});

Deno.test("W 20.7 a name needs its address, plain text a nossl line, a key a secure peer", async () => {
  await using cluster = await serving("echo 1 > f", { plain: false });
  await using typist = await caller(cluster, { from: "c.demo" });
  await typist.expect("CONFIG ", OK);
  await typist.expect("HELLO a.demo", "Identification failed!");
  await typist.expect("HELLO c.demo", "SSL encrypted connection expected!");
  for (const word of ["SIG", "TYPE", "DEL", "MKDIR", "FLUSH"]) {
    const answer = await typist.ask(`${word} ${KEY} ${cluster.mount}/f`);
    assert.doesNotMatch(answer ?? "", /^OK/, word);
  }
  assert.equal(content(cluster, "f"), "1\n");
  await cluster.stop("b");

  await using liar = await FakeServer.start(
    cluster,
    () => "This csync2 server is built without SSL support.\n",
  );
  cluster.change("a", "echo 2 > f");
  const { rc, stderr } = await cluster.run("a", "-x");
  assert.equal(rc, 1);
  assert.match(stderr, /b\.demo/);
  assert.deepEqual(liar.heard, ["SSL"], "no name and no key went out in clear");
});

Deno.test("W 20.10 errors tell their own reason, never Success", async () => {
  await using cluster = await serving("echo 1 > f; mkdir d; echo 2 > d/g; ln -s f l");
  await using typist = await member(cluster);
  const at = (name: string) => `${KEY} ${cluster.mount}/${name}`;
  const answers = [
    await typist.ask(`SIG ${at("no/x")}`),
    await typist.ask(`DEL ${at("d")}`),
    await typist.ask(`MKDIR ${at("f/x")}`),
    await typist.ask(`MKLINK ${at("d")} target`),
    await typist.ask(`SETMOD ${at("l")} 33188`),
    await typist.patch(`${cluster.mount}/f`, "no delta at all"),
    await typist.patch(`${cluster.mount}/no/x`, literal("x")),
    await typist.patch(`${cluster.mount}/d`, literal("x")),
    await typist.ask(`MKCHR ${at("n")}`),
  ];
  for (const answer of answers) {
    assert.match(answer ?? "", /^[A-Z][A-Za-z].{3,200}$/);
    assert.doesNotMatch(answer!, /^OK \(cmd|Success/);
  }
  await typist.expect(`MKDIR ${at("still")}`, OK);
  assert.equal(content(cluster, "d/g"), "2\n");
  assert.equal(content(cluster, "f"), "1\n");
});

Deno.test("W 20.12 a silent connection holds neither database nor other clients", async () => {
  await using cluster = await serving("echo 1 > f");
  await using silent = await member(cluster);
  await silent.expect(`PATCH ${KEY} ${cluster.mount}/f`, "OK (send_data).");
  await silent.stream();
  await silent.send("octet-stream 1000000\nonly a beginning");
  await using alsoSilent = await caller(cluster);
  await alsoSilent.send("CONFI");
  cluster.change("a", "echo 2 > g");
  cluster.change("b", "echo 3 > h");
  const began = performance.now();
  const runs = await Promise.all([cluster.run("a", "-x"), cluster.run("b", "-cr", "/")]);
  assert.deepEqual(runs.map(({ rc, stderr }) => [rc, stderr]), [[0, ""], [0, ""]]);
  assert.ok(performance.now() - began < 100_000);
  assert.deepEqual([content(cluster, "f"), content(cluster, "g")], ["1\n", "2\n"]);
});

Deno.test("W 20.16 names that leave the tree are refused by every command", async () => {
  await using cluster = await serving("mkdir d; echo 1 > d/f");
  const outside = `${cluster.base}/outside`;
  Deno.writeTextFileSync(outside, "secret");
  await using typist = await member(cluster);
  const escapes = [
    "/../../outside",
    "/d/../../../outside",
    "//d/f",
    "/./d/f",
    "/d/f/",
    "/d/f%00",
    "/d/%2e%2e/%2e%2e/outside",
  ];
  for (
    const escape of [
      ...escapes.map((e) => cluster.mount + e),
      `/.${cluster.mount}/d/f`,
      "d/f",
      outside,
    ]
  ) {
    for (const [word, more] of [...CHANGES, ["SIG", ""], ["TYPE", ""], ["GETTM", ""]]) {
      const answer = await typist.ask(`${word} ${KEY} ${escape}${more}`);
      assert.doesNotMatch(answer ?? "", /^OK/, `${word} ${escape}`);
    }
  }
  assert.equal(Deno.readTextFileSync(outside), "secret");
  assert.equal(content(cluster, "d/f"), "1\n");
});

Deno.test("W 20.17 no command passes a link in the place of a directory", async () => {
  await using cluster = await serving("mkdir real");
  const outside = `${cluster.base}/outside`;
  Deno.mkdirSync(`${outside}/sub`, { recursive: true });
  Deno.writeTextFileSync(`${outside}/f`, "secret");
  Deno.symlinkSync(outside, `${cluster.tree("b")}/out`);
  const before = Deno.lstatSync(`${outside}/f`);
  await using typist = await member(cluster);
  await typist.expect(`MKLINK ${KEY} ${cluster.mount}/made ${outside}`, OK);
  const names = ["out", "made"].flatMap((link) =>
    ["f", "sub", "new", "sub/new"].map((name) => `${link}/${name}`)
  );
  for (const name of names) {
    const at = `${KEY} ${cluster.mount}/${name}`;
    for (const [word, more] of CHANGES) {
      const answer = await typist.ask(`${word} ${at}${more}`);
      // The name stands for nothing: that is what its removal asks for.
      if (word === "DEL") assert.equal(answer, OK);
      else assert.match(answer ?? "", /symbolic link/, `${word} ${name}`);
    }
    const sig = [await typist.ask(`SIG ${at}`), await typist.line(), await typist.line()];
    assert.deepEqual(sig, ["OK (not_found).", "---", "octet-stream 0"]);
    await typist.line();
    await using reader = await member(cluster);
    await reader.expect(`TYPE ${at}`, "OK (data_follows).");
    assert.equal(await reader.line(), undefined, "a name that stands for nothing has no content");
  }
  assert.deepEqual([...Deno.readDirSync(outside)].map((e) => e.name).sort(), ["f", "sub"]);
  assert.deepEqual(Deno.lstatSync(`${outside}/f`), before);
});

Deno.test("W 20.18 a link at the end is not followed, a FIFO is not opened", async () => {
  await using cluster = await serving("mkfifo p; mknod z c 1 5");
  const outside = `${cluster.base}/outside`;
  Deno.writeTextFileSync(outside, "secret");
  const before = Deno.lstatSync(outside);
  await using typist = await member(cluster);
  const at = (name: string) => `${KEY} ${cluster.mount}/${name}`;
  await typist.expect(`MKLINK ${at("l")} ${outside}`, OK);
  await typist.expect(`SETOWN ${at("l")} 7 7`, OK);
  await typist.ask(`SETMOD ${at("l")} 33279`);
  await typist.ask(`SETIME ${at("l")} 7`);
  for (const name of ["l", "p", "z"]) {
    assert.doesNotMatch(await typist.ask(`TYPE ${at(name)}`) ?? "", /^OK/, name);
  }
  assert.deepEqual(Deno.lstatSync(outside), before);
  assert.equal(Deno.lstatSync(`${cluster.tree("b")}/l`).uid, 7);
});

/** What a client does after `OK (send_data).` and the signature, instead of sending a delta. */
const ABORTS = {
  "closes the connection": "",
  "stops within the delta": "octet-stream 1000\nrs\x02\x36",
  "sends no delta": "octet-stream 5\nhello",
  "sends ERROR": "ERROR\n",
};
for (const [what, said] of Object.entries(ABORTS)) {
  Deno.test(`W 20.19 W 20.20 W 20.21 the old object stays whole when a client ${what}`, async () => {
    await using cluster = await serving("echo old > f; mkdir e; ln -s f l; mkfifo p; chmod 640 f");
    const before = cluster.dump("b", { time: "nanos" });
    const temporary = () =>
      [...Deno.readDirSync("/tmp")].map((e) => e.name).filter((n) =>
        /^\.(f|e|l|p|new|x)\./.test(n)
      );
    const strays = temporary();
    for (const name of ["f", "e", "l", "p", "new", "no/x"]) {
      await using typist = await member(cluster);
      const first = await typist.ask(`PATCH ${KEY} ${cluster.mount}/${name}`);
      if (first !== "OK (send_data).") {
        assert.equal(name, "no/x");
        continue;
      }
      await typist.stream();
      await typist.send(said);
      if (said === "" || said.length > 20) await typist.duplex.end();
      else assert.doesNotMatch(await typist.line() ?? "closed", /^OK/);
    }
    await cluster.stop("b"); // all connections have ended
    assert.equal(cluster.dump("b", { time: "nanos" }), before);
    assert.deepEqual(temporary(), strays);
  });
}

Deno.test("W 20.22 the live file is replaced whole, whatever tempdir says", async () => {
  const elsewhere = Deno.makeTempDirSync({ dir: "/dev/shm", prefix: "csync2-tempdir-" });
  try {
    await using cluster = await serving("echo old > f", { top: [`tempdir ${elsewhere};`] });
    Deno.linkSync(`${cluster.tree("b")}/f`, `${cluster.base}/witness`);
    await using typist = await member(cluster);
    assert.equal(await typist.patch(`${cluster.mount}/f`, literal("brand new")), OK);
    assert.equal(content(cluster, "f"), "brand new");
    assert.equal(Deno.readTextFileSync(`${cluster.base}/witness`), "old\n", "not written into");
    assert.deepEqual([...Deno.readDirSync(elsewhere)], []);
    assert.deepEqual(names(cluster), ["f"]);
  } finally {
    Deno.removeSync(elsewhere, { recursive: true });
  }
});

/** Servers that close the connection at a certain line; the client goes on as if that host were down. */
const CLOSERS: Record<string, RegExp> = {
  "at once": /^/,
  "at HELLO": /^HELLO/,
  "at the first request": /^SIG/,
  "before the delta": /^(ATOMIC)?PATCH/,
};
for (const [when, at] of Object.entries(CLOSERS)) {
  Deno.test(`D 7.5.2 W 20.31 a server that closes ${when} is an error, and nothing is lost`, async () => {
    await using cluster = new Cluster(TWO);
    cluster.change("a", "head -c 3000000 /dev/urandom > big; echo 1 > f; mkdir d; echo 2 > d/g");
    assert.equal((await cluster.run("a", "-cr", "/")).rc, 0);
    const marks = (await cluster.run("a", "-M")).stdout;
    await using server = await FakeServer.start(cluster, (line) => {
      if (at.test(line)) return "hang up";
      if (/^SIG/.test(line)) return `OK (path_not_found).\noctet-stream 0\n${OK}\n`;
      return /^ATOMICPATCH$/.test(line) ? "Unknown command!\n" : `${OK}\n`;
    });
    const { rc, stdout, stderr } = await cluster.run("a", "-u");
    assert.deepEqual([rc, stdout], [1, ""], stderr);
    assert.match(stderr, /ERROR: .*b\.demo.*\nFinished with 1 errors\.\n$/);
    assert.equal((await cluster.run("a", "-M")).stdout, marks);
    assert.ok(server.heard.length > 0);
  });
}

Deno.test("D 7.5.1 a peer that accepts and stays silent is given up after the deadline", async () => {
  using silent = Deno.listen({ hostname: "127.31.9.1", port: 0 });
  const { port } = silent.addr as Deno.NetAddr;
  const began = performance.now();
  const duplex = await connect({
    host: "127.31.9.1",
    port: `${port}`,
    deadlineMs: 60_000,
    idleMs: 300,
  });
  const held = await silent.accept();
  const tls = { upgrade: () => assert.fail("no answer to SSL"), trust: () => "ok" as const };
  await assert.rejects(
    connectPeer({ duplex, tls, configName: "" }),
    (error) =>
      error instanceof NetError && error.code === "net/timeout" || error instanceof ProtocolError,
  );
  assert.ok(performance.now() - began < 50_000);
  held.close();
});

Deno.test("D 7.4.11 the lock file is answered per connection, and told by the client", async () => {
  await using cluster = await serving("echo 1 > f");
  const lock = `${cluster.base}/b/etc/csync2.lock`;
  Deno.writeTextFileSync(lock, "");
  cluster.change("a", "echo 2 > f");
  const { rc, stderr } = await cluster.run("a", "-x");
  assert.equal(rc, 1);
  assert.ok(stderr.includes(`Found ${lock}`), stderr);
  assert.equal(content(cluster, "f"), "1\n");
  const direct = await caller(cluster);
  await using _closed = direct;
  await direct.expect("CONFIG ", `Found ${lock}`);
  Deno.removeSync(lock);
  assert.deepEqual(await cluster.run("a", "-u"), { rc: 0, stdout: "", stderr: "" });
  assert.equal(content(cluster, "f"), "2\n");
});
