/** Several requests in flight, to servers of ours and to others (W 1, W 20.1). */
import assert from "node:assert/strict";
import { scripted, type ScriptOptions } from "../../../tests/support/script_link.ts";
import { StubHandler } from "../../../tests/support/stub_handler.ts";
import { sized } from "../../../tests/support/transcript.ts";
import {
  CsyncError,
  dbName,
  type Key,
  type Meta,
  nanos,
  type Present,
  type Refusal,
} from "../../model/mod.ts";
import { type Duplex, duplexPair } from "../../net/mod.ts";
import { serveConnection } from "../accept.ts";
import { connectPeer } from "../connect.ts";
import type { Peer } from "../peer.ts";

const OK = "OK (cmd_finished).\n";
const OURS = "Dear 127.0.0.1, please identify first (csync2 3).\n";
const FORK = "Dear 127.0.0.1, please identify first.\n";
const SIGNATURE = "rs\x016\0\0\x08\0\0\0\0\x08";
const SEND_DATA = `OK (send_data).\noctet-stream 12\n${SIGNATURE}`;
const ABSENT = `OK (path_not_found).\n---\noctet-stream 0\n${OK}`;
const THERE = `OK (data_follows).\nv1:mtime=0:mode=33188:uid=0:gid=0:type=reg:size=5\n` +
  `octet-stream 12\n${SIGNATURE}${OK}`;
const TEXT = "rs\x026\x01h\0";
const DELTA = `octet-stream ${TEXT.length}\n${TEXT}`;
const KEY = "K" as Key, START = "CONFIG \nATOMICPATCH\n";
const META: Meta = { mode: 0o100644, uid: 0, gid: 0, mtime: nanos(1_600_000_000_000_000_000n) };
const FILE: Present = { kind: "reg", meta: META, size: 1 };
const DIR: Present = { kind: "dir", meta: { ...META, mode: 0o40755 } };
const PATCH = (name: string) => `ATOMICPATCH K ${name} 0 0 33188 1600000000000000000\n`;

async function peerOf(answers: string, options: ScriptOptions = {}, probe = OURS) {
  const { duplex, link } = scripted([
    { after: 0, bytes: OK + probe },
    { after: START.length + 1, bytes: answers },
  ], { idleMs: 300, ...options });
  const peer = await connectPeer({ duplex, configName: "" });
  /** All that was said to the server up to now. */
  const said = async () => {
    await duplex.flush().catch(() => {});
    return link.heard.slice(START.length);
  };
  return { peer, said };
}

/** A peer, and its server's end of the connection after the start. */
async function pair(probe: string): Promise<{ peer: Peer; server: Duplex }> {
  const [client, server] = duplexPair({ idleMs: 1_000 });
  const peer = connectPeer({ duplex: client, configName: "" });
  await server.readLine(100);
  await server.readLine(100);
  await server.write(OK + probe);
  return { peer: await peer, server };
}

const putFile = (peer: Peer, name: string, isNew = false) =>
  peer.put(KEY, dbName(name), FILE, () => Promise.resolve(sized(TEXT)), { isNew });
const look = (peer: Peer, name: string) =>
  peer.look(KEY, dbName(name), ({ checkText }) => Promise.resolve(checkText.length));
const touch = (peer: Peer, name: string) => peer.touch(KEY, dbName(name), META.mtime);
const flush = (peer: Peer, name: string) => peer.flush(KEY, dbName(name));

/** Long enough for the other side to have written whatever it would write. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

async function line(server: Duplex): Promise<string> {
  const words = (await server.readLine(1_000))!.split(" ");
  return words.filter((_, at) => at === 0 || at === 2).join(" ");
}

/** Takes the delta and insists on its being one. */
async function takeDelta(server: Duplex): Promise<void> {
  assert.equal(await server.readLine(100), `octet-stream ${TEXT.length}`);
  for (let left = TEXT.length; left > 0;) left -= (await server.readSome(left))!.length;
}

Deno.test("each request in flight gets its own answer, in the order of the calls", async () => {
  const answers = ABSENT + OK + "Permission denied!\n" + SEND_DATA + OK + THERE +
    "OK (data_follows).\n77\n" + "Disk full\n" + OK;
  const { peer, said } = await peerOf(answers);
  const found = await Promise.all([
    look(peer, "/a"),
    touch(peer, "/b"),
    flush(peer, "/c"),
    putFile(peer, "/d", true),
    look(peer, "/e"),
    peer.measure(KEY, dbName("/f"), "size"),
    peer.remove(KEY, dbName("/g")),
    flush(peer, "/h"),
  ]);
  assert.deepEqual(found, [
    { kind: "absent" },
    { kind: "done" },
    { kind: "denied", why: "no grant" },
    { kind: "done" },
    { kind: "there", judged: 49 },
    77n,
    { kind: "failed", reply: "Disk full" },
    { kind: "done" },
  ]);
  assert.equal(
    await said(),
    `SIG K /a\nSETIME K /b ${META.mtime}\nFLUSH K /c\n${PATCH("/d")}${DELTA}SIG K /e\n` +
      "GETSZ K /f\nDEL K /g\nFLUSH K /h\n",
  );
  await peer[Symbol.asyncDispose]();
});

Deno.test("follow-ups of one put do not wait for other requests, nor hold them up", async () => {
  const { peer, server } = await pair(OURS);
  const made = peer.put(KEY, dbName("/d"), DIR);
  const other = look(peer, "/e");
  assert.deepEqual([await line(server), await line(server)], ["MKDIR /d", "SIG /e"]);
  await server.write(OK + ABSENT);
  assert.deepEqual(await other, { kind: "absent" });
  const follow = [await line(server), await line(server), await line(server)];
  assert.deepEqual(follow, ["SETOWN /d", "SETMOD /d", "SETIME /d"]);
  await server.write(OK + "Disk full\n" + OK);
  assert.deepEqual(await made, { kind: "failed", reply: "Disk full" });
  await server[Symbol.asyncDispose]();
  await peer[Symbol.asyncDispose]();
});

Deno.test("a server of ours gets the next command behind a delta, before it has answered", async () => {
  const { peer, server } = await pair(OURS);
  const first = putFile(peer, "/a"), second = putFile(peer, "/b"), third = look(peer, "/c");
  assert.equal(await line(server), "ATOMICPATCH /a");
  await settled();
  assert.equal(server.pending, 0, "nothing between a command and its delta");
  await server.write(SEND_DATA);
  await takeDelta(server);
  assert.equal(await line(server), "ATOMICPATCH /b");
  await server.write(OK + SEND_DATA);
  assert.deepEqual(await first, { kind: "done" });
  await takeDelta(server);
  assert.equal(await line(server), "SIG /c");
  await server.write("Permission denied\n" + ABSENT);
  assert.deepEqual(await second, { kind: "failed", reply: "Permission denied" });
  assert.deepEqual(await third, { kind: "absent" });
  await server[Symbol.asyncDispose]();
  await peer[Symbol.asyncDispose]();
});

for (const probe of [FORK, "Unknown command!\n", OURS.replace(" 3", " 4"), `x ${OURS}`]) {
  Deno.test(`W 20.1 a put is a barrier for a server that answers ${JSON.stringify(probe)}`, async () => {
    if (probe.startsWith("x")) return await assert.rejects(pair(probe), CsyncError);
    const { peer, server } = await pair(probe);
    const word = probe.startsWith("Dear") ? "ATOMICPATCH /b" : "PATCH /b";
    const before = look(peer, "/a"), put = putFile(peer, "/b", true), after = flush(peer, "/c");
    assert.equal(await line(server), "SIG /a");
    await settled();
    assert.equal(server.pending, 0, "earlier answers are read first");
    await server.write(ABSENT);
    assert.equal(await line(server), word);
    await settled();
    assert.equal(server.pending, 0, "the delta waits for send_data");
    await server.write(SEND_DATA);
    await takeDelta(server);
    await settled();
    assert.equal(server.pending, 0, "nothing follows before the delta was answered");
    await server.write("Disk full\n");
    assert.deepEqual(await put, { kind: "failed", reply: "Disk full" });
    assert.equal(await line(server), "FLUSH /c");
    await server.write(OK);
    assert.deepEqual([await before, await after], [{ kind: "absent" }, { kind: "done" }]);
    await server[Symbol.asyncDispose]();
    await peer[Symbol.asyncDispose]();
  });
}

Deno.test("an answer out of step fails its request and all behind it, none before", async () => {
  const { peer } = await peerOf(OK + "OK (cu_later).\n" + OK + OK);
  const all = [flush(peer, "/a"), flush(peer, "/b"), look(peer, "/c"), putFile(peer, "/d", true)];
  const ends = await Promise.allSettled(all);
  assert.deepEqual(ends[0], { status: "fulfilled", value: { kind: "done" } });
  const reasons = ends.slice(1).map((end) => end.status === "rejected" && end.reason);
  for (const reason of reasons) {
    assert(reason instanceof CsyncError);
    assert.equal(reason.code, "protocol/desync");
  }
  await assert.rejects(
    flush(peer, "/e"),
    (error) => error instanceof CsyncError && error.code === "protocol/unusable",
  );
  await peer[Symbol.asyncDispose]();
});

Deno.test("what a judge or a source throws fails its own request only", async () => {
  const { peer, said } = await peerOf(THERE + SEND_DATA + "Input/output error\n" + ABSENT + OK);
  const mine = () => Promise.reject(new Error("mine"));
  const ends = await Promise.allSettled([
    peer.look(KEY, dbName("/a"), mine),
    peer.put(KEY, dbName("/b"), FILE, mine),
    peer.put(KEY, dbName("/c"), FILE, mine, { isNew: true }),
    peer.put(KEY, dbName("/d"), FILE, () => Promise.resolve(undefined), { isNew: true }),
    look(peer, "/e"),
    flush(peer, "/f"),
  ]);
  assert.deepEqual(
    ends.map((end) => end.status === "rejected" ? end.reason.message : end.value),
    ["mine", "mine", "mine", { kind: "failed", reply: "Given up" }, { kind: "absent" }, {
      kind: "done",
    }],
  );
  assert.equal(await said(), `SIG K /a\n${PATCH("/b")}ERROR\nSIG K /e\nFLUSH K /f\n`);
  await peer[Symbol.asyncDispose]();
});

/** What several requests are answered, one after the other. */
const ANSWERS = [ABSENT, OK, SEND_DATA + OK, THERE, SEND_DATA + OK, OK];
const ask = (peer: Peer): Promise<unknown>[] => [
  look(peer, "/a"),
  touch(peer, "/b"),
  putFile(peer, "/c", true),
  look(peer, "/d"),
  putFile(peer, "/e"),
  flush(peer, "/f"),
];

for (const [staysOpen, step] of [[false, 1], [true, 61]] as const) {
  const how = staysOpen ? "falls silent" : "dies";
  Deno.test(`a server that ${how} after any byte with requests in flight fails those not answered`, async () => {
    const whole = ANSWERS.join("");
    const start = OK.length + OURS.length;
    const idleMs = staysOpen ? 400 : 10_000; // an answer that is there has to be read within it
    for (let n = 0; n <= whole.length; n += step) {
      const { peer } = await peerOf(whole, { cutAfter: start + n, staysOpen, idleMs });
      const ends = await Promise.allSettled(ask(peer));
      let left = n;
      ANSWERS.forEach((answer, at) => {
        left -= answer.length;
        const end = ends[at]!;
        assert.equal(end.status, left >= 0 ? "fulfilled" : "rejected", `${at} after ${n} bytes`);
        if (end.status === "rejected") assert(end.reason instanceof CsyncError, String(end.reason));
      });
      await peer[Symbol.asyncDispose]();
    }
  });
}

Deno.test("dispose with requests in flight fails them, and says no BYE", async () => {
  const { peer, said } = await peerOf("", { staysOpen: true });
  const all = Promise.allSettled([look(peer, "/a"), flush(peer, "/b")]);
  await settled();
  await peer[Symbol.asyncDispose]();
  assert((await all).every((end) => end.status === "rejected"));
  assert(!(await said()).includes("BYE"));
});

Deno.test("W 20.1 a refused new file is skipped by our server, whatever it contains", async () => {
  const [client, far] = duplexPair({ idleMs: 1_000 });
  const refusal: Refusal = { kind: "conflict" };
  const handler = new StubHandler({ beginPut: () => Promise.resolve(refusal) });
  const errors: unknown[] = [];
  const served = serveConnection({ duplex: far, handler, note: (error) => errors.push(error) });
  const peer = await connectPeer({ duplex: client, configName: "" });
  await peer.identify("me" as never);
  const evil = "x\nBYE\nDEL k /a\noctet-stream 99999999\n";
  const content = () => Promise.resolve(sized(evil));
  const ends = await Promise.all([
    peer.put(KEY, dbName("/a"), FILE, content, { isNew: true }),
    look(peer, "/b"),
    peer.put(KEY, dbName("/c"), FILE, content, { isNew: true }),
    flush(peer, "/d"),
  ]);
  assert.deepEqual(ends.map(({ kind }) => kind), ["conflict", "absent", "conflict", "done"]);
  await peer[Symbol.asyncDispose]();
  await served;
  assert.deepEqual(handler.asked.map(({ what }) => what), [
    "configure",
    "identify",
    "look",
    "flush",
  ]);
  assert.deepEqual(errors, []);
});

Deno.test("a stream in place of a command is unknown from others, and has a limit from our clients", async () => {
  const serve = async (said: string) => {
    const { duplex, link } = scripted([{ after: 0, bytes: said }]);
    const errors: unknown[] = [];
    const handler = new StubHandler();
    await serveConnection({
      duplex,
      handler,
      limits: { maxStreamBytes: 100 },
      note: (e) => errors.push(e),
    });
    return { heard: link.heard, errors };
  };
  const other = await serve("CONFIG \nHELLO me\noctet-stream 3\nabc\nBYE\n");
  assert.equal(other.heard, `${OK}${OK}Unknown command!\nUnknown command!\nOK (cu_later).\n`);
  for (const bad of ["101", "-1", "x", ""]) {
    const { heard, errors } = await serve(`${START}HELLO me\noctet-stream ${bad}\nBYE\n`);
    assert(!heard.includes("cu_later"), bad);
    assert.equal((errors[0] as CsyncError).code, "protocol/stream");
  }
});
