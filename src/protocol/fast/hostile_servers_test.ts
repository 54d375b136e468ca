/** Servers that break the rules of the fast dialect: everybody who waits gets an error, soon. */
import assert from "node:assert/strict";
import { dbName } from "../../model/mod.ts";
import { file, isCode, KEY, ME } from "../../../tests/support/fast_bed.ts";
import {
  bytesOf,
  frame,
  rawServer,
  text,
  u16,
  u32,
  welcome,
  welcomedPeer,
} from "../../../tests/support/raw_frames.ts";
import { gather, sized } from "../../../tests/support/transcript.ts";
import type { Peer } from "../peer.ts";
import { CREDIT_BYTES, DATA_MAX_BYTES, FRAME_MAX_BYTES } from "./layout.ts";

const A = dbName("/a");
const look = (peer: Peer) => peer.look(KEY, A, () => Promise.resolve());
const flush = (peer: Peer) => peer.flush(KEY, A);
const digest = (peer: Peer) => peer.look(KEY, A, async ({ digest }) => await digest!());
const offer = (peer: Peer) =>
  peer.bulk!.offer([{ key: KEY, name: A, here: file(1), isCurrent: true }]);
const put = (peer: Peer) =>
  peer.put(KEY, A, file(100_000), async (signature) => {
    await gather(signature);
    return { size: 1, bytes: sized("\0").bytes };
  });
const putWhole = (peer: Peer) =>
  peer.put(KEY, A, file(300_000), undefined, {
    isNew: true,
    whole: () => ({
      size: 300_000,
      bytes: sized("x".repeat(300_000)).bytes,
      isStillValid: () => true,
    }),
  });
const list = (peer: Peer) => Array.fromAsync(peer.list(ME, [KEY]));
const content = async (peer: Peer) => {
  const stream = await peer.content(KEY, A);
  return Symbol.asyncIterator in stream ? await gather(stream) : stream;
};
const ranges = (peer: Peer) =>
  peer.bulk!.ranges!.digests({ name: ME, keys: [KEY], bounds: ["/a", "/b"] });

const row = (line: string) => bytesOf(frame("go", 2), frame("data", 2, 0, `${line}`));
const BREACHES: readonly {
  what: string;
  ask: (peer: Peer) => Promise<unknown>;
  bytes: Uint8Array;
  code?: string;
}[] = [
  { what: "a length above the limit", ask: flush, bytes: u32(FRAME_MAX_BYTES + 1) },
  { what: "a length of nothing", ask: flush, bytes: u32(0) },
  { what: "a request", ask: flush, bytes: frame("flush", 2) },
  { what: "an unknown type", ask: flush, bytes: frame(99, 2) },
  { what: "an answer that nobody has asked for", ask: flush, bytes: frame("ok", 99) },
  { what: "bytes behind an answer", ask: flush, bytes: frame("ok", 2, 0) },
  { what: "an unknown refusal", ask: flush, bytes: frame("refused", 2, 5, u16(0)) },
  { what: "a refusal that is cut", ask: flush, bytes: frame("refused", 2, 4, u16(9), "x") },
  {
    what: "a refusal that is too long",
    ask: flush,
    bytes: frame("refused", 2, 4, text("x".repeat(4_097))),
  },
  { what: "GO to a request without content", ask: flush, bytes: frame("go", 2) },
  { what: "a content for a request without one", ask: flush, bytes: frame("data", 2, 0, "x") },
  { what: "an empty answer to LOOK", ask: look, bytes: frame("ok", 2) },
  { what: "an unknown place", ask: look, bytes: frame("ok", 2, 3) },
  {
    what: "a check text that is too long",
    ask: look,
    bytes: frame("ok", 2, 2, text("v".repeat(16_385))),
  },
  {
    what: "a digest that is too short",
    ask: digest,
    bytes: bytesOf(frame("ok", 2, 2, text("v1")), frame("ok", 4, "x")),
  },
  { what: "fewer answers than offers", ask: offer, bytes: frame("ok", 2, u16(0)) },
  { what: "more answers than offers", ask: offer, bytes: frame("ok", 2, u16(2), 0, 0) },
  { what: "an unknown answer to an offer", ask: offer, bytes: frame("ok", 2, u16(1), 5) },
  { what: "too few sums", ask: ranges, bytes: frame("ok", 2, u32(1), new Uint8Array(31)) },
  { what: "two sums for one range", ask: ranges, bytes: frame("ok", 2, new Uint8Array(72)) },
  { what: "a signature before GO", ask: put, bytes: frame("data", 2, 0, "x") },
  { what: "GO twice", ask: put, bytes: bytesOf(frame("go", 2), frame("go", 2)) },
  {
    what: "success in the middle of a signature",
    ask: put,
    bytes: bytesOf(frame("go", 2), frame("data", 2, 0, "x"), frame("ok", 2)),
  },
  {
    what: "a signature behind its end",
    ask: put,
    bytes: bytesOf(frame("go", 2), frame("end", 2, 0), frame("end", 2, 0)),
  },
  {
    what: "success in the middle of our content",
    ask: putWhole,
    bytes: bytesOf(frame("go", 2), frame("ok", 2)),
  },
  {
    what: "a refusal in the middle of our content",
    ask: putWhole,
    bytes: bytesOf(frame("go", 2), frame("refused", 2, 0, u16(0))),
  },
  {
    what: "a signature that is too long",
    ask: put,
    bytes: bytesOf(frame("go", 2), frame("data", 2, 0, "x".repeat(2_001))),
    code: "stream",
  },
  { what: "a row without a tab", ask: list, bytes: row("v1%3Atype=dir\n") },
  { what: "a row that is cut", ask: list, bytes: row("v1%3Atype=dir\t/a") },
  { what: "a row of something else", ask: list, bytes: row("x\t/a\n") },
  { what: "a row with a wrong name", ask: list, bytes: row("v1%3Atype=dir\t/a/../b\n") },
  { what: "rows that descend", ask: list, bytes: row("v1\t/b\nv1\t/a\n") },
  { what: "a row twice", ask: list, bytes: row("v1\t/b\nv1\t/b\n") },
  {
    what: "a packed content, which was not agreed on",
    ask: content,
    bytes: bytesOf(frame("go", 2), frame("data", 2, 1, u32(3), "x")),
  },
  {
    what: "a content with too much at once",
    ask: content,
    bytes: bytesOf(frame("go", 2), frame("data", 2, 0, new Uint8Array(DATA_MAX_BYTES + 1))),
  },
  {
    what: "more grants than there are",
    ask: flush,
    bytes: bytesOf(...Array.from({ length: 300 }, () => frame("credit", 0, u32(0xffff_ffff)))),
  },
  { what: "the end of the connection", ask: flush, bytes: new Uint8Array(0), code: "closed" },
  { what: "the end of the connection inside a frame", ask: flush, bytes: u32(20), code: "closed" },
];

for (const { what, ask, bytes, code = "frame" } of BREACHES) {
  Deno.test(`a fast peer fails when its server sends ${what}`, async () => {
    const { peer, duplex, reader } = await welcomedPeer({ limits: { maxSignatureBytes: 2_000 } });
    const asked = ask(peer);
    asked.catch(() => {});
    await new Promise((go) => setTimeout(go)); // a list is asked for when it is pulled
    const beside = peer.remove(KEY, dbName("/beside"));
    const failures = Promise.all([
      assert.rejects(asked, isCode(`protocol/${code}`)),
      assert.rejects(beside, isCode(`protocol/${code}`)),
    ]);
    await duplex.write(bytes).catch(() => {});
    await (code === "closed" ? duplex.end() : reader.rest());
    await failures;
    await assert.rejects(flush(peer), isCode("protocol/unusable"));
    await peer[Symbol.asyncDispose]();
    await duplex[Symbol.asyncDispose]();
  });
}

Deno.test("a fast peer takes no more content than it has granted", async () => {
  const { peer, duplex } = await welcomedPeer();
  const stream = peer.content(KEY, A);
  await duplex.write(frame("go", 2));
  assert(Symbol.asyncIterator in await stream); // and nobody reads it
  const failed = assert.rejects(flush(peer), isCode("protocol/frame"));
  for (let sent = 0; sent <= CREDIT_BYTES; sent += DATA_MAX_BYTES) {
    await duplex.write(frame("data", 2, 0, new Uint8Array(DATA_MAX_BYTES))).catch(() => {});
  }
  await failed;
  await peer[Symbol.asyncDispose]();
  await duplex[Symbol.asyncDispose]();
});

for (
  const [what, answer, code] of [
    ["too few proofs", (proof: Uint8Array) => welcome(proof).fill(0, -34, -33), "frame"],
    ["a wrong proof", (proof: Uint8Array) => welcome(proof.with(0, proof[0]! ^ 1)), "certificate"],
    ["no requests at all", (proof: Uint8Array) => welcome(proof, { requests: 0 }), "frame"],
    ["no offers at all", (proof: Uint8Array) => welcome(proof, { offers: 0 }), "frame"],
    ["half a welcome", () => frame("ok", 1, u32(0)), "frame"],
  ] as const
) {
  Deno.test(`a fast peer fails when HELLO is answered with ${what}`, async () => {
    const { peer, duplex, reader, proof } = await rawServer();
    const identified = assert.rejects(peer.identify(ME), isCode(`protocol/${code}`));
    await reader.next();
    await duplex.write(answer(await proof));
    await identified;
    await peer[Symbol.asyncDispose]();
    await duplex[Symbol.asyncDispose]();
  });
}

Deno.test("a fast peer sends no more requests than its server takes, in the order of the calls", async () => {
  const { peer, duplex, reader, proof } = await rawServer();
  const identified = peer.identify(ME);
  await reader.next();
  await duplex.write(welcome(await proof, { requests: 3 }));
  await identified;
  const asked = Array.from({ length: 10 }, (_, n) => peer.flush(KEY, dbName(`/${n}`)));
  const names: string[] = [];
  for (let n = 0; n < 10; n++) {
    const { id, payload } = await nextRequest(reader);
    names.push(String.fromCharCode(...payload.subarray(3)));
    assert.equal(id, n + 2);
    if (n >= 2) await duplex.write(frame("ok", n)); // two stay unanswered
  }
  assert.deepEqual(names, Array.from({ length: 10 }, (_, n) => `/${n}`));
  await duplex.write(bytesOf(frame("ok", 10), frame("ok", 11)));
  await Promise.all(asked);
  await duplex.end();
  await peer[Symbol.asyncDispose]();
});

async function nextRequest(
  reader: { next(): Promise<{ type: number; id: number; payload: Uint8Array } | undefined> },
) {
  while (true) {
    const next = (await reader.next())!;
    if (next.id !== 0) return next;
  }
}

Deno.test("a fast peer that hears nothing ends at the idle deadline", async () => {
  const { peer, duplex } = await welcomedPeer({ idleMs: 100 });
  await assert.rejects(flush(peer), isCode("net/timeout"));
  await peer[Symbol.asyncDispose]();
  await duplex[Symbol.asyncDispose]();
});

Deno.test("a fast peer does not wait for ever for a server that is alive and never gets on", async () => {
  const { peer, duplex } = await welcomedPeer({ limits: { stallMs: 200 } });
  const alive = setInterval(() => {
    void duplex.write(frame("credit", 0, u32(1))).catch(() => {});
  }, 20);
  const both = [put(peer), flush(peer)];
  for (const one of both) await assert.rejects(one, isCode("protocol/timeout"));
  clearInterval(alive);
  await assert.rejects(flush(peer), isCode("protocol/unusable"));
  await peer[Symbol.asyncDispose]();
  await duplex[Symbol.asyncDispose]();
});

Deno.test("a fast peer waits a moment only for the answer to BYE", async () => {
  const { peer, duplex } = await welcomedPeer();
  await peer[Symbol.asyncDispose]();
  await assert.rejects(flush(peer), isCode("protocol/unusable"));
  await duplex[Symbol.asyncDispose]();
});
