import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Duplex as Stream } from "node:stream";
import { connect, TLSSocket } from "node:tls";
import type { Link } from "./link.ts";
import { LinkDuplex } from "./link_duplex.ts";
import { type Duplex, duplexPair, makeCertificate, NetError, upgrade } from "./mod.ts";
import { TlsEngine } from "./tls_engine.ts";

const DEADLINE_MS = 10_000;
const MINE = await makeCertificate({ commonName: "mine.test" });
const OTHER = await makeCertificate({ commonName: "other.test" });
const SIZES = [1, 16_384, 16_385, 49_152, 49_153, 98_304, 98_305, 300_000];

/** Whether the client and the server leave the streams of node:tls. */
const KINDS = [[true, true], [true, false], [false, true], [false, false]] as const;

async function encrypted(
  [client, server]: readonly [Duplex, Duplex],
  [ours, theirs]: readonly [boolean, boolean] = [true, true],
) {
  const common = { deadlineMs: DEADLINE_MS };
  const both = await Promise.all([
    upgrade(client, { role: "client", ...MINE, ...common, throughStreams: !ours }),
    upgrade(server, { role: "server", ...OTHER, ...common, throughStreams: !theirs }),
  ]);
  const [a, b] = both;
  const close = () => Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
  return { a, b, [Symbol.asyncDispose]: async () => void await close() };
}

async function read(duplex: Duplex, bytes: number): Promise<Uint8Array> {
  const all = new Uint8Array(bytes);
  for (let at = 0; at < bytes;) {
    const piece = await duplex.readSome(bytes - at);
    assert.ok(piece !== undefined, "it ended early");
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

async function send(duplex: Duplex, content: Uint8Array): Promise<void> {
  for (let at = 0, n = 0; at < content.length; n++) {
    const size = SIZES[n % SIZES.length]!;
    await duplex.write(content.subarray(at, at + size));
    at += size;
  }
  await duplex.flush();
}

function noise(bytes: number): Uint8Array {
  const content = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65_536) {
    crypto.getRandomValues(content.subarray(at, at + 65_536));
  }
  return content;
}

for (const kind of KINDS) {
  const name = kind.map((isEngine) => isEngine ? "engine" : "streams").join(" to ");
  Deno.test(`bytes of all lengths come through TLS in both directions at once: ${name}`, async () => {
    await using link = await encrypted(duplexPair(), kind);
    const there = noise(2_000_000), back = noise(1_500_000);
    const [, , gotThere, gotBack] = await Promise.all([
      send(link.a, there),
      send(link.b, back),
      read(link.b, there.length),
      read(link.a, back.length),
    ]);
    assert.ok(Buffer.compare(gotThere, there) === 0 && Buffer.compare(gotBack, back) === 0);
  });

  Deno.test(`lines right behind the handshake are not lost: ${name}`, async () => {
    for (let round = 0; round < 5; round++) {
      const [plainA, plainB] = duplexPair();
      await using link = await encrypted([plainA, plainB], kind);
      await Promise.all([link.a.write("CONFIG\n"), link.b.write("OK\n")]);
      assert.equal(await link.b.readLine(100), "CONFIG");
      assert.equal(await link.a.readLine(100), "OK");
      await link.a.end();
      assert.equal(await link.b.readLine(100), undefined);
    }
  });

  Deno.test(`all that comes in one piece with the last message of the handshake is read: ${name}`, async () => {
    for (const size of [10, 70_000, 400_000]) {
      const [plainA, plainB] = duplexPair() as [LinkDuplex, LinkDuplex];
      const gatherer = new Gatherer(await plainA.detach()), common = { deadlineMs: DEADLINE_MS };
      const content = noise(size);
      const server = { role: "server", ...OTHER, ...common, throughStreams: !kind[1] } as const;
      const client = { role: "client", ...MINE, ...common, throughStreams: !kind[0] } as const;
      const sent = upgrade(plainB, server).then(async (b) => {
        await b.write(content);
        await b.end();
      });
      await using a = await upgrade(new LinkDuplex(gatherer), client);
      assert.ok(Buffer.compare(await read(a, size), content) === 0);
      assert.equal(await a.readSome(1), undefined);
      await sent;
    }
  });

  Deno.test(`a changed byte ends the connection on both sides: ${name}`, async () => {
    const [plainA, plainB] = duplexPair() as [LinkDuplex, LinkDuplex];
    const spoiler = new Spoiler(await plainA.detach());
    await using link = await encrypted([new LinkDuplex(spoiler), plainB], kind);
    await link.b.write("first\n");
    assert.equal(await link.a.readLine(100), "first");
    spoiler.isSpoiling = true;
    await link.b.write("second\n");
    await link.b.flush();
    await assert.rejects(link.a.readLine(100), isNetError);
    await assert.rejects(link.a.write(noise(20_000)), isNetError);
    const end = await link.b.readLine(100).catch((error) => error);
    assert.ok(end === undefined || isNetError(end), "the other side has not heard of it");
  });
}

Deno.test("whoever waits on an encrypted connection that is closed is told", async () => {
  await using link = await encrypted(duplexPair());
  const reading = assert.rejects(link.a.readLine(100), isNetError);
  const writing = assert.rejects(link.a.write(noise(10_000_000)), isNetError);
  await link.a[Symbol.asyncDispose]();
  await Promise.all([reading, writing]);
  await assert.rejects(link.a.flush(), isNetError);
});

Deno.test("an encrypted connection that breaks says why", async () => {
  const [plainA, plainB] = duplexPair() as [LinkDuplex, LinkDuplex];
  const breaker = new Breaker(await plainA.detach());
  await using link = await encrypted([new LinkDuplex(breaker), plainB]);
  breaker.isBroken = true;
  await link.b.write("x\n");
  await link.b.flush();
  await assert.rejects(link.a.readLine(100), {
    code: "net/closed",
    reason: "Connection reset by peer",
  });
});

Deno.test("the TLS library of this runtime can be reached below its streams", async () => {
  const [a, b] = streams();
  const common = { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const;
  const asked = { ...common, ...OTHER, isServer: true, requestCert: true };
  const server = new TLSSocket(b as never, asked);
  const client = connect({ ...common, ...MINE, socket: a, rejectUnauthorized: false });
  const secure = (socket: TLSSocket, event: string) =>
    new Promise<void>((resolve) => socket.once(event, resolve));
  await Promise.all([secure(client, "secureConnect"), secure(server, "secure")]);
  const sender = TlsEngine.of(client), receiver = TlsEngine.of(server);
  assert.ok(sender !== undefined && receiver !== undefined);
  assert.match(client.getCipher().name, /AES(128|256)-GCM/, "what the processor does itself");
  for (const size of SIZES) {
    const content = noise(size);
    receiver.decrypt(sender.encrypt(content));
    let at = 0;
    for (let piece; (piece = receiver.take()) !== undefined; at += piece.length) {
      assert.ok(Buffer.compare(piece, content.subarray(at, at + piece.length)) === 0);
    }
    assert.equal(at, size);
  }
  assert.equal(receiver.atEnd, false);
  receiver.decrypt(sender.end()!);
  assert.equal(receiver.take(), undefined);
  assert.equal(receiver.atEnd, true);
  assert.throws(() => {
    client.destroy();
    sender.encrypt(noise(10));
  });
  server.destroy();
});

function streams(): [Stream, Stream] {
  const make = (other: () => Stream) =>
    new Stream({
      read() {},
      write(data: Uint8Array, _encoding, done) {
        other().push(data.slice());
        done();
      },
    });
  const a: Stream = make(() => b), b: Stream = make(() => a);
  return [a, b];
}

class Passing implements Link {
  readonly certificate = undefined;

  constructor(protected readonly link: Link) {}

  get peer() {
    return this.link.peer;
  }

  read() {
    return this.link.read();
  }

  write(data: Uint8Array) {
    return this.link.write(data);
  }

  shutdown() {
    return this.link.shutdown();
  }

  close() {
    this.link.close();
  }
}

/** Changes the last byte of what is read. */
class Spoiler extends Passing {
  isSpoiling = false;

  override async read() {
    const piece = (await this.link.read())?.slice();
    if (this.isSpoiling && piece !== undefined) piece[piece.length - 1]! ^= 1;
    return piece;
  }
}

/** The first piece as it came, then all that comes until the end in one. */
class Gatherer extends Passing {
  #isFirst = true;

  override async read() {
    if (this.#isFirst) {
      this.#isFirst = false;
      return await this.link.read();
    }
    const pieces: Uint8Array[] = [];
    for (let piece; (piece = await this.link.read()) !== undefined;) pieces.push(piece.slice());
    return pieces.length === 0 ? undefined : new Uint8Array(Buffer.concat(pieces));
  }
}

class Breaker extends Passing {
  isBroken = false;

  override async read() {
    const piece = await this.link.read();
    if (!this.isBroken) return piece;
    const reason = "Connection reset by peer";
    throw new NetError("closed", { message: `Cannot read: ${reason}`, reason });
  }
}

function isNetError(error: unknown): boolean {
  return error instanceof NetError;
}
