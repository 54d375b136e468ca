/** Servers that lie, stop, flood and lose step, against our client; numbers are those of W 20. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  CsyncError,
  dbName,
  type HostName,
  type Key,
  type Meta,
  nanos,
  type Present,
} from "../../src/model/mod.ts";
import {
  type ClientLimits,
  connectPeer,
  type Peer,
  ProtocolError,
} from "../../src/protocol/mod.ts";
import { clientSteps, replayCut } from "../support/client_replay.ts";
import { scripted, type ScriptOptions } from "../support/script_link.ts";
import { gather, readTranscript, serverScript, sized } from "../support/transcript.ts";

const OK = "OK (cmd_finished).\n";
const DEAR = "Dear 127.0.0.1, please identify first.\n";
const UNKNOWN = "Unkown command!\n";
const SIGNATURE = "rs\x016\0\0\x08\0\0\0\0\x08";
const DELTA = sized("rs\x026\x01h\0");
const KEY = "K" as Key, NAME = dbName("/a"), HOST = "them" as HostName;
const META: Meta = { mode: 0o100644, uid: 0, gid: 0, mtime: nanos(1_600_000_000_000_000_000n) };
const FILE: Present = { kind: "reg", meta: META, size: 1 };
const there = "OK (data_follows).\nv1:mtime=0:mode=33188:uid=0:gid=0:type=reg:size=5\n";

interface Options extends ScriptOptions {
  readonly unit?: "seconds" | "nanos";
  readonly limits?: ClientLimits;
}

/** A peer whose server has answered the start and then says `answers`, whatever it hears. */
async function peerOf(answers: string, { unit = "nanos", limits, ...options }: Options = {}) {
  const start = "CONFIG \nATOMICPATCH\n".length;
  const { duplex, link } = scripted([
    { after: 0, bytes: OK + (unit === "nanos" ? DEAR : UNKNOWN) },
    { after: start + 1, bytes: answers },
  ], { idleMs: 200, ...options });
  const peer = await connectPeer({ duplex, configName: "", limits });
  /** All that was said to the server up to now. */
  const said = async () => {
    await duplex.flush().catch(() => {});
    return link.heard.slice(start);
  };
  return { peer, said };
}

function isCode(code: string) {
  return (error: unknown) => error instanceof CsyncError && error.code === code;
}

const judge = async ({ signature }: { signature: AsyncIterable<Uint8Array> }) =>
  await gather(signature);
const look = (peer: Peer) => peer.look(KEY, NAME, judge);
const putFile = (peer: Peer) => peer.put(KEY, NAME, FILE, () => Promise.resolve(DELTA));
const listAll = (peer: Peer) => Array.fromAsync(peer.list(HOST, [KEY]));

const BREACHES: readonly {
  what: string;
  ask: (peer: Peer) => Promise<unknown>;
  answers: string;
  code: string;
}[] = [
  {
    what: "an endless status line",
    ask: look,
    answers: "x".repeat(9_000),
    code: "net/line-too-long",
  },
  {
    what: "an endless check text",
    ask: look,
    answers: `OK (data_follows).\n${"x".repeat(20_000)}`,
    code: "net/line-too-long",
  },
  {
    what: "an endless stream header",
    ask: look,
    answers: `${there}octet-stream ${"1".repeat(120)}\n`,
    code: "net/line-too-long",
  },
  {
    what: "no number for a stream",
    ask: look,
    answers: `${there}octet-stream x\n`,
    code: "protocol/stream",
  },
  {
    what: "a signature far longer than the file",
    ask: look,
    answers: `${there}octet-stream 99999999\n`,
    code: "protocol/stream",
  },
  {
    what: "a signature of petabytes",
    ask: putFile,
    answers: "OK (send_data).\noctet-stream 9007199254740991\n",
    code: "protocol/stream",
  },
  { what: "a reply in place of a stream", ask: look, answers: there + OK, code: "protocol/stream" },
  {
    what: "an absent object with a check text",
    ask: look,
    answers: `OK (path_not_found).\nv1:type=dir\noctet-stream 0\n${OK}`,
    code: "protocol/line",
  },
  { what: "plain success to SIG", ask: look, answers: OK, code: "protocol/desync" },
  {
    what: "success of another command",
    ask: (p) => p.remove(KEY, NAME),
    answers: "OK (cu_later).\n",
    code: "protocol/desync",
  },
  {
    what: "a command it must know called unknown",
    ask: (p) => p.flush(KEY, NAME),
    answers: UNKNOWN,
    code: "protocol/desync",
  },
  {
    what: "no number for GETTM",
    ask: (p) => p.measure(KEY, NAME, "mtime"),
    answers: "OK (data_follows).\n12x\n",
    code: "protocol/line",
  },
  {
    what: "a negative size",
    ask: (p) => p.measure(KEY, NAME, "size"),
    answers: "OK (data_follows).\n-2\n",
    code: "protocol/line",
  },
  {
    what: "plain success to GETSZ",
    ask: (p) => p.measure(KEY, NAME, "size"),
    answers: OK,
    code: "protocol/desync",
  },
  {
    what: "plain success to TYPE",
    ask: (p) => p.content(KEY, NAME),
    answers: OK,
    code: "protocol/desync",
  },
  {
    what: "an endless LIST row",
    ask: listAll,
    answers: `v${"x".repeat(70_000)}`,
    code: "net/line-too-long",
  },
  { what: "a LIST row without a name", ask: listAll, answers: `v1\n${OK}`, code: "protocol/line" },
  {
    what: "a LIST row that climbs",
    ask: listAll,
    answers: `v1\t/a/../b\n${OK}`,
    code: "protocol/line",
  },
  {
    what: "LIST rows out of order",
    ask: listAll,
    answers: `v1\t/b\nv1\t/a\n${OK}`,
    code: "protocol/line",
  },
  {
    what: "a LIST row twice",
    ask: listAll,
    answers: `v1\t/a\nv1\t/a\n${OK}`,
    code: "protocol/line",
  },
  {
    what: "an error at the end of LIST",
    ask: listAll,
    answers: `v1\t/a\nDisk full\n`,
    code: "protocol/refused",
  },
  { what: "a closed connection", ask: look, answers: "", code: "protocol/closed" },
];

for (const { what, ask, answers, code } of BREACHES) {
  Deno.test(`a server that sends ${what} ends the connection with ${code}`, async () => {
    const { peer } = await peerOf(answers);
    await assert.rejects(() => ask(peer), isCode(code));
    await assert.rejects(() => peer.flush(KEY, NAME), isCode("protocol/unusable"));
    await peer[Symbol.asyncDispose]();
  });
}

const STARTS = [
  {
    what: "refuses CONFIG",
    answers: "Config names are limited to [a-z0-9]+.\n",
    code: "protocol/config",
  },
  { what: "answers CONFIG like SSL", answers: "OK (activating_ssl).\n", code: "protocol/desync" },
  { what: "closes at once", answers: "", code: "protocol/closed" },
  { what: "refuses GROUP", answers: `${OK}Group list already set!\n`, code: "protocol/group" },
  { what: "answers the probe with success", answers: OK + OK + OK, code: "protocol/line" },
  { what: "is no csync2", answers: "HTTP/1.1 400 Bad Request\n", code: "protocol/config" },
  { what: "never ends its first line", answers: "x".repeat(5_000), code: "net/line-too-long" },
  { what: "says nothing", answers: "", staysOpen: true, code: "net/timeout" },
];

for (const { what, answers, code, ...options } of STARTS) {
  Deno.test(`connectPeer() rejects with ${code} when the server ${what}`, async () => {
    const idleMs = code === "net/timeout" ? 30 : 10_000;
    const { duplex } = scripted([{ after: 1, bytes: answers }], { idleMs, ...options });
    await assert.rejects(connectPeer({ duplex, configName: "", groups: ["g"] }), isCode(code));
    await assert.rejects(async () => await duplex.write("x"), CsyncError);
  });
}

const TLS = [
  {
    what: "refuses SSL",
    answers: "This csync2 server is built without SSL support.\n",
    code: "protocol/ssl",
  },
  { what: "answers SSL with plain success", answers: OK, code: "protocol/ssl" },
  {
    what: "W 20.5: sends plain text behind its answer",
    answers: `OK (activating_ssl).\n${OK}`,
    code: "protocol/ssl",
  },
  { what: "shows no certificate", answers: "OK (activating_ssl).\n", code: "protocol/certificate" },
  {
    what: "shows another certificate",
    answers: "OK (activating_ssl).\n",
    certificate: new Uint8Array([9]),
    code: "protocol/certificate",
  },
];

for (const { what, answers, code, ...options } of TLS) {
  Deno.test(`connectPeer() with TLS says nothing more to a server that ${what}`, async () => {
    const { duplex, link } = scripted([{ after: 4, bytes: answers }], {
      idleMs: 10_000,
      ...options,
    });
    const upgrade = () => Promise.resolve(duplex);
    const tls = { upgrade, trust: (der: Uint8Array) => der[0] === 1 ? "ok" : "wrong" } as const;
    await assert.rejects(connectPeer({ duplex, configName: "", tls }), isCode(code));
    assert.equal(link.heard, "SSL\n");
  });
}

Deno.test("W 20.1 the stray replies of an executed delta are noticed at the next command", async () => {
  // The refusal comes while the delta is on its way; the server then executes the delta.
  const { duplex } = scripted(serverScript([
    { client: "CONFIG \n", after: OK },
    { client: "ATOMICPATCH\n", after: UNKNOWN },
    {
      client: "PATCH K /a\noctet-stream 6\nrs\x026\x01h\0",
      before: `OK (send_data).\noctet-stream 12\n${SIGNATURE}`,
      after: `Permission denied\n${UNKNOWN}${OK}${OK}`,
    },
  ]));
  const peer = await connectPeer({ duplex, configName: "" });
  assert.deepEqual(await putFile(peer), { kind: "failed", reply: "Permission denied" });
  await assert.rejects(peer.flush(KEY, NAME), isCode("protocol/desync"));
  await peer[Symbol.asyncDispose]();
});

Deno.test("W 20.1 a refusal that is there before the delta keeps the delta back", async () => {
  const answers = `OK (send_data).\noctet-stream 12\n${SIGNATURE}Permission denied\n${OK}`;
  const { peer, said } = await peerOf(answers, { unit: "seconds" });
  assert.deepEqual(await putFile(peer), { kind: "failed", reply: "Permission denied" });
  assert.deepEqual(await peer.flush(KEY, NAME), { kind: "done" });
  assert.equal(await said(), "PATCH K /a\nFLUSH K /a\n");
  await peer[Symbol.asyncDispose]();
});

Deno.test("W 20.2 SIG with -1: the final status is read, the judge is not asked", async () => {
  const { peer } = await peerOf(`${there}octet-stream -1\n${OK}Parent dir missing.\n`);
  const found = await peer.look(KEY, NAME, () => assert.fail("asked"));
  assert.deepEqual(found, { kind: "failed", reply: "The peer cannot read it" });
  assert.deepEqual(await look(peer), { kind: "parent-missing" });
  await peer[Symbol.asyncDispose]();
});

Deno.test("W 20.3 PATCH with -1 is given up with ERROR", async () => {
  const { peer, said } = await peerOf(
    `OK (send_data).\noctet-stream -1\nInput/output error\n${OK}`,
    { unit: "seconds" },
  );
  const outcome = await peer.put(KEY, NAME, FILE, () => assert.fail("asked"));
  assert.deepEqual(outcome, { kind: "failed", reply: "Input/output error" });
  assert.deepEqual(await peer.flush(KEY, NAME), { kind: "done" });
  assert.equal(await said(), "PATCH K /a\nERROR\nFLUSH K /a\n");
  await peer[Symbol.asyncDispose]();
});

Deno.test("W 20.4 success without send_data is no success", async () => {
  const { peer } = await peerOf(OK + OK);
  const outcome = await peer.put(KEY, NAME, FILE, () => assert.fail("asked"));
  assert.deepEqual(outcome, { kind: "failed", reply: "Not accepted: OK (cmd_finished)." });
  assert.deepEqual(await peer.flush(KEY, NAME), { kind: "done" });
  await peer[Symbol.asyncDispose]();
});

Deno.test("W 20.4 the second line feed of an error text does not shift the replies", async () => {
  const { peer } = await peerOf(
    `Open error while backing up '/a': No space\n\nPermission denied!\n${OK}`,
  );
  assert.equal((await peer.remove(KEY, NAME)).kind, "failed");
  assert.deepEqual(await peer.remove(KEY, NAME), { kind: "denied", why: "no grant" });
  assert.deepEqual(await peer.remove(KEY, NAME), { kind: "done" });
  await peer[Symbol.asyncDispose]();
});

Deno.test("W 20.11, W 12 GETTM of -1 is a missing file", async () => {
  const { peer } = await peerOf("OK (data_follows).\n-1\nOK (data_follows).\n-1\n");
  assert.equal(await peer.measure(KEY, NAME, "mtime"), undefined);
  assert.equal(await peer.measure(KEY, NAME, "size"), undefined);
  await peer[Symbol.asyncDispose]();
});

Deno.test("measure(): a number of one digit, which may be a cut one, is asked for twice", async () => {
  const five = "OK (data_follows).\n5\n";
  const { peer, said } = await peerOf(five + five);
  assert.equal(await peer.measure(KEY, NAME, "size"), 5n);
  assert.equal(await said(), "GETSZ K /a\nGETSZ K /a\n");
  await peer[Symbol.asyncDispose]();
  const cut = await peerOf("OK (data_follows).\n5");
  await assert.rejects(cut.peer.measure(KEY, NAME, "size"), isCode("protocol/closed"));
  await cut.peer[Symbol.asyncDispose]();
});

Deno.test("W 20.23 a socket needs no follow-ups, which rc1 would refuse", async () => {
  const { peer, said } = await peerOf(OK, { unit: "seconds" });
  assert.deepEqual(await peer.put(KEY, NAME, { kind: "sock", meta: META }), { kind: "done" });
  assert.equal(await said(), "MKSOCK K /a\n");
  await peer[Symbol.asyncDispose]();
});

Deno.test("W 20.24 link targets of 4095 bytes are sent whole", async () => {
  const { peer, said } = await peerOf(OK + OK);
  const target = "t".repeat(4_095);
  await peer.put(KEY, NAME, { kind: "lnk", meta: META, target });
  assert.equal(await said(), `MKLINK K /a ${target}\nSETOWN K /a 0 0\n`);
  await peer[Symbol.asyncDispose]();
});

Deno.test("W 20.29 a source that fails before the delta is given up with ERROR, and thrown", async () => {
  const { peer, said } = await peerOf(
    `OK (send_data).\noctet-stream 12\n${SIGNATURE}` + `Input/output error\n${OK}`,
    { unit: "seconds", idleMs: 100 },
  );
  const content = () => Promise.reject(new Error("gone"));
  await assert.rejects(peer.put(KEY, NAME, FILE, content), /gone/);
  assert.deepEqual(await peer.flush(KEY, NAME), { kind: "done" });
  assert.equal(await said(), "PATCH K /a\nERROR\nFLUSH K /a\n");
  await peer[Symbol.asyncDispose]();
});

for (const size of [5, 8]) {
  Deno.test(`W 20.29 a delta of 7 bytes announced as ${size} ends the connection`, async () => {
    const { peer } = await peerOf(`OK (send_data).\noctet-stream 12\n${SIGNATURE}`);
    const content = () => Promise.resolve({ ...DELTA, size });
    await assert.rejects(peer.put(KEY, NAME, FILE, content), isCode("protocol/source"));
    await assert.rejects(peer.flush(KEY, NAME), isCode("protocol/unusable"));
    await peer[Symbol.asyncDispose]();
  });
}

Deno.test("put(): a refused SETOWN keeps a set-uid mode back, and counts before what follows", async () => {
  const meta = { ...META, mode: 0o40755 };
  const refused = `${OK}Operation not permitted\n`;
  const setUid = await peerOf(refused);
  const outcome = { kind: "failed", reply: "Operation not permitted" };
  const want = { kind: "dir", meta: { ...meta, mode: 0o44755 } } as const;
  assert.deepEqual(await setUid.peer.put(KEY, NAME, want), outcome);
  assert(!(await setUid.said()).includes("SETMOD"));
  const plain = await peerOf(refused + OK + OK);
  assert.deepEqual(await plain.peer.put(KEY, NAME, { kind: "dir", meta }), outcome);
  assert.match(await plain.said(), /SETOWN.*\nSETMOD.*\nSETIME/);
  for (const { peer } of [setUid, plain]) await peer[Symbol.asyncDispose]();
});

Deno.test("put(): nothing follows a refused creation", async () => {
  const { peer, said } = await peerOf("File is also marked dirty here!\n");
  assert.deepEqual(await peer.put(KEY, NAME, { kind: "dir", meta: META }), { kind: "conflict" });
  assert(!(await said()).includes("SETOWN"));
  await peer[Symbol.asyncDispose]();
});

Deno.test("look(): what the judge leaves is skipped, what it throws is thrown in step", async () => {
  const answer = `${there}octet-stream 12\n${SIGNATURE}${OK}`;
  const { peer } = await peerOf(answer + answer + answer);
  const lazy = await peer.look(KEY, NAME, ({ checkText }) => Promise.resolve(checkText.length));
  assert.deepEqual(lazy, { kind: "there", judged: 49 });
  await assert.rejects(peer.look(KEY, NAME, () => Promise.reject(new Error("mine"))), /mine/);
  assert.deepEqual(await look(peer), { kind: "there", judged: SIGNATURE });
  await peer[Symbol.asyncDispose]();
});

Deno.test("look(): a signature cut short fails even when the judge does not mind", async () => {
  const { peer } = await peerOf(`${there}octet-stream 12\nrs`);
  const careless = peer.look(KEY, NAME, async ({ signature }) => {
    await gather(signature).catch(() => {});
    return "fine";
  });
  await assert.rejects(careless, isCode("protocol/closed"));
  await peer[Symbol.asyncDispose]();
});

Deno.test("identify(): the same name costs nothing, a refused one is asked again", async () => {
  const { peer, said } = await peerOf(`Identification failed!\n${OK}${OK}`);
  assert.equal((await peer.identify(HOST)).kind, "failed");
  assert.equal((await peer.identify(HOST)).kind, "done");
  assert.equal((await peer.identify(HOST)).kind, "done");
  assert.equal((await peer.identify("other" as HostName)).kind, "done");
  assert.equal(await said(), "HELLO them\nHELLO them\nHELLO other\n");
  await peer[Symbol.asyncDispose]();
});

Deno.test("a request beside LIST or TYPE is refused and does not disturb it", async () => {
  const { peer } = await peerOf(`v1\t/a\n${OK}OK (data_follows).\nall`);
  const rows = listAll(peer);
  await assert.rejects(peer.flush(KEY, NAME), isCode("protocol/unusable"));
  assert.equal((await rows).flat().length, 1);
  const content = peer.content(KEY, NAME);
  await assert.rejects(peer.flush(KEY, NAME), isCode("protocol/unusable"));
  assert(Symbol.asyncIterator in await content);
  await peer[Symbol.asyncDispose]();
});

Deno.test("what does not fit into a command line is a failure, and nothing is sent", async () => {
  const { peer, said } = await peerOf("");
  const long = dbName(`/${"%".repeat(6_000)}`); // three bytes each on the wire
  assert.equal((await peer.remove(KEY, long)).kind, "failed");
  assert.equal((await peer.look(KEY, long, judge)).kind, "failed");
  assert.equal((await peer.put(KEY, long, { kind: "dir", meta: META })).kind, "failed");
  assert.equal((await peer.put(KEY, NAME, { kind: "lnk", meta: META, target: "" })).kind, "failed");
  assert.equal(await said(), "");
  await peer[Symbol.asyncDispose]();
});

Deno.test("list(): more than 28 keys are several LISTs, each row comes once and in order", async () => {
  const keys = Array.from({ length: 30 }, (_, i) => `k${i}` as Key);
  const { peer, said } = await peerOf(`v1\t/b\nv1\t/c\n${OK}v1\t/a%20x\nv1\t/b\n${OK}`);
  const rows = (await Array.fromAsync(peer.list(HOST, [...keys, ...keys]))).flat();
  assert.deepEqual(rows.map((row) => row.key), ["/a%20x", "/b", "/c"]);
  assert.deepEqual((await said()).split("\n").map((line) => line.split(" ").length), [31, 5, 1]);
  await peer[Symbol.asyncDispose]();
});

Deno.test("content(): everything until the end; the connection is used up", async () => {
  const { peer, said } = await peerOf("OK (data_follows).\nall\nof it");
  const content = await peer.content(KEY, NAME);
  assert(Symbol.asyncIterator in content);
  assert.equal(await gather(content), "all\nof it");
  await assert.rejects(peer.flush(KEY, NAME), isCode("protocol/unusable"));
  await peer[Symbol.asyncDispose]();
  assert.equal(await said(), "TYPE K /a\n");
});

Deno.test("dispose: a server that never answers BYE is waited for only a moment", async () => {
  const { peer, said } = await peerOf("", {
    staysOpen: true,
    idleMs: 60_000,
    limits: { goodbyeMs: 30 },
  });
  const before = performance.now();
  await peer[Symbol.asyncDispose]();
  assert(performance.now() - before < 30_000);
  assert.equal(await said(), "BYE\n");
});

Deno.test("an error text of the peer cannot play with the terminal", async () => {
  const { peer } = await peerOf("\x1b]0;pwned\x07\x1b[2J\n");
  assert.deepEqual(await peer.flush(KEY, NAME), { kind: "failed", reply: "?]0;pwned??[2J" });
  await peer[Symbol.asyncDispose]();
});

Deno.test("the trace has every line, and no key", async () => {
  const trace: string[] = [];
  const { duplex } = scripted([{ after: 0, bytes: OK + DEAR }, { after: 21, bytes: OK + OK }]);
  const peer = await connectPeer({ duplex, configName: "", trace: (line) => trace.push(line) });
  await peer.flush("s3cret" as Key, NAME);
  await Array.fromAsync(peer.list(HOST, ["s3cret" as Key]));
  await peer[Symbol.asyncDispose]();
  assert.deepEqual(trace, [
    "Local> CONFIG ",
    "Local> ATOMICPATCH",
    "Peer> OK (cmd_finished).",
    "Peer> Dear 127.0.0.1, please identify first.",
    "Local> FLUSH *** /a",
    "Peer> OK (cmd_finished).",
    "Local> LIST them - ***",
    "Peer> OK (cmd_finished).",
    "Local> BYE",
  ]);
});

const CUT = [
  "01",
  "02",
  "05",
  "08",
  "10",
  "13",
  "16",
  "18",
  "20",
  "25",
  "27",
  "29",
  "30",
  "33",
  "35",
];

for (const number of CUT) {
  const transcript = readTranscript(number);
  const replay = clientSteps(transcript.connections[0]!, transcript);
  const parts = replay.steps.map((step) =>
    step.parts.map((part) => (part.before ?? "") + part.after).join("").length
  );
  const total = parts.reduce((sum, size) => sum + size, 0);
  const asks = replay.steps.filter((step) => step.ask !== undefined).length;
  /** How many requests the first `n` bytes answer completely. */
  const answered = (n: number): number => {
    let left = n, count = 0;
    replay.steps.forEach((step, i) => {
      left -= parts[i]!;
      if (left >= 0 && step.ask !== undefined) count++;
    });
    return count;
  };

  Deno.test(`a server that dies after any byte of ${transcript.name} is never taken for success`, async () => {
    for (let n = 0; n < total; n++) {
      const { succeeded, error } = await replayCut(replay, { cutAfter: n });
      assert(succeeded <= answered(n), `${succeeded} successes after ${n} bytes`);
      if (error !== undefined) assertTyped(error, n);
      else assert.equal(succeeded, asks);
    }
  });

  Deno.test(`a server that falls silent in ${transcript.name} is given up`, async () => {
    for (let n = 0; n < total; n += 41) {
      const { succeeded, error } = await replayCut(replay, {
        cutAfter: n,
        staysOpen: true,
        idleMs: 5,
      });
      assert(succeeded <= answered(n));
      if (error !== undefined) assertTyped(error, n);
    }
  });
}

function assertTyped(error: unknown, n: number): void {
  assert(error instanceof CsyncError, `after ${n} bytes: ${error}`);
  assert.match(
    error.code,
    /^(net\/(truncated|closed|timeout)|protocol\/(closed|line|stream|config|group|ssl))$/,
  );
}

Deno.test("garbage of a server ends every request with a value or a typed error", async () => {
  const line = fc.constantFrom(
    "OK (cmd_finished).",
    "OK (data_follows).",
    "OK (path_not_found).",
    "OK (not_found).",
    "OK (send_data).",
    "OK (x).",
    "---",
    "v1:type=dir",
    "v1\t/a",
    "octet-stream 0",
    "octet-stream 3",
    "octet-stream -1",
    "ERROR",
    "5",
    "",
    "Permission denied!",
    "File is also marked dirty here!",
  );
  const noise = fc.string({ maxLength: 6, unit: "binary-ascii" });
  const answers = fc.array(fc.oneof({ weight: 8, arbitrary: line }, noise), { maxLength: 30 });
  const requests: ((peer: Peer) => Promise<unknown>)[] = [
    look,
    putFile,
    (p) => p.put(KEY, NAME, { kind: "dir", meta: META }),
    (p) => p.remove(KEY, NAME),
    (p) => p.measure(KEY, NAME, "mtime"),
    listAll,
    (p) => p.content(KEY, NAME),
  ];
  const order = fc.array(fc.nat(requests.length - 1), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(answers, order, fc.boolean(), async (lines, asks, isNanos) => {
      const { peer } = await peerOf(lines.join("\n"), { unit: isNanos ? "nanos" : "seconds" });
      for (const ask of asks) {
        const failed = await requests[ask]!(peer).then(() => undefined, (error) => error);
        if (failed !== undefined) assert(failed instanceof CsyncError, String(failed));
        if (failed instanceof ProtocolError && failed.kind === "unusable") break;
      }
      await peer[Symbol.asyncDispose]();
    }),
    { numRuns: 400 },
  );
});
