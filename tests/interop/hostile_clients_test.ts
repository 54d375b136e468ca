/** Clients that lie, stop, flood and inject, against our server; numbers are those of W 20. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { CsyncError, failed, isDbName } from "../../src/model/mod.ts";
import type { KnownFlavours, RequestHandler, ServeLimits } from "../../src/protocol/mod.ts";
import { serveConnection } from "../../src/protocol/mod.ts";
import { type Saying, scripted, type ScriptOptions } from "../support/script_link.ts";
import { ScriptedHandler } from "../support/scripted_handler.ts";
import { StubHandler } from "../support/stub_handler.ts";
import { clientScript, type Exchange, readTranscript, sized } from "../support/transcript.ts";

const OK = "OK (cmd_finished).\n";
const START = "CONFIG \nHELLO me\n";
const STARTED = OK + OK;
const SIGNATURE = "rs\x016\0\0\x08\0\0\0\0\x08";
const SEND_DATA = `OK (send_data).\noctet-stream 12\n${SIGNATURE}`;

interface Options extends ScriptOptions {
  readonly handler?: Partial<RequestHandler>;
  readonly limits?: ServeLimits;
  readonly isWithTls?: boolean;
  readonly isKnownNanos?: boolean;
  /** What a server process remembers. */
  readonly known?: KnownFlavours;
}

/** Serves a client that says all of it at once, or piece by piece. */
async function serve(client: string | readonly Saying[], options: Options = {}) {
  const sayings = typeof client === "string" ? [{ after: 0, bytes: client }] : client;
  const { duplex, link } = scripted(sayings, options);
  const handler = new StubHandler(options.handler);
  const errors: unknown[] = [], trace: string[] = [];
  await serveConnection({
    duplex,
    handler,
    ...(options.limits && { limits: options.limits }),
    ...(options.isWithTls && { tls: { upgrade: (plain) => Promise.resolve(plain) } }),
    knownFlavours: options.known ?? new Map(options.isKnownNanos ? [["me", "nanos"]] : []),
    trace: (line) => trace.push(line),
    note: (error) => errors.push(error),
  });
  return { heard: link.heard, handler, errors, trace, asked: handler.asked.map((a) => a.what) };
}

function codes(errors: readonly unknown[]): string[] {
  return errors.map((e) => e instanceof CsyncError ? e.code : `untyped ${e}`);
}

const FIRST_LINES = [
  { client: "", heard: "" },
  { client: "\n", heard: "Expecting SSL (optional) and CONFIG as first commands.\n" },
  { client: "HELLO x\n", heard: "Expecting SSL (optional) and CONFIG as first commands.\n" },
  { client: "%43ONFIG\n", heard: "Expecting SSL (optional) and CONFIG as first commands.\n" },
  { client: "config\r\nbye\r\n", heard: `${OK}OK (cu_later).\n` },
  { client: "CONFIG a1 ignored\nBYE\n", heard: `${OK}OK (cu_later).\n` },
  { client: "CONFIG %66oo\nBYE\n", heard: `${OK}OK (cu_later).\n` },
  { client: "CONFIG Foo\n", heard: "Config names are limited to [a-z0-9]+.\n" },
  { client: "CONFIG ../x\n", heard: "Config names are limited to [a-z0-9]+.\n" },
  { client: "CONFIG a%00\n", heard: "Config names are limited to [a-z0-9]+.\n" },
  { client: "SSL\n", heard: "This csync2 server is built without SSL support.\n" },
];

for (const { client, heard } of FIRST_LINES) {
  Deno.test(`serveConnection() begins ${JSON.stringify(client)}`, async () => {
    const served = await serve(client);
    assert.equal(served.heard, heard);
    assert.deepEqual(served.errors, []);
  });
}

Deno.test("serveConnection() encrypts when asked, tells the handler, and insists on CONFIG then", async () => {
  const script = [{ after: 0, bytes: "ssl x\n" }, { after: 21, bytes: "SSL\n" }];
  const served = await serve(script, { isWithTls: true, certificate: new Uint8Array([1]) });
  assert(served.handler.isSecured);
  assert.equal(
    served.heard,
    "OK (activating_ssl).\nExpecting SSL (optional) and CONFIG as first commands.\n",
  );
});

const FILE_COMMANDS = [
  { line: "PATCH k /a", asked: ["beginPut", "apply", "dispose"], delta: "octet-stream 1\nx" },
  { line: "DEL k /a", asked: ["change"], more: { kind: "remove" } },
  { line: "MKDIR k /a", asked: ["change"], more: { kind: "mkdir" } },
  { line: "MKDIR k /a 1 2", asked: ["change"], more: { kind: "mkdir" } },
  {
    line: "MKDIR k /a 1 2 16877 1600000000",
    asked: ["change"],
    more: {
      kind: "mkdir",
      meta: { uid: 1, gid: 2, mode: 0o40755, mtime: 1_600_000_000_000_000_000n },
    },
  },
  { line: "MKDIR k /a 1 2 x 5", asked: [], reply: "Invalid argument" },
  { line: "MKCHR k /a", asked: ["change"], more: { kind: "node", type: "chr" } },
  {
    line: "MKBLK k /a -256",
    asked: ["change"],
    more: { kind: "node", type: "blk", rdev: 0xffffff00 },
  },
  { line: "MKBLK k /a 1e3", asked: [], reply: "Invalid argument" },
  { line: "MKFIFO k /a", asked: ["change"], more: { kind: "fifo" } },
  { line: "MKSOCK k /a", asked: ["change"], more: { kind: "sock" } },
  { line: "MKLINK k /a b%20c", asked: ["change"], more: { kind: "link", target: "b c" } },
  { line: "SETOWN k /a -1 4294967295", asked: ["change"], more: { kind: "own", uid: -1, gid: -1 } },
  { line: "SETOWN k /a 5", asked: [], reply: "Invalid argument" },
  { line: "SETMOD k /a 35309", asked: ["change"], more: { kind: "mode", mode: 0o4755 } },
  { line: "SETMOD k /a -1", asked: [], reply: "Invalid argument" },
  { line: "SETIME k /a -5", asked: ["change"], more: { kind: "mtime", mtime: -5_000_000_000n } },
  { line: "SETIME k /a 99999999999999999999", asked: [], reply: "Invalid argument" },
  { line: "SETIME k /a", asked: [], reply: "Invalid argument" },
  { line: "MARK k /a", asked: ["mark"] },
  { line: "%66LUSH k /a", asked: ["flush"] },
];

for (const { line, asked, more, reply, delta } of FILE_COMMANDS) {
  Deno.test(`serveConnection() understands ${line}`, async () => {
    const served = await serve(`${START}${line}\n${delta ?? ""}`);
    assert.deepEqual(served.asked.slice(2), asked);
    if (more !== undefined) assert.deepEqual(served.handler.asked[2]!.more, more);
    const answer = reply === undefined ? OK : `${reply}\n`;
    assert.equal(served.heard, STARTED + (delta === undefined ? "" : SEND_DATA) + answer);
  });
}

Deno.test("serveConnection() knows no commands of other versions (W 11)", async () => {
  for (const word of ["AUTH", "DEBUG", "CREATE", "MKHLNK", "STAT"]) {
    const served = await serve(`${START}${word} k /a\nBYE\n`);
    assert.equal(served.heard, `${STARTED}Unknown command!\nOK (cu_later).\n`);
    assert.equal(served.asked.length, 2, "nobody is asked");
  }
});

Deno.test("serveConnection() counts our own client's times in nanoseconds, whatever their size", async () => {
  const client = "CONFIG \nATOMICPATCH\nHELLO me\nSETIME k /a 1000000000\nGETTM k /a\nLIST x - k\n";
  const served = await serve(client);
  assert.deepEqual(served.handler.asked[2]!.more, { kind: "mtime", mtime: 1_000_000_000n });
  assert.match(served.heard, /\nOK \(data_follows\)\.\n5\n/);
  assert.equal((served.handler.asked.at(-1)!.more as { unit: string }).unit, "nanos");
});

for (
  const [line, unit] of [
    ["MKFIFO k /a", "seconds"],
    ["PATCH k /a\nERROR", "seconds"],
    ["MKDIR k /a", "seconds"],
    ["MKDIR k /a 0 0 493 1", "nanos"],
    ["ATOMICPATCH k /a 0 0 493 1\nERROR", "nanos"],
    ["SETIME k /a 1600000000", "seconds"],
    ["SETIME k /a 1600000000000000000", "nanos"],
    ["SETIME k /a 1600000000000000000\nPATCH k /a\nERROR", "nanos"],
  ] as const
) {
  Deno.test(`serveConnection() lists in ${unit} after ${JSON.stringify(line)}`, async () => {
    const { handler } = await serve(`${START}${line}\nLIST x - k\n`);
    assert.equal((handler.asked.at(-1)!.more as { unit: string }).unit, unit);
  });
}

Deno.test("serveConnection() lists in the unit that the peer showed on an earlier connection", async () => {
  const { handler } = await serve(`${START}LIST x - k\n`, { isKnownNanos: true });
  assert.equal((handler.asked.at(-1)!.more as { unit: string }).unit, "nanos");
});

Deno.test("serveConnection() takes no C client for one of ours on the same host", async () => {
  const known: KnownFlavours = new Map();
  const unitOf = async (client: string) => {
    const { handler } = await serve(client, { known });
    return (handler.asked.at(-1)!.more as { unit: string }).unit;
  };
  const ours = START.replace("HELLO", "ATOMICPATCH\nHELLO");
  assert.equal(await unitOf(`${ours}SETIME k /a 5\nLIST x - k\n`), "nanos");
  assert.equal(await unitOf(`${START}LIST x - k\n`), "seconds");
  assert.equal(await unitOf(`${START}SETIME k /a 1600000000000000000\nLIST x - k\n`), "nanos");
  assert.equal(await unitOf(`${START}LIST x - k\n`), "nanos");
});

Deno.test("serveConnection() ends after TYPE, and after a refused TYPE goes on", async () => {
  const served = await serve(`${START}TYPE k /a\nBYE\n`);
  assert.equal(served.heard, `${STARTED}OK (data_follows).\ncontent`);
  const content = () => Promise.resolve(failed("Is a directory"));
  const refused = await serve(`${START}TYPE k /a\nBYE\n`, { handler: { content } });
  assert.equal(refused.heard, `${STARTED}Is a directory\nOK (cu_later).\n`);
});

Deno.test("serveConnection() closes without a reply and tells note() when the handler throws", async () => {
  const change = () => Promise.reject(new Error("disk on fire"));
  const served = await serve(`${START}DEL k /a\nBYE\n`, { handler: { change } });
  assert.equal(served.heard, STARTED);
  assert.deepEqual(served.errors.map(String), ["Error: disk on fire"]);
});

Deno.test("serveConnection() never writes a group key into the trace", async () => {
  const { trace } = await serve(`${START}SIG s3cret /a\nLIST x - s3cret s3cret\n%53ig s3cret /b\n`);
  assert(trace.includes("Peer> SIG *** /a") && trace.includes("Local> OK (path_not_found)."));
  assert(!trace.join().includes("s3cret"));
});

Deno.test("W 20.1 a promised delta is taken before any reply, also when the put fails at once", async () => {
  const beginPut = () =>
    Promise.resolve({
      signature: sized(SIGNATURE),
      apply: () => Promise.resolve(failed("No space left on device")), // pulls nothing
      abort: () => Promise.resolve(failed("Input/output error")),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  const served = await serve(`${START}PATCH k /a\noctet-stream 8\nFOO\nBYE\nDEL k /a\nBYE\n`, {
    handler: { beginPut },
  });
  assert.equal(
    served.heard,
    `${STARTED}${SEND_DATA}No space left on device\n${OK}OK (cu_later).\n`,
  );
});

Deno.test("W 20.2 a SIG that cannot be signed is an error line and nothing else", async () => {
  const look = () => Promise.resolve(failed("Permission denied"));
  const served = await serve(`${START}SIG k /a\nBYE\n`, { handler: { look } });
  assert.equal(served.heard, `${STARTED}Permission denied\nOK (cu_later).\n`);
});

Deno.test("W 20.2 a signature that is shorter than announced closes the connection", async () => {
  const look = () =>
    Promise.resolve({
      kind: "there" as const,
      checkText: "v1",
      signature: { ...sized("abc"), size: 12 },
    });
  const served = await serve(`${START}SIG k /a\nBYE\n`, { handler: { look } });
  assert.deepEqual(codes(served.errors), ["protocol/source"]);
  assert(!served.heard.includes("cu_later"));
});

Deno.test("W 20.3 PATCH is refused before send_data, never with a negative length", async () => {
  const beginPut = () => Promise.resolve(failed("Is a directory"));
  const served = await serve(`${START}PATCH k /a\nBYE\n`, { handler: { beginPut } });
  assert.equal(served.heard, `${STARTED}Is a directory\nOK (cu_later).\n`);
});

for (const word of ["ERROR", "octet-stream -1", "octet-stream -9"]) {
  Deno.test(`W 20.29 a client gives a PATCH up with ${word}`, async () => {
    const served = await serve(`${START}PATCH k /a\n${word}\nBYE\n`);
    assert.equal(served.heard, `${STARTED}${SEND_DATA}Input/output error\nOK (cu_later).\n`);
    assert.deepEqual(served.asked.slice(2), ["beginPut", "abort", "dispose"]);
  });
}

for (const word of ["BYE", "", "octet-stream x", "octet-stream 99999999999999999999"]) {
  Deno.test(`W 20.29 anything else in place of the delta ends the connection: "${word}"`, async () => {
    const served = await serve(`${START}PATCH k /a\n${word}\nBYE\n`);
    assert.equal(served.heard, STARTED + SEND_DATA);
    assert.deepEqual(codes(served.errors), ["protocol/stream"]);
    assert.deepEqual(served.asked.slice(2), ["beginPut", "dispose"]);
  });
}

Deno.test("W 20.5 plain text behind SSL in the same segment is refused", async () => {
  const served = await serve("SSL\nCONFIG \nHELLO me\n", { isWithTls: true });
  assert.equal(served.heard, "");
  assert.deepEqual(codes(served.errors), ["protocol/ssl"]);
  assert.deepEqual(served.asked, []);
});

Deno.test("W 20.11 a time of one second before the epoch is not taken for a missing file", async () => {
  const measure = () => Promise.resolve(-1_000_000_000n);
  const served = await serve(`${START}GETTM k /a\n`, { handler: { measure } });
  assert.equal(served.heard, `${STARTED}OK (data_follows).\n0\n`);
  const missing = await serve(`${START}GETTM k /a\n`, {
    handler: { measure: () => Promise.resolve(undefined) },
  });
  assert.equal(missing.heard, `${STARTED}OK (data_follows).\n-1\n`);
});

const FLOODS = [
  { what: "an endless first line", client: "x".repeat(20_000), code: "net/line-too-long" },
  { what: "an endless command", client: START + "x".repeat(20_000), code: "net/line-too-long" },
  {
    what: "a line of 16384 bytes",
    client: `${START}SIG k /${"x".repeat(16_376)}\n`,
    code: "net/line-too-long",
  },
  {
    what: "an endless stream header",
    client: `${START}PATCH k /a\noctet-stream ${"0".repeat(200)}\n`,
    code: "net/line-too-long",
  },
  {
    what: "a delta beyond the limit",
    client: `${START}PATCH k /a\noctet-stream 1001\n`,
    code: "protocol/stream",
  },
  { what: "silence", client: START, code: "net/timeout", staysOpen: true },
  { what: "silence at once", client: "", code: "net/timeout", staysOpen: true },
  {
    what: "silence in a delta",
    client: `${START}PATCH k /a\noctet-stream 5\nab`,
    code: "net/timeout",
    staysOpen: true,
  },
];

for (const { what, client, code, staysOpen } of FLOODS) {
  Deno.test(`W 20.12 ${what} ends the connection`, async () => {
    const idleMs = code === "net/timeout" ? 200 : 10_000;
    const limits = { idleMs, firstLineMs: idleMs, maxStreamBytes: 1_000 };
    const served = await serve(client, { limits, ...(staysOpen && { staysOpen }) });
    assert.deepEqual(codes(served.errors), [code]);
    assert(!served.asked.includes("apply"));
  });
}

const NAMES = [
  "relative",
  "./a",
  "/a/../b",
  "/a/.",
  "/a//b",
  "/a/",
  "//a",
  "..",
  "%25p%25x/a",
  "%25p%25/../a",
  "%25%25/a",
  "/a%00b",
  "/a%zz",
  "/a%",
  "%00",
  "",
];

for (const name of NAMES) {
  Deno.test(`W 20.13, W 20.16 every command refuses the name "${name}"`, async () => {
    const words = "SIG MARK TYPE GETTM GETSZ FLUSH DEL PATCH MKDIR MKCHR MKBLK MKFIFO MKLINK " +
      "MKSOCK SETOWN SETMOD SETIME ATOMICPATCH";
    const lines = words.split(" ").map((word) =>
      name === "" ? `${word} k` : `${word} k ${name} 1 1 1 1`
    );
    const served = await serve(`${START}${lines.join("\n")}\n`);
    assert.equal(served.heard, STARTED + "Permission denied!\n".repeat(lines.length));
    assert.deepEqual(served.asked, ["configure", "identify"]);
  });
}

Deno.test("W 20.14 missing arguments are refused, not read as zero", async () => {
  const lines = ["SETOWN k /a 0", "SETMOD k /a", "ATOMICPATCH k /a 0 0 420", "MKLINK k /a"];
  const served = await serve(`${START}${lines.join("\n")}\n`);
  const invalid = "Invalid argument\n";
  assert.equal(served.heard, `${STARTED}${invalid.repeat(3)}No such file or directory\n`);
  assert.deepEqual(served.asked, ["configure", "identify"]);
});

Deno.test("W 20.14 an empty argument vanishes, and what takes its place is judged for what it is", async () => {
  const lines = ["DEL  /a", "MKLINK k  /a", "SETOWN k  0 0", "SETMOD k /a ", "PATCH  k"];
  const served = await serve(`${START}${lines.join("\n")}\nBYE\n`);
  const denied = "Permission denied!\n";
  assert.equal(
    served.heard,
    `${STARTED}${denied}No such file or directory\n${denied}Invalid argument\n${denied}OK (cu_later).\n`,
  );
  assert.deepEqual(served.asked, ["configure", "identify"]);
});

Deno.test("W 20.24 link targets up to 4095 bytes arrive whole, longer ones are refused", async () => {
  const long = "t".repeat(4_095);
  const served = await serve(`${START}MKLINK k /a ${long}\nMKLINK k /a ${long}t\n`);
  assert.equal(served.heard, `${STARTED}${OK}File name too long\n`);
  assert.deepEqual(served.handler.asked[2]!.more, { kind: "link", target: long });
});

Deno.test("W 20.9 LIST needs a key, and an impossible name matches nothing", async () => {
  const served = await serve(`${START}LIST x -\nLIST x /a/../b k\nLIST x\nLIST\nLIST x - k\n`);
  assert.equal(
    served.heard,
    `${STARTED}${OK.repeat(4)}v1%3Atype=dir\t/a\nv1%3Atype=dir\t/b\n${OK}`,
  );
});

const CUT = ["01", "02", "05", "08", "10", "13", "15", "16", "22", "25", "26", "30", "31", "33"];

for (const number of CUT) {
  const transcript = readTranscript(number);
  Deno.test(`a client that dies after any byte of ${transcript.name} changes nothing by halves`, async () => {
    const steps = transcript.connections[0]!;
    const total = steps.reduce((sum, e) => sum + e.client.length, 0);
    for (let n = 0; n <= total; n++) await cutAfter(steps, n, number === "31");
  });
}

async function cutAfter(steps: readonly Exchange[], n: number, isKnownNanos: boolean) {
  const { duplex, link } = scripted(clientScript(steps), { cutAfter: n });
  const handler = new ScriptedHandler(steps);
  const errors: unknown[] = [];
  await serveConnection({
    duplex,
    handler,
    knownFlavours: new Map(isKnownNanos ? [["1.csync2.test", "nanos"]] : []),
    note: (error) => errors.push(error),
  });
  const said = steps.map((e) => e.before + e.after).join("");
  // W 2.1: exactly one byte before the end is a line.
  const heard = link.heard.replace(/(Unknown command!|Expecting SSL .*)\n$/, "");
  assert(said.startsWith(heard), `after ${n} bytes: ${JSON.stringify(heard.slice(-60))}`);
  const whole = steps.filter((_, i) =>
    n >= steps.slice(0, i + 1).reduce((sum, e) => sum + e.client.length, 0)
  );
  assert(handler.changes.length <= whole.length);
  const known = /^(net\/(truncated|closed)|protocol\/(closed|stream))$/; // a header of one byte
  for (const code of codes(errors)) assert.match(code, known, `after ${n} bytes`);
}

Deno.test("garbage never gets past the table: typed ends only, and only proper names", async () => {
  const word = fc.constantFrom(
    ..."SIG TYPE PATCH ATOMICPATCH MKDIR MKLINK SETOWN SETIME LIST HELLO GROUP BYE ERROR k /a /a/.. - 1 -1 %25p%25/b %00 \n \n octet-stream 3 x"
      .split(" "),
  );
  const noise = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 8 })
    .map((bytes) => String.fromCharCode(...bytes));
  const client = fc.array(fc.oneof({ weight: 6, arbitrary: word }, noise), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(client, fc.boolean(), async (parts, isStarted) => {
      const served = await serve((isStarted ? START : "") + parts.join(" "), { idleMs: 500 });
      for (const code of codes(served.errors)) assert.match(code, /^(net|protocol)\//);
      for (const { at } of served.handler.asked) assert(at === undefined || isDbName(at.name));
    }),
    { numRuns: 400 },
  );
});
