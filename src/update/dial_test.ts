import assert from "node:assert/strict";
import { configOf } from "../../tests/support/config.ts";
import { scripted } from "../../tests/support/script_link.ts";
import type { HostName } from "../model/mod.ts";
import { CsyncError } from "../model/mod.ts";
import { MemoryReporter } from "../report/mod.ts";
import { MemoryStore } from "../state/mod.ts";
import { dialer, type DialOptions } from "./dial.ts";

const GROUP = "group g { host a.demo b.demo; key k; include /a; }";
const PEER = "b.demo" as HostName;
/** Of the bytes 1, 2, 3. */
const FINGERPRINT =
  "03:90:58:C6:F2:C0:CB:49:2C:53:3B:0A:4D:14:EF:77:CC:0F:78:AB:CC:CE:D5:28:7D:84:A1:A2:01:1C:FB:81";

const UNKNOWN = "Unknown command!\n";
const FAST = `OK (csync3 1 ${"5a".repeat(32)}).\n`;

/** A server that answers SSL, CONFIG, the probe and the offer, and shows this certificate. */
function server(certificate: readonly number[], answers: readonly string[] = []) {
  const [config = "OK (cmd_finished).\n", probe = "Dear x\n", offer = UNKNOWN] = answers;
  const sent = "SSL\nCONFIG \n".length;
  return scripted(
    [
      { after: 4, bytes: "OK (activating_ssl).\n" },
      { after: sent, bytes: config },
      { after: sent + "ATOMICPATCH\n".length, bytes: probe },
      { after: sent + "ATOMICPATCH\nCSYNC3 1 \n".length + 64, bytes: offer },
    ].filter(({ bytes }) => bytes !== ""),
    { certificate: new Uint8Array(certificate) },
  );
}

async function dialling(
  options: Partial<DialOptions> & { certificate?: number[]; text?: string; answers?: string[] },
) {
  const reporter = new MemoryReporter();
  const state = options.state ?? new MemoryStore();
  const { duplex, link } = server(options.certificate ?? [1, 2, 3], options.answers);
  const dial = dialer({
    config: configOf(options.text ?? GROUP),
    state,
    reporter,
    connect: () => Promise.resolve(duplex),
    upgrade: (plain) => Promise.resolve(plain),
    ...options,
  });
  await using peer = await dial(PEER);
  const pin = (await state.pin(PEER))?.certificate;
  const dialect = await state.note("dialect/b.demo");
  const isOffered = link.heard.includes("CSYNC3");
  return { isConnected: peer !== undefined, reporter, pin, dialect, isOffered };
}

const texts = (reporter: MemoryReporter, level: number) =>
  reporter.events.filter((e) => e.level <= level).map((e) => e.text);

Deno.test("dialer() pins the certificate of the first contact (W 5.3)", async () => {
  const { isConnected, pin, reporter } = await dialling({});
  assert.deepEqual([isConnected, pin], [true, "010203"]);
  assert.deepEqual(texts(reporter, 1), [
    "Connecting to host b.demo (SSL) ...",
    `Adding peer x509 certificate to db: SHA-256 ${FINGERPRINT}`,
  ]);
});

Deno.test("dialer() accepts the pinned certificate and keeps the pin", async () => {
  const state = new MemoryStore();
  await state.transaction((tx) => tx.pinFirst({ peer: PEER, certificate: "010203" }));
  const { isConnected, pin, reporter } = await dialling({ state });
  assert.deepEqual([isConnected, pin, texts(reporter, 1).length], [true, "010203", 1]);
});

Deno.test("W 20.30 dialer() refuses a changed certificate, tells both and what to do", async () => {
  const state = new MemoryStore();
  await state.transaction((tx) => tx.pinFirst({ peer: PEER, certificate: "FFEE" }));
  const { isConnected, pin, reporter } = await dialling({ state });
  assert.deepEqual([isConnected, pin, reporter.errors], [false, "FFEE", 1]);
  const [text = ""] = texts(reporter, 0);
  assert.match(text, /^ERROR: b\.demo did provide another SSL certificate than before/);
  assert.ok(text.includes(`shown SHA-256 ${FINGERPRINT}`));
  assert.match(text, /Known SHA-256 ([0-9A-F]{2}:){31}[0-9A-F]{2},/);
  assert.match(text, /remove the known one/);
});

Deno.test("W 20.6 dialer() pins hosts of a group only, and nothing in a dry run", async () => {
  const other = GROUP.replace("b.demo", "c.demo");
  for (const options of [{ text: other }, { dryRun: true }]) {
    const { isConnected, pin } = await dialling(options);
    assert.deepEqual([isConnected, pin], [true, undefined]);
  }
});

Deno.test("dialer() does not encrypt where nossl says so, with the system's name", async () => {
  const script = scripted([
    { after: 8, bytes: "OK (cmd_finished).\n" },
    { after: 20, bytes: UNKNOWN },
    { after: 90, bytes: UNKNOWN },
  ]);
  const { isConnected, reporter } = await dialling({
    text: `nossl a.demo b.*; ${GROUP}`,
    connect: () => Promise.resolve(script.duplex),
  });
  assert.ok(isConnected);
  assert.deepEqual(texts(reporter, 1), ["Connecting to host b.demo (PLAIN) ..."]);
});

Deno.test("D 7.4.13 dialer() counts a failed connection once, and says the step with -v", async () => {
  const failing = (code: string) => () =>
    Promise.reject(new CsyncError(code, { message: "Cannot connect" }));
  const refusal =
    'Cannot start: the peer answered "Config names are limited to [a-z0-9]+." to CONFIG';
  const cannot = "Cannot connect";
  const noAddress = "Can't create socket: No such file or directory";
  const cases: [Parameters<typeof dialling>[0], string[], string][] = [
    [{ connect: failing("net/refused") }, [], cannot],
    [{ connect: failing("net/resolve") }, [noAddress], cannot],
    [{ upgrade: failing("net/tls") }, ["SSL command failed. Cannot connect"], cannot],
    [
      { answers: ["Config names are limited to [a-z0-9]+.\n", ""] },
      [`Config command failed. ${refusal}`],
      refusal,
    ],
    [{ upgrade: failing("protocol/group") }, ["Group command failed. Cannot connect"], cannot],
  ];
  for (const [options, steps, reason] of cases) {
    const { isConnected, reporter } = await dialling(options);
    assert.equal(isConnected, false);
    assert.equal(reporter.errors, 1);
    assert.deepEqual(
      texts(reporter, 1).slice(1).filter((text) => !text.startsWith("Adding")),
      [...steps, `ERROR: Connection to remote host \`b.demo' failed. (${reason})`],
    );
  }
});

Deno.test("dialer() passes on errors that are no errors of the connection", async () => {
  const connect = () => Promise.reject(new TypeError("a bug"));
  await assert.rejects(dialling({ connect }), /a bug/);
});

async function known(dialect: "classic" | "fast", { isPinned = true } = {}) {
  const state = new MemoryStore();
  await state.transaction(async (tx) => {
    await tx.putNote("dialect/b.demo", dialect);
    if (isPinned) await tx.pinFirst({ peer: PEER, certificate: "010203" });
  });
  return state;
}

const OURS = ["OK (cmd_finished).\n", "Dear x, I am csync2 3 (ours).\n"];

for (
  const [what, before, answers, isOffered, after] of [
    ["one of ours that has proven nothing yet", undefined, [...OURS, FAST], true, undefined],
    ["a new C program", undefined, ["OK (cmd_finished).\n", UNKNOWN], true, "classic"],
    ["a C program", "classic", ["OK (cmd_finished).\n", UNKNOWN, ""], false, "classic"],
    ["one of ours", "fast", [...OURS, FAST], true, "fast"],
    ["one that went back", "fast", ["OK (cmd_finished).\n", UNKNOWN], true, "classic"],
  ] as const
) {
  Deno.test(`dialer() remembers what ${what} speaks`, async () => {
    const state = before === undefined ? new MemoryStore() : await known(before);
    const got = await dialling({ state, answers: [...answers] });
    assert.deepEqual([got.isConnected, got.isOffered, got.dialect], [true, isOffered, after]);
    const told = texts(got.reporter, 1).filter((text) => text.includes("speaks only"));
    assert.equal(told.length, what === "one that went back" ? 1 : 0);
  });
}

Deno.test("dialer() tells no key to somebody who takes the place of a peer that has proven one", async () => {
  const answers = ["OK (cmd_finished).\n", UNKNOWN];
  const state = () => known("fast", { isPinned: false });
  const got = await dialling({ state: await state(), answers });
  assert.deepEqual([got.isConnected, got.pin, got.dialect], [false, undefined, "fast"]);
  const [line = ""] = texts(got.reporter, 0);
  assert.match(line, /has proven the group key before.*an unknown certificate.*--forget-cert/);
  const classic = await dialling({
    state: await state(),
    answers: [...answers, ""],
    classic: true,
  });
  assert.deepEqual([classic.isConnected, classic.dialect], [true, "fast"]);
  const plain = await plainly(await state());
  assert.equal(plain.isConnected, false);
  assert.match(plain.said, /with no certificate.*--forget-cert/);
  const unknown = await plainly(new MemoryStore());
  assert.deepEqual(unknown, { isConnected: true, said: "" });
});

/** A server that answers as C programs do, without TLS. */
async function plainly(state: MemoryStore) {
  const reporter = new MemoryReporter();
  const { duplex } = scripted([
    { after: 8, bytes: `OK (cmd_finished).\n${UNKNOWN}${UNKNOWN}` },
  ]);
  const dial = dialer({
    config: configOf(`nossl a.demo b.demo; ${GROUP}`),
    state,
    reporter,
    connect: () => Promise.resolve(duplex),
    upgrade: (plain) => Promise.resolve(plain),
  });
  await using peer = await dial(PEER);
  return { isConnected: peer !== undefined, said: texts(reporter, 0).join("\n") };
}

Deno.test("dialer() with --classic offers nothing, and remembers nothing", async () => {
  const got = await dialling({
    state: await known("fast"),
    classic: true,
    answers: [...OURS, ""],
  });
  assert.deepEqual([got.isConnected, got.isOffered, got.dialect], [true, false, "fast"]);
});

Deno.test("dialer() remembers no dialect in a dry run", async () => {
  const { isConnected, dialect } = await dialling({ dryRun: true, answers: [...OURS, FAST] });
  assert.deepEqual([isConnected, dialect], [true, undefined]);
});

Deno.test("dialer() pins a certificate of ours only when a key was proven", async () => {
  const { isConnected, pin, reporter } = await dialling({ answers: [...OURS, FAST] });
  assert.deepEqual([isConnected, pin], [true, undefined]);
  assert.ok(!texts(reporter, 1).some((text) => text.startsWith("Adding")));
});
