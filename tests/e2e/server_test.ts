/** The server as a process: how it is started, ended, and what it demands of clients. */
import assert from "node:assert/strict";
import { ensureIdentity } from "../../src/net/mod.ts";
import { Cluster, type ClusterOptions, type Ran } from "../support/cluster.ts";
import { caller, member } from "../support/raw_peer.ts";
import { literal, type Typist } from "../support/serving.ts";
import { type Spawned, superServer } from "../support/spawner.ts";

const OURS = { kind: "ours" } as const;
const OK = "OK (cmd_finished).";
const QUIET: Ran = { rc: 0, stdout: "", stderr: "" };
const DEADLINE_MS = 15_000;

function pair(options: Partial<ClusterOptions> = {}): Cluster {
  return new Cluster({ nodes: { a: OURS, b: OURS }, ...options });
}

/** A server whose output and end are looked at; `-v` tells when it listens. */
class Server implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #err: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(cluster: Cluster, mode: string) {
    this.#child = cluster.spawn("b", [mode, "-v"]);
    void this.#child.stdout.cancel();
    this.#err = this.#child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  }

  async said(what: string): Promise<void> {
    while (!this.#text.includes(what)) {
      const { value, done } = await this.#err.read();
      if (done) throw new Error(`Ended without "${what}": ${this.#text}`);
      this.#text += value;
    }
  }

  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  /** Exit code, or the signal that ended it; how long it took. */
  async ended(): Promise<{ how: number | string; ms: number; text: string }> {
    const began = performance.now();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), DEADLINE_MS);
    const { code, signal } = await this.#child.status;
    clearTimeout(timer);
    for (let next; !(next = await this.#err.read()).done;) this.#text += next.value;
    return { how: signal ?? code, ms: performance.now() - began, text: this.#text };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch { /* it has ended */ }
    await this.#child.status;
    await this.#err.cancel();
  }
}

async function listening(cluster: Cluster, mode = "-ii"): Promise<Server> {
  const server = new Server(cluster, mode);
  await server.said("Listening on");
  return server;
}

/** Waits until the server of b takes no new connections: it has noticed a signal. */
async function takesNobody(cluster: Cluster): Promise<void> {
  for (const endMs = performance.now() + DEADLINE_MS;;) {
    try {
      await (await caller(cluster))[Symbol.asyncDispose]();
    } catch {
      return;
    }
    assert.ok(performance.now() < endMs, "the server still takes connections");
    await new Promise((r) => setTimeout(r, 20));
  }
}

function content(cluster: Cluster, name: string): string {
  return Deno.readTextFileSync(`${cluster.tree("b")}/${name}`);
}

function leftOvers(cluster: Cluster): string[] {
  return [...Deno.readDirSync(cluster.tree("b"))].map((e) => e.name).filter((n) => /^\./.test(n));
}

Deno.test("-iii serves one connection and ends with 0", async () => {
  await using cluster = pair();
  cluster.change("a", "echo 1 > f");
  await using server = await listening(cluster, "-iii");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  assert.equal((await server.ended()).how, 0);
  assert.equal(content(cluster, "f"), "1\n");
  const { rc, stderr } = await cluster.run("a", "-xF");
  assert.equal(rc, 0, stderr); // nothing is marked: nobody is called
});

/** Our server, started by inetd or systemd at an address of its own. */
async function started(
  cluster: Cluster,
  { by, mode }: { by: "inetd" | "systemd"; mode: string },
): Promise<Spawned> {
  const env = Object.entries(cluster.environment("b")).map(([name, value]) => `${name}=${value}`);
  const words = ["env", ...env, ...cluster.words("b", [mode])];
  return await superServer(by, { host: "127.31.4.1", words });
}

/** Content of a file that a process makes in its own time. */
async function appears(path: string): Promise<string> {
  for (let waited = 0; waited < DEADLINE_MS; waited += 20) {
    try {
      const text = Deno.readTextFileSync(path);
      if (text !== "") return text;
    } catch { /* not yet */ }
    await new Promise((r) => setTimeout(r, 20));
  }
  throw new Error(`${path} does not appear`);
}

async function callAt(port: string): Promise<Typist> {
  return await caller({ port: Number(port) }, { from: "127.2.2.1", to: "127.31.4.1" });
}

Deno.test("-i serves the connection of a super-server, with actions and nothing else on it", async () => {
  const exec = 'action { exec "echo to stdout; echo to stderr >&2; echo ran >> $NODE/log/ran"; }';
  await using cluster = pair({ group: ["include @;", exec] });
  await using inetd = await started(cluster, { by: "inetd", mode: "-i" });
  const typist = await callAt(inetd.port);
  await typist.expect("CONFIG ", OK);
  await typist.expect("HELLO a.demo", OK);
  assert.equal(await typist.patch(`${cluster.mount}/f`, literal("hello")), OK);
  await typist.expect("BYE", "OK (cu_later).");
  assert.equal(await typist.line(), undefined, "no output of the action reaches the peer");
  assert.equal(content(cluster, "f"), "hello");
  assert.equal(await appears(`${cluster.base}/b/log/ran`), "ran\n");
});

Deno.test("D 7.4.11 -i answers the lock file in the protocol", async () => {
  await using cluster = pair();
  Deno.writeTextFileSync(`${cluster.base}/b/etc/csync2.lock`, "");
  await using inetd = await started(cluster, { by: "inetd", mode: "-i" });
  await using typist = await callAt(inetd.port);
  await typist.expect("CONFIG ", `Found ${cluster.base}/b/etc/csync2.lock`);
  assert.equal(await typist.line(), undefined);
});

Deno.test("-ii and -iii listen on the socket that systemd passes", async () => {
  for (const mode of ["-ii", "-iii"]) {
    await using cluster = pair();
    await using systemd = await started(cluster, { by: "systemd", mode });
    for (const name of mode === "-ii" ? ["f", "g"] : ["f"]) {
      await using typist = await callAt(systemd.port);
      await typist.expect("CONFIG ", OK);
      await typist.expect("HELLO a.demo", OK);
      assert.equal(await typist.patch(`${cluster.mount}/${name}`, literal(mode)), OK);
      await typist.expect("BYE", "OK (cu_later).");
    }
    if (mode === "-iii") await systemd.output(); // ends by itself
    assert.equal(content(cluster, "f"), mode);
  }
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} lets the file in hand arrive, takes no new connections, and exits 0`, async () => {
    await using cluster = pair();
    await using server = await listening(cluster);
    await using idle = await member(cluster);
    await using typist = await member(cluster);
    await typist.expect(`PATCH ${typist.key} ${cluster.mount}/f`, "OK (send_data).");
    await typist.stream();
    const delta = literal("x".repeat(50_000));
    await typist.send(`octet-stream ${delta.length}\n`);
    await typist.send(delta.subarray(0, 1_000));
    await new Promise((r) => setTimeout(r, 100));
    server.signal(signal);
    await takesNobody(cluster);
    await typist.send(delta.subarray(1_000));
    assert.equal(await typist.line(), OK);
    await typist.expect(`SETMOD ${typist.key} ${cluster.mount}/f 33200`, OK);
    const { how, ms } = await server.ended();
    assert.equal(how, 0);
    assert.ok(ms < 10_000, `${ms}`); // a silent connection is waited for longer
    assert.equal(content(cluster, "f").length, 50_000);
    assert.deepEqual(leftOvers(cluster), []);
    assert.equal(await idle.line().catch(() => undefined), undefined);
  });
}

Deno.test("a signal ends a check at once, and a push after the file in hand; neither with success", async () => {
  await using cluster = pair();
  cluster.change(
    "a",
    `for d in $(seq 15); do mkdir $d; (cd $d;
    for f in $(seq 200); do : > $f; done); done`,
  );
  const interrupted = async (args: string[], signal: Deno.Signal, isUnderWay: () => boolean) => {
    const child = cluster.spawn("a", args);
    const output = child.output();
    while (!isUnderWay()) await new Promise((r) => setTimeout(r, 5));
    child.kill(signal);
    const { code, signal: by, stderr } = await output;
    return { how: by ?? code, stderr: new TextDecoder().decode(stderr) };
  };
  const database = `${cluster.base}/a/db/a.demo.db3-wal`;
  const sizeOf = (path: string) => {
    try {
      return Deno.statSync(path).size;
    } catch {
      return 0;
    }
  };
  const check = await interrupted(["-cr", "/"], "SIGINT", () => sizeOf(database) > 100_000);
  assert.deepEqual(check, { how: "SIGINT", stderr: "" });
  assert.deepEqual(await cluster.run("a", "-cr", "/"), QUIET);
  await cluster.start("b");
  // In the fast dialect all of it would be in hand.
  const some = ["-ur", "--classic", "@/1", "@/2", "@/3"];
  const arrived = () => [...Deno.readDirSync(cluster.tree("b"))].length > 1;
  const push = await interrupted(some, "SIGTERM", arrived);
  assert.equal(push.how, 1);
  assert.match(push.stderr, /^ERROR: Stopped by a signal.*\nFinished with 1 errors\.\n$/);
  await cluster.stop("b");
  assert.deepEqual(leftOvers(cluster), []);
  const left = async () =>
    (await cluster.run("a", "-M")).stdout.match(/mount\/[123](\/|$)/gm) ?? [];
  assert.ok((await left()).length > 0);
  await cluster.start("b");
  assert.deepEqual(await cluster.run("a", ...some), QUIET);
  assert.deepEqual(await left(), []);
});

Deno.test("a second signal ends the server at once, and the next start repairs", async () => {
  await using cluster = pair();
  cluster.change("b", "echo old > f");
  assert.deepEqual(await cluster.run("b", "-cIr", "/"), QUIET);
  await using server = await listening(cluster);
  await using typist = await member(cluster);
  await typist.expect(`PATCH ${typist.key} ${cluster.mount}/f`, "OK (send_data).");
  await typist.stream();
  await typist.send("octet-stream 1000\nrs\x02\x36");
  await new Promise((r) => setTimeout(r, 100));
  server.signal("SIGTERM");
  await takesNobody(cluster);
  server.signal("SIGTERM");
  const { how, ms } = await server.ended();
  assert.equal(how, 143);
  assert.ok(ms < 10_000, `${ms}`); // a silent connection is waited for longer
  assert.equal(content(cluster, "f"), "old\n");
  await using again = await listening(cluster);
  await using next = await member(cluster);
  await next.expect("BYE", "OK (cu_later).");
  assert.deepEqual(leftOvers(cluster), []);
  again.signal("SIGTERM");
  assert.equal((await again.ended()).how, 0);
});

Deno.test("D 7.5.5 50 connections at once are served; too many from one address are told so", async () => {
  await using cluster = pair();
  await using _server = await listening(cluster);
  const open = async (from: string) => await caller(cluster, { from, to: "b.demo" });
  const all: Typist[] = [];
  try {
    const froms = Array.from({ length: 50 }, (_, n) => `127.31.5.${n % 25 + 1}`);
    all.push(...await Promise.all(froms.map(open)));
    await Promise.all(all.map((typist) => typist.expect("CONFIG ", OK)));
    await Promise.all(
      all.map((typist) => typist.expect("HELLO c.demo", "Identification failed!")),
    );
    const many = await Promise.all(Array.from({ length: 40 }, () => open("127.31.6.1")));
    all.push(...many);
    const answers = await Promise.all(many.map((typist) => typist.ask("CONFIG ").catch(() => "")));
    assert.equal(answers.filter((answer) => answer === OK).length, 32);
    assert.equal(
      answers.filter((answer) =>
        answer !== OK && answer !== "Too many connections." && answer !== ""
      ).length,
      0,
    );
    await Promise.all(all.slice(0, 50).map((typist) => typist.expect("BYE", "OK (cu_later).")));
  } finally {
    for (const typist of all) await typist[Symbol.asyncDispose]();
  }
});

Deno.test("D 7.5.5 a port in use is told with its cause, and exits with 1", async () => {
  await using cluster = pair();
  await using _server = await listening(cluster);
  const { rc, stdout, stderr } = await cluster.run("b", "-ii");
  assert.deepEqual([rc, stdout], [1, ""]);
  assert.match(stderr, /^Server error: .*(in use|EADDRINUSE)/);
  const elsewhere = await cluster.run("b", "-ii", "-N", "192.0.2.1");
  assert.equal(elsewhere.rc, 1);
  assert.match(elsewhere.stderr, /^Server error: .*192\.0\.2\.1/);
  assert.doesNotMatch(elsewhere.stderr, /in use/);
});

Deno.test("an unknown name of our own or of a peer is told with the name", async () => {
  await using cluster = pair({ hosts: "a.demo nowhere.invalid" });
  const own = await cluster.run("b", "-ii", "-N", "nowhere.invalid");
  assert.equal(own.rc, 1);
  assert.match(own.stderr, /^Server error: .*nowhere\.invalid/);
  cluster.change("a", "echo 1 > f");
  const peer = await cluster.run("a", "-x");
  assert.equal(peer.rc, 1);
  assert.match(peer.stderr, /ERROR: .*nowhere\.invalid.*\nFinished with 1 errors\.\n$/);
});

function identityFiles(cluster: Cluster, node: string): string[] {
  const modes: string[] = [];
  for (const kind of ["key", "cert"]) {
    const path = `${cluster.base}/${node}/etc/csync2_ssl_${kind}.pem`;
    try {
      modes.push((Deno.lstatSync(path).mode! & 0o7777).toString(8));
    } catch { /* not made */ }
  }
  return modes;
}

Deno.test("key and certificate are made on first use, for their owner alone, and kept", async () => {
  await using cluster = pair({ plain: false });
  cluster.change("a", "echo 1 > f");
  await cluster.start("b");
  assert.deepEqual(identityFiles(cluster, "b"), [], "nobody asked for TLS yet");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  for (const node of ["a", "b"]) assert.deepEqual(identityFiles(cluster, node), ["600", "600"]);
  await cluster.stop("b");
  await cluster.start("b");
  cluster.change("a", "echo 2 > f");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET, "the pins still fit");
});

Deno.test("--make-cert makes P-256, v3, with mode 0600, and leaves what is there alone", async () => {
  await using cluster = pair({ plain: false });
  const first = await cluster.run("b", "--make-cert");
  assert.equal(first.rc, 0, first.stderr);
  assert.deepEqual(identityFiles(cluster, "b"), ["600", "600"]);
  const cert = `${cluster.base}/b/etc/csync2_ssl_cert.pem`;
  const { stdout } = new Deno.Command("openssl", {
    args: ["x509", "-in", cert, "-noout", "-text"],
  }).outputSync();
  const text = new TextDecoder().decode(stdout);
  assert.match(text, /Version: 3/);
  assert.match(text, /prime256v1|P-256/);
  const before = Deno.readTextFileSync(cert);
  assert.equal((await cluster.run("b", "--make-cert")).rc, 0);
  assert.equal(Deno.readTextFileSync(cert), before);
});

Deno.test("plain text needs a nossl line on both sides", async () => {
  await using cluster = pair({ plain: false });
  const path = (node: string) => `${cluster.base}/${node}/etc/csync2.cfg`;
  const nossl = (node: string) =>
    Deno.writeTextFileSync(path(node), `nossl * *;\n${Deno.readTextFileSync(path(node))}`);
  cluster.change("a", "echo 1 > f");
  await cluster.start("b");
  nossl("a"); // a asks in plain text, b demands TLS
  const refused = await cluster.run("a", "-x");
  assert.equal(refused.rc, 1);
  assert.match(refused.stderr, /SSL encrypted connection expected!/);
  assert.throws(() => content(cluster, "f"));
  nossl("b");
  assert.deepEqual(await cluster.run("a", "-u"), QUIET);
  assert.deepEqual([identityFiles(cluster, "a"), identityFiles(cluster, "b")], [[], []]);
  cluster.configure("a"); // a wants TLS, b allows both
  cluster.change("a", "echo 2 > f");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  assert.equal(content(cluster, "f"), "2\n");
});

Deno.test("a group key that differs is a refusal that names the file", async () => {
  await using cluster = pair();
  await ensureIdentity(`${cluster.base}/b/etc`, { commonName: "b.demo" });
  Deno.writeTextFileSync(`${cluster.base}/b/etc/demo.key`, `${"k".repeat(64)}\n`);
  cluster.change("a", "echo 1 > f");
  await cluster.start("b");
  const { rc, stdout, stderr } = await cluster.run("a", "-x");
  assert.deepEqual([rc, stdout], [1, ""]);
  assert.match(stderr, new RegExp(`${cluster.mount}.* on b\\.demo failed: Permission denied!`));
  assert.throws(() => content(cluster, "f"));
});

Deno.test("two clients at once, one of them pushing the other's file, end with one content", async () => {
  await using cluster = new Cluster({ nodes: { a: OURS, b: OURS, c: OURS } });
  await cluster.start("b");
  for (const node of ["a", "c"]) {
    cluster.change(node, `for i in $(seq 60); do echo ${node} > f$i; done`);
  }
  const runs = await Promise.all([
    cluster.run("a", "-x", "-P", "b.demo"),
    cluster.run("c", "-x", "-P", "b.demo"),
  ]);
  for (const { rc, stderr } of runs) assert.ok(rc === 0 || /^ERROR: Updating/.test(stderr), stderr);
  for (let i = 1; i <= 60; i++) assert.match(content(cluster, `f${i}`), /^[ac]\n$/);
  assert.deepEqual(leftOvers(cluster), []);
});
