/**
 * The first lines of a connection over TLS between this program and the real csync2, both ways, with
 * every kind of certificate an administrator may have. Needs the packages csync2 and openssl.
 */
import assert from "node:assert/strict";
import {
  connect,
  type Duplex,
  ensureIdentity,
  type Identity,
  listen,
  upgrade,
} from "../../src/net/mod.ts";

const C_HOST = "127.25.5.1", OUR_HOST = "127.25.5.2";
const DEADLINE_MS = 20_000;
const SUBJECT = "/C=AU/ST=Some-State/O=Internet Widgits Pty Ltd";

/** openssl's words that make a key, and a certificate for it. */
interface Recipe {
  name: string;
  key: string[];
  /** v1 comes from `x509 -req` without extensions, v3 from `req -x509`. */
  version: 1 | 3;
  subject?: string;
  days?: string;
}
const RSA_2048 = ["genrsa", "-out", "KEY", "2048"];
const RSA_1024 = ["genrsa", "-out", "KEY", "1024"];
const P256 = ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "KEY"];
const THEIRS: Recipe[] = [
  { name: "RSA-2048 v1", key: RSA_2048, version: 1 },
  { name: "RSA-2048 v3", key: RSA_2048, version: 3 },
  { name: "RSA-1024 v1", key: RSA_1024, version: 1 },
  { name: "P-256 v1", key: P256, version: 1 },
  { name: "P-256 v3", key: P256, version: 3 },
  { name: "P-256 v1, expired", key: P256, version: 1, days: "-1" },
  { name: "P-256 v3, another subject", key: P256, version: 3, subject: "/CN=c.test" },
];
/** The library takes such a key in a v1 certificate, which csync2's recipe makes, but not in this. */
const TOO_SMALL: Recipe = { name: "RSA-1024 v3", key: RSA_1024, version: 3 };
/** Ours: Deno refuses RSA keys below 2048 bits as its own, see upgrade(). */
const OURS = THEIRS.filter(({ name }) => !name.startsWith("RSA-1024"));

/** Every kind of theirs against the identity that we make, and every kind of ours against one of theirs. */
const PAIRINGS: { theirs: Recipe; ours: Recipe | undefined }[] = [
  ...THEIRS.map((theirs) => ({ theirs, ours: undefined })),
  ...OURS.map((ours) => ({ theirs: THEIRS[1]!, ours })),
];

for (const { theirs, ours } of PAIRINGS) {
  const name = `csync2 with ${theirs.name}, ours with ${ours?.name ?? "what we make ourselves"}`;

  Deno.test(`we call ${name}`, async () => {
    await using node = await CNode.make(theirs);
    const identity = await node.ourIdentity(ours);
    for (let round = 0; round < 2; round++) { // the second time csync2 has pinned our certificate
      const { duplex } = await node.called(identity);
      await using encrypted = duplex;
      assert.deepEqual(encrypted.certificate, node.certificate());
      assert.equal(await ask(encrypted, "CONFIG "), "OK (cmd_finished).");
      assert.equal(await ask(encrypted, `HELLO ${OUR_HOST}`), "OK (cmd_finished).");
      assert.equal(await ask(encrypted, "BYE"), "OK (cu_later).");
      // COMPAT: a C server never says close_notify.
      assert.equal(await encrypted.readLine(4_095), undefined);
      await encrypted.end();
    }
  });

  Deno.test(`it calls us: ${name}`, async () => {
    await using node = await CNode.make(theirs);
    const identity = await node.ourIdentity(ours);
    for (let round = 0; round < 2; round++) {
      const { lines, certificate, output } = await node.calls(identity);
      assert.deepEqual(certificate, node.certificate());
      assert.deepEqual(lines.slice(0, 2), ["CONFIG ", `HELLO ${C_HOST}`], output);
      assert.match(lines[2] ?? "", /^SIG /, output);
      assert.equal(lines.at(-1), "BYE", output);
    }
  });
}

Deno.test("upgrade() tells what is wrong with a csync2 that has an RSA-1024 v3 certificate", async () => {
  await using node = await CNode.make(TOO_SMALL);
  const identity = await node.ourIdentity(undefined);
  const refusal = { code: "net/certificate", message: /its RSA key has only 1024 bits/ };
  await assert.rejects(node.called(identity), refusal);
  await assert.rejects(node.calls(identity), refusal);
});

/** A real csync2 with its own directories. */
class CNode implements AsyncDisposable {
  readonly #child = new Set<Deno.ChildProcess>();
  private constructor(readonly base: string) {}

  static async make(recipe: Recipe): Promise<CNode> {
    const base = await Deno.makeTempDir({ prefix: "tls" });
    for (const dir of ["sys", "db", "data", "ours"]) await Deno.mkdir(`${base}/${dir}`);
    await Deno.writeTextFile(
      `${base}/sys/csync2.cfg`,
      `group g { host ${C_HOST} ${OUR_HOST}; key ${base}/sys/key; include ${base}/data; }\n`,
    );
    await Deno.writeTextFile(`${base}/sys/key`, "k".repeat(40) + "\n");
    await Deno.writeTextFile(`${base}/data/file`, "content\n");
    await makeFiles(`${base}/sys`, recipe);
    return new CNode(base);
  }

  async ourIdentity(recipe: Recipe | undefined): Promise<Identity> {
    const dir = `${this.base}/ours`;
    if (recipe !== undefined) await makeFiles(dir, recipe);
    return await ensureIdentity(dir, { commonName: OUR_HOST });
  }

  /** DER of csync2's certificate. */
  certificate(): Uint8Array {
    const pem = Deno.readTextFileSync(`${this.base}/sys/csync2_ssl_cert.pem`);
    const [, body = ""] = /-----BEGIN CERTIFICATE-----([^-]*)-----END/.exec(pem) ?? [];
    return Uint8Array.from(atob(body.replace(/\s/g, "")), (c) => c.charCodeAt(0));
  }

  /** Starts it as a server for one connection, connects and encrypts. */
  async called(identity: Identity): Promise<{ duplex: Duplex }> {
    const port = String(await freePort(C_HOST));
    this.#start(["-iii", "-N", C_HOST, "-p", port]);
    const plain = await retried(() =>
      connect({ host: C_HOST, port, bindAs: OUR_HOST, deadlineMs: DEADLINE_MS })
    );
    assert.equal(await ask(plain, "SSL"), "OK (activating_ssl).");
    const options = { role: "client", ...identity, deadlineMs: DEADLINE_MS } as const;
    return { duplex: await upgrade(plain, options) };
  }

  /** Lets it push to us, and answers just enough. */
  async calls(identity: Identity) {
    using listener = await listen({ host: OUR_HOST, port: "0", idleMs: DEADLINE_MS });
    const port = String(listener.address.port);
    const child = this.#start(["-xr", "-v", "-v", "-N", C_HOST, "-p", port]);
    const output = child.output();
    const { value: plain } = await listener.accept().next() as { value: Duplex };
    assert.equal(await plain.readLine(16_383), "SSL");
    await plain.write("OK (activating_ssl).\n");
    const options = { role: "server", ...identity, deadlineMs: DEADLINE_MS } as const;
    await using duplex = await upgrade(plain, options);
    const lines: string[] = [];
    for (let line; (line = await duplex.readLine(16_383)) !== undefined;) {
      lines.push(line);
      const [word = ""] = line.split(" ");
      await duplex.write(`${REPLIES[word] ?? "Permission denied!"}\n`);
      if (word === "BYE") break;
    }
    await duplex.end();
    const { stdout, stderr } = await output;
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    return { lines, certificate: duplex.certificate, output: text };
  }

  #start(args: string[]): Deno.ChildProcess {
    const child = new Deno.Command("timeout", {
      args: ["60", "csync2", "-D", `${this.base}/db`, ...args],
      env: { CSYNC2_SYSTEM_DIR: `${this.base}/sys` },
      stdin: "null",
      stdout: args[0] === "-iii" ? "null" : "piped",
      stderr: args[0] === "-iii" ? "null" : "piped",
    }).spawn();
    this.#child.add(child);
    return child;
  }

  async [Symbol.asyncDispose]() {
    for (const child of this.#child) {
      try {
        child.kill("SIGTERM");
      } catch { /* it has ended */ }
      await child.status;
    }
    await Deno.remove(this.base, { recursive: true });
  }
}

const REPLIES: Readonly<Record<string, string>> = {
  CONFIG: "OK (cmd_finished).",
  HELLO: "OK (cmd_finished).",
  BYE: "OK (cu_later).",
};

async function ask(duplex: Duplex, line: string): Promise<string | undefined> {
  await duplex.write(`${line}\n`);
  return await duplex.readLine(4_095);
}

/** Key and certificate under csync2's names in `dir`. */
async function makeFiles(dir: string, recipe: Recipe): Promise<void> {
  const { key, version, subject = SUBJECT, days = "600" } = recipe;
  const keyFile = `${dir}/csync2_ssl_key.pem`, certFile = `${dir}/csync2_ssl_cert.pem`;
  const common = ["-subj", subject];
  await openssl(...key.map((word) => word === "KEY" ? keyFile : word));
  if (version === 3) {
    await openssl(
      "req",
      "-new",
      "-x509",
      "-key",
      keyFile,
      ...common,
      "-days",
      days,
      "-out",
      certFile,
    );
    return;
  }
  const request = `${dir}/request`;
  await openssl("req", "-new", "-key", keyFile, ...common, "-out", request);
  const sign = ["-req", "-days", days, "-in", request, "-signkey", keyFile, "-out", certFile];
  await openssl("x509", ...sign);
}

async function openssl(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args, stdin: "null" }).output();
  assert.ok(success, `openssl ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

async function freePort(host: string): Promise<number> {
  using listener = await listen({ host, port: "0" });
  return listener.address.port;
}

/** Until the server listens. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (const endMs = Date.now() + DEADLINE_MS;;) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }
}
