import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { ensureIdentity, makeCertificate, NetError, readIdentity } from "./mod.ts";

const KEY = "csync2_ssl_key.pem", CERT = "csync2_ssl_cert.pem";

Deno.test("makeCertificate() makes P-256, v3, self-signed, with csync2's usual subject", async () => {
  const { key, cert } = await makeCertificate({ commonName: "a.test" });
  const made = new X509Certificate(cert);
  assert.ok(made.checkPrivateKey(createPrivateKey(key)));
  assert.ok(made.verify(made.publicKey));
  assert.match(made.subject, /^C=AU\nST=Some-State\nO=Internet Widgits Pty Ltd$/);
  assert.equal(made.subject, made.issuer);
  assert.equal(made.subjectAltName, "DNS:a.test");
  assert.ok(new Date(made.validTo).getUTCFullYear() > new Date().getUTCFullYear() + 90);
  const other = await makeCertificate({ commonName: "b.test" });
  assert.notEqual(new X509Certificate(other.cert).serialNumber, made.serialNumber);
});

Deno.test("makeCertificate() takes a given key, P-256 or RSA, and refuses others", async () => {
  const pem = { type: "pkcs8", format: "pem" } as const;
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey.export(pem) as string;
  const made = new X509Certificate((await makeCertificate({ commonName: "r", key: rsa })).cert);
  assert.ok(made.checkPrivateKey(createPrivateKey(rsa)) && made.verify(made.publicKey));
  const ed = generateKeyPairSync("ed25519").privateKey.export(pem) as string;
  for (const key of [ed, "no key", ""]) {
    await rejects(makeCertificate({ commonName: "x", key }), /Cannot make a certificate/);
  }
});

Deno.test("ensureIdentity() makes both files once, complete, mode 0600", async () => {
  await using dir = await tempDir();
  const notes: string[] = [];
  assert.equal(await readIdentity(dir.path), undefined);
  const options = { commonName: "a.test", onNote: (text: string) => notes.push(text) };
  const first = await ensureIdentity(dir.path, options);
  assert.deepEqual(await readIdentity(dir.path), first);
  assert.deepEqual(await ensureIdentity(dir.path, options), first);
  assert.deepEqual(names(dir.path), [CERT, KEY]);
  for (const name of names(dir.path)) {
    assert.equal(Deno.statSync(`${dir.path}/${name}`).mode! & 0o7777, 0o600);
  }
  assert.equal(notes.length, 2);
});

Deno.test("ensureIdentity() makes a certificate for a key that is there, of any PEM kind", async () => {
  await using dir = await tempDir();
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const sec1 = privateKey.export({ type: "sec1", format: "pem" }) as string;
  Deno.writeTextFileSync(`${dir.path}/${KEY}`, sec1);
  const { key, cert } = await ensureIdentity(dir.path, { commonName: "a.test" });
  assert.equal(key, sec1);
  assert.ok(new X509Certificate(cert).checkPrivateKey(privateKey));
});

Deno.test("ensureIdentity() does not make a key for a certificate that peers have pinned", async () => {
  await using dir = await tempDir();
  Deno.writeTextFileSync(`${dir.path}/${CERT}`, "pinned");
  await rejects(
    ensureIdentity(dir.path, { commonName: "a" }),
    /csync2_ssl_key\.pem" does not exist/,
  );
  await rejects(readIdentity(dir.path), /csync2_ssl_key\.pem" does not exist/);
  assert.deepEqual(names(dir.path), [CERT]);
});

Deno.test("ensureIdentity() neither follows nor replaces a link", async () => {
  await using dir = await tempDir();
  Deno.symlinkSync(`${dir.path}/elsewhere`, `${dir.path}/${KEY}`);
  await rejects(ensureIdentity(dir.path, { commonName: "a" }), /Cannot read/);
  assert.deepEqual(names(dir.path), [KEY]);
  assert.ok(Deno.lstatSync(`${dir.path}/${KEY}`).isSymlink);
});

Deno.test("ensureIdentity() names what it cannot read or make", async () => {
  await using dir = await tempDir();
  const options = { commonName: "a" };
  await rejects(ensureIdentity(`${dir.path}/missing`, options), /Cannot make ".*missing/);
  Deno.mkdirSync(`${dir.path}/${KEY}`);
  await rejects(ensureIdentity(dir.path, options), /is not a regular file/);
  Deno.removeSync(`${dir.path}/${KEY}`);
  Deno.writeFileSync(`${dir.path}/${KEY}`, new Uint8Array(300_000));
  await rejects(ensureIdentity(dir.path, options), /more than 262144 bytes/);
});

Deno.test("ensureIdentity() of several processes at once agree on one pair", async () => {
  await using dir = await tempDir();
  const script = `import { ensureIdentity } from ${
    JSON.stringify(import.meta.resolve("./mod.ts"))
  }; console.log(JSON.stringify(await ensureIdentity(Deno.args[0], { commonName: "x" })));`;
  Deno.writeTextFileSync(`${dir.path}/race.ts`, script);
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const args = ["run", "-A", "--no-prompt", "--config", config, `${dir.path}/race.ts`, dir.path];
  const runs = Array.from(
    { length: 4 },
    () => new Deno.Command(Deno.execPath(), { args }).output(),
  );
  const pairs = (await Promise.all(runs)).map(({ stdout }) => new TextDecoder().decode(stdout));
  assert.equal(new Set(pairs).size, 1);
  const { key, cert } = JSON.parse(pairs[0]!);
  assert.ok(new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)));
  assert.deepEqual(names(dir.path), [CERT, KEY, "race.ts"]);
});

function names(dir: string): string[] {
  return Array.from(Deno.readDirSync(dir), ({ name }) => name).sort();
}

async function tempDir() {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

async function rejects(work: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof NetError, String(error));
    assert.equal(error.code, "net/identity");
    assert.match(error.message, message);
    return true;
  });
}
