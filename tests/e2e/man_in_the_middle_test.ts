/**
 * Somebody between two hosts who speaks TLS with both, with certificates of his own. Who has the group
 * key finds him at the first contact already; between us and a C program he is what he always was.
 */
import assert from "node:assert/strict";
import { fromBytes } from "../../src/model/mod.ts";
import { connect, type Duplex, listen, makeCertificate, upgrade } from "../../src/net/mod.ts";
import type { Ran } from "../support/cluster.ts";
import { CutBed, type CutBedOptions, sh } from "../support/cut_bed.ts";
import { CutProxy } from "../support/cut_proxy.ts";

const PORTS = { listen: "30865", server: "30866" };
const DEADLINES = { deadlineMs: 20_000, idleMs: 20_000 };
const KEY = "cutcutcutcut";

/** He reads all, and hands it on. */
class Middleman implements AsyncDisposable {
  heard = "";
  connections = 0;
  readonly #stop: AbortController = new AbortController();
  #serving: Promise<void> = Promise.resolve();

  static async between({ client, server }: CutBed): Promise<Middleman> {
    const man = new Middleman();
    const identity = await makeCertificate({ commonName: server.host });
    const listener = await listen({ host: server.host, port: PORTS.listen, ...DEADLINES });
    man.#stop.signal.addEventListener("abort", () => listener[Symbol.dispose]());
    const serve = async (taken: Duplex) => {
      man.connections++;
      assert.equal(await taken.readLine(1_024), "SSL");
      await taken.write("OK (activating_ssl).\n");
      await using near = await upgrade(taken, { role: "server", ...identity, ...DEADLINES });
      const { host } = server, bindAs = client.host;
      const plain = await connect({ host, bindAs, port: PORTS.server, ...DEADLINES });
      await plain.write("SSL\n");
      assert.match(await plain.readLine(1_024) ?? "", /^OK/);
      await using far = await upgrade(plain, { role: "client", ...identity, ...DEADLINES });
      await Promise.all([man.#carry(near, far), man.#carry(far, near)]);
    };
    man.#serving = (async () => {
      const all: Promise<void>[] = [];
      for await (const taken of listener.accept()) all.push(serve(taken).catch(() => {}));
      await Promise.all(all);
    })();
    return man;
  }

  /** Until one of them closes; both are closed then. */
  async #carry(from: Duplex, to: Duplex): Promise<void> {
    try {
      for (let piece; (piece = await from.readSome(65_536)) !== undefined;) {
        this.heard += fromBytes(piece);
        await to.write(piece);
        await to.flush();
      }
    } finally {
      await to.end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#serving;
  }
}

const FILES = {
  tls: true,
  before: "echo old > known; mkdir d",
  change: "echo new > known; echo secret > d/new; touch -d @1600000000 known d/new",
};

async function make(options: Pick<CutBedOptions, "net" | "client" | "server">): Promise<CutBed> {
  const bed = await CutBed.make({ ...FILES, ...options });
  await bed.server.start();
  return bed;
}

/** Without anybody in between. */
async function pushDirectly(bed: CutBed): Promise<Ran> {
  const { client: { host: clientHost }, server: { host } } = bed;
  await using _proxy = await CutProxy.start({
    ...{ host, clientHost, listenPort: Number(PORTS.listen), serverPort: Number(PORTS.server) },
  });
  return await bed.client.run("-u");
}

/** What is refused at a certificate that is known. */
const OTHER = /^ERROR: .*certificate.*\n(?:.*\n)*Finished with 1 errors\.\n$/;

Deno.test("a man in the middle of two of ours: nothing is sent, pinned or told, from the first contact on", async () => {
  await using bed = await make({ net: 80, client: "inner", server: "inner" });
  const { client, server, proxy } = bed;
  const old = server.look(), marks = client.table("dirty");
  await proxy[Symbol.asyncDispose](); // its place is taken
  {
    await using man = await Middleman.between(bed);
    for (const args of [["-u"], ["-u"], ["-T"]]) {
      const { rc, stderr } = await client.run(...args);
      assert.equal(rc, 1);
      const why = `ERROR: remote host ${server.host} did not accept my identification.`;
      assert.ok(stderr.startsWith(why), stderr);
    }
    assert.equal(man.connections, 3);
    assert.match(man.heard, /^CSYNC3 1 [0-9a-f]{64}$/m);
    assert.match(man.heard, /^OK \(csync3 1 [0-9a-f]{64}\)\.$/m);
    for (const secret of [KEY, "secret", "d/new"]) assert.ok(!man.heard.includes(secret), secret);
    assert.deepEqual(server.look(), old);
    assert.deepEqual(client.table("dirty"), marks);
    for (const node of [client, server]) assert.equal((await node.run("--list-certs")).rc, 2);
  }
  const wanted = client.look();
  assert.deepEqual(await pushDirectly(bed), { rc: 0, stdout: "", stderr: "" });
  assert.deepEqual(server.look(), wanted);

  const known = await client.run("--list-certs");
  await using man = await Middleman.between(bed);
  sh('echo newer > "$1/known"', client.tree);
  const { rc, stderr } = await client.run("-x");
  assert.equal(rc, 1);
  assert.match(stderr, OTHER);
  assert.ok(man.connections > 0 && man.heard === "", "not a word to somebody else's certificate");
  assert.deepEqual(server.look(), wanted);
  assert.deepEqual(await client.run("--list-certs"), known);
});

/** The README's way of bringing a certificate, for other names and places. */
function bringCertificate({ base, client, server }: CutBed): void {
  const readme = Deno.readTextFileSync(new URL("../../README.md", import.meta.url));
  const [command] = /^sqlite3 .*insert into x509_cert[^]*?\)"$/m.exec(readme) ?? [];
  assert(command !== undefined);
  const steps = command
    .replace("/var/lib/csync2/one.db3", `${base}/a/db/${client.host}.db3`)
    .replace("'two'", `'${server.host}'`)
    .replace("two.pem", `${base}/b/etc/csync2_ssl_cert.pem`);
  sh(steps);
}

Deno.test("a man in the middle of a first contact hears nothing where the certificate was brought beforehand", async () => {
  await using bed = await make({ net: 83, client: "inner", server: "inner" });
  const { client, server, proxy } = bed;
  bringCertificate(bed);
  await proxy[Symbol.asyncDispose]();
  {
    await using man = await Middleman.between(bed);
    const { rc, stderr } = await client.run("-u");
    assert.equal(rc, 1);
    assert.match(stderr, OTHER);
    assert.ok(man.connections > 0 && man.heard === "", "not a word");
  }
  assert.deepEqual(await pushDirectly(bed), { rc: 0, stdout: "", stderr: "" });
  assert.deepEqual(server.look(), client.look());
});

for (const [net, client, server] of [[81, "inner", "c"], [82, "c", "inner"]] as const) {
  const said = `${client === "c" ? "csync2" : "us"} to ${server === "c" ? "csync2" : "us"}`;
  Deno.test(`a man in the middle of the first contact from ${said} is taken for the peer, as ever`, async () => {
    await using bed = await make({ net, client, server });
    await bed.proxy[Symbol.asyncDispose]();
    {
      await using man = await Middleman.between(bed);
      const { rc, stderr } = await bed.client.run("-u");
      await bed.server.quiet(bed.proxy);
      assert.equal(rc, 0, stderr);
      assert.ok(man.heard.includes(KEY) && man.heard.includes("secret"));
    }
    assert.deepEqual(bed.server.look(), bed.client.look());
    sh('echo newer > "$1/known"', bed.client.tree);
    assert.equal((await bed.client.run("-cr", "/")).rc, 0);
    const now = await pushDirectly(bed);
    assert.notEqual(now.rc, 0, "his certificate was pinned");
    if (bed.client.isOurs) assert.match(now.stderr, OTHER);
    assert.notDeepEqual(bed.server.look(), bed.client.look());
  });
}
