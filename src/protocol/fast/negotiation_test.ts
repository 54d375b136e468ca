/** From the classic dialect to the fast one and not, with servers and clients of all kinds. */
import assert from "node:assert/strict";
import type { HostName, Key } from "../../model/mod.ts";
import { type Duplex, duplexPair } from "../../net/mod.ts";
import {
  fastBed,
  identifiedBed,
  isCode,
  KEY,
  ME,
  OTHER_KEY,
  serve,
  Store,
} from "../../../tests/support/fast_bed.ts";
import { scripted } from "../../../tests/support/script_link.ts";
import { StubHandler } from "../../../tests/support/stub_handler.ts";
import { serveConnection } from "../accept.ts";
import { type ClientTls, connectPeer } from "../connect.ts";
import { acceptedNonce, acceptFast, fastOffer } from "./negotiation.ts";

const OK = "OK (cmd_finished).\n";
const OURS = "Dear 127.0.0.1, please identify first (csync2 3).\n";
const FORK = "Dear 127.0.0.1, please identify first.\n";
const START = "CONFIG \nATOMICPATCH\n";
const OFFER_REGEXP = /^CONFIG \nATOMICPATCH\nCSYNC3 1 [0-9a-f]{64}\n/;

for (
  const [server, answers, timeUnit] of [
    ["2.0 of Debian", `${OK}Unknown command!\nUnknown command!\n`, "seconds"],
    ["2.0 from source", `${OK}Unkown command!\nUnkown command!\n`, "seconds"],
    ["2.1.1", `${OK}${FORK}Unkown command!\n`, "nanos"],
    ["2.1.1 that asks for HELLO first", `${OK}${FORK}${FORK}`, "nanos"],
    ["3 of ours that speaks the classic dialect only", `${OK}${OURS}Unknown command!\n`, "nanos"],
  ] as const
) {
  Deno.test(`connectPeer() that offers the fast dialect takes a csync2 ${server} as classic`, async () => {
    const { duplex, link } = scripted([
      { after: START.length, bytes: answers },
      { after: START.length + 75, bytes: OK },
    ]);
    const peer = await connectPeer({ duplex, configName: "", fast: "offer", keys: [KEY] });
    assert.equal(peer.dialect, "classic");
    assert.equal(peer.timeUnit, timeUnit);
    assert.match(link.heard, OFFER_REGEXP);
    assert.deepEqual(await peer.identify("a.demo" as HostName), { kind: "done" });
    assert(link.heard.endsWith("HELLO a.demo\n"));
    await peer[Symbol.asyncDispose]();
  });
}

for (
  const [answer, code] of [
    ["OK (cmd_finished).\n", "protocol/line"],
    [`OK (csync3 2 ${"0".repeat(64)}).\n`, "protocol/line"],
    [`OK (csync3 1 ${"0".repeat(63)}).\n`, "protocol/line"],
    [`OK (csync3 1 ${"0".repeat(64)})\n`, "protocol/line"],
    ["Permission denied!\n", "protocol/line"],
    ["", "protocol/closed"],
    [`OK (csync3 1 ${"0".repeat(9_000)}`, "net/line-too-long"],
  ] as const
) {
  Deno.test(`connectPeer() rejects with ${code} when its offer is answered "${answer.slice(0, 20)}"`, async () => {
    const { duplex } = scripted([{ after: START.length, bytes: `${OK}${OURS}${answer}` }]);
    await assert.rejects(connectPeer({ duplex, configName: "", fast: "offer" }), isCode(code));
  });
}

Deno.test("connectPeer() offers nothing to a server that is not ours, or when it may not", async () => {
  for (
    const [fast, probed] of [["if-ours", FORK], ["if-ours", "Unkown command!\n"], [
      "never",
      OURS,
    ]] as const
  ) {
    const { duplex, link } = scripted([{ after: START.length, bytes: OK + probed }]);
    const peer = await connectPeer({ duplex, configName: "", fast, keys: [KEY] });
    assert.equal(peer.dialect, "classic");
    assert.equal(link.heard, START);
    await peer[Symbol.asyncDispose]();
  }
});

Deno.test("connectPeer() offers it late to a server that turns out to be ours", async () => {
  const meet = async (client: { fast: "if-ours" }, speaksFast: boolean) => {
    await using bed = await fastBed({ client, speaksFast });
    assert.deepEqual(await bed.peer.identify(ME), { kind: "done" });
    return bed.peer.dialect;
  };
  assert.equal(await meet({ fast: "if-ours" }, true), "fast");
  assert.equal(await meet({ fast: "if-ours" }, false), "classic");
});

Deno.test("a server answers the offer as an unknown command unless it can, may, and HELLO is still to come", async () => {
  const nonce = "ab".repeat(32);
  const ask = async (lines: string, speaksFast?: boolean) => {
    const [near, far] = duplexPair({ idleMs: 1_000 });
    const ended = serve(far, { store: new Store(), speaksFast });
    await near.write(`CONFIG \n${lines}BYE\n`);
    const heard: string[] = [];
    for (let line; (line = await near.readLine(1_000)) !== undefined;) heard.push(line);
    await near[Symbol.asyncDispose]();
    await ended;
    return heard.slice(1, -1);
  };
  assert.deepEqual(await ask(`CSYNC3 1 ${nonce}\n`, false), ["Unknown command!"]);
  for (
    const bad of ["", "1", `0 ${nonce}`, `x ${nonce}`, `1 ${nonce}0`, `1 ${nonce.toUpperCase()}`]
  ) {
    assert.deepEqual(await ask(`CSYNC3 ${bad}\n`), ["Unknown command!"], bad);
  }
  const late = await ask(`HELLO a.demo\nCSYNC3 1 ${nonce}\n`);
  assert.deepEqual(late, ["OK (cmd_finished).", "Unknown command!"]);
  const [near, far] = duplexPair();
  const ended = serveConnection({ duplex: far, handler: new StubHandler() });
  await near.write(`CONFIG \nCSYNC3 1 ${nonce}\nBYE\n`);
  await near.readLine(1_000);
  assert.equal(await near.readLine(1_000), "Unknown command!");
  await near[Symbol.asyncDispose]();
  await ended;
});

Deno.test("acceptFast() answers a later version with its own", () => {
  const accepted = acceptFast(["7", "00".repeat(32)]);
  assert.match(accepted!.reply, /^OK \(csync3 1 [0-9a-f]{64}\)\.$/);
  assert.deepEqual(acceptedNonce(accepted!.reply), accepted!.nonces.serverNonce);
  assert.equal(fastOffer(new Uint8Array(32)), `CSYNC3 1 ${"00".repeat(32)}`);
});

/** TLS that only says which certificate and which binding there is. */
function tls(binding: number, { answer = "unproven", confirmed = "ok" }: {
  answer?: "ok" | "wrong" | "unproven";
  confirmed?: "ok" | "wrong";
} = {}): ClientTls & { confirms: number } {
  return {
    confirms: 0,
    upgrade: (plain) => Promise.resolve(bound(plain, binding)),
    trust: () => answer,
    confirm() {
      this.confirms++;
      return confirmed;
    },
  };
}

function bound(plain: Duplex, binding: number): Duplex {
  return new Proxy(plain, {
    get(target, property) {
      if (property === "certificate") return new Uint8Array([1]);
      if (property === "binding") return new Uint8Array(32).fill(binding);
      const value = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

async function secured(
  client: ClientTls,
  { store = new Store(), keys = [KEY], speaksFast = true, serverBinding = 1, onProven }: {
    readonly store?: Store;
    readonly keys?: readonly Key[];
    readonly speaksFast?: boolean;
    readonly serverBinding?: number;
    readonly onProven?: () => Promise<void>;
  } = {},
) {
  const [near, far] = duplexPair({ idleMs: 5_000 });
  const ended = serve(far, {
    store,
    speaksFast,
    tls: { upgrade: (plain) => Promise.resolve(bound(plain, serverBinding)) },
  });
  const peer = await connectPeer({
    duplex: near,
    configName: "",
    fast: "offer",
    keys,
    onProven,
    tls: client,
  });
  const end = async () => {
    await peer[Symbol.asyncDispose]();
    return await ended;
  };
  return { peer, end };
}

Deno.test("a new certificate is confirmed when the server has proven a key, and only once", async () => {
  const client = tls(1);
  const { peer, end } = await secured(client);
  assert.equal(client.confirms, 0);
  assert.deepEqual(await peer.identify(ME), { kind: "done" });
  assert.equal(client.confirms, 1);
  await peer.identify("b.demo" as HostName);
  assert.equal(client.confirms, 1);
  assert.deepEqual(await end(), []);
});

Deno.test("a new certificate is not confirmed without a shared key, and a known one never", async () => {
  for (
    const [client, keys] of [[tls(1), [OTHER_KEY]], [tls(1, { answer: "ok" }), [KEY]]] as const
  ) {
    const { peer, end } = await secured(client, { keys });
    assert.deepEqual(await peer.identify(ME), { kind: "done" });
    assert.equal(client.confirms, 0);
    await end();
  }
});

Deno.test("somebody between the hosts cannot pass proofs on: the bindings differ", async () => {
  const client = tls(1);
  const { peer, end } = await secured(client, { serverBinding: 2 });
  assert.deepEqual(await peer.identify(ME), { kind: "done" });
  assert.equal(client.confirms, 0);
  assert.deepEqual(await peer.flush(KEY, "/a" as never), { kind: "denied", why: "no grant" });
  await end();
});

Deno.test("a new certificate of a classic server is confirmed at once, as ever", async () => {
  const client = tls(1);
  const { peer, end } = await secured(client, { speaksFast: false });
  assert.equal(peer.dialect, "classic");
  assert.equal(client.confirms, 1);
  await end();
});

Deno.test("a server is told of as proven once, also when its certificate is known", async () => {
  for (const client of [tls(1), tls(1, { answer: "ok" })]) {
    let count = 0;
    const onProven = () => Promise.resolve(void count++);
    const { peer, end } = await secured(client, { onProven });
    assert.equal(count, 0);
    await peer.identify(ME);
    await peer.identify("b.demo" as HostName);
    assert.equal(count, 1);
    await end();
  }
});

Deno.test("another certificate that was remembered meanwhile ends the connection", async () => {
  const wrong = isCode("protocol/certificate");
  await assert.rejects(secured(tls(1, { confirmed: "wrong" }), { speaksFast: false }), wrong);
  const { peer, end } = await secured(tls(1, { confirmed: "wrong" }));
  await assert.rejects(peer.identify(ME), wrong);
  await end();
});

Deno.test("a server whose proof is wrong ends the connection", async () => {
  const store = new Store();
  store.forgesProofs = true;
  await using bed = await fastBed({ store });
  await assert.rejects(bed.peer.identify(ME), isCode("protocol/certificate"));
  assert.deepEqual(await bed.peer.flush(KEY, "/a" as never), { kind: "denied", why: "no grant" });
});

Deno.test("a name that is refused is told in the words of the classic dialect", async () => {
  for (
    const [kind, reply] of [
      ["failed", "Identification failed!"],
      ["encryption-expected", "SSL encrypted connection expected!"],
      ["no-common-key", "No group key in common."],
    ] as const
  ) {
    const store = new Store();
    store.identity = kind;
    await using bed = await fastBed({ store });
    assert.deepEqual(await bed.peer.identify(ME), { kind: "failed", reply });
    store.identity = "ok";
    assert.deepEqual(await bed.peer.identify(ME), { kind: "done" });
  }
});

Deno.test("no key is in a frame or a trace", async () => {
  const lines: string[] = [];
  await using bed = await identifiedBed({
    client: { trace: (line) => lines.push(line) },
  });
  await bed.peer.flush(KEY, "/a" as never);
  assert(lines.includes("Local> FLUSH 2 /a (5 bytes)"), lines.join("\n"));
  assert(lines.includes("Peer> OK 2 (0 bytes)"));
  await bed.peer.flush(KEY, "/a\0b\n" as never);
  assert(lines.some((line) => /^Local> FLUSH 3 \/a[\x20-\x7e]+b%0A \(8 bytes\)$/.test(line)));
  assert(lines.includes("Peer> REFUSED 3 Permission denied! (3 bytes)"));
  assert(!lines.some((line) => line.includes(KEY)));
});
