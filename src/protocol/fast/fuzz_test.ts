/** Valid sessions with faults on their way, and frames of nothing: no side hangs, crashes or is fooled. */
import assert from "node:assert/strict";
import { CsyncError, dbName, type Present } from "../../model/mod.ts";
import { type Duplex, duplexPair } from "../../net/mod.ts";
import { concat, file, KEY, ME, serve, Store } from "../../../tests/support/fast_bed.ts";
import { helloClient } from "../../../tests/support/raw_frames.ts";
import { gather } from "../../../tests/support/transcript.ts";
import { connectPeer } from "../connect.ts";
import type { Peer, WholeContent } from "../peer.ts";

/** LIMIT: sessions with faults, and connections of garbage. */
const SESSIONS = Number(Deno.env.get("FUZZ_SESSIONS") ?? 80),
  GARBAGE = 60,
  AT_ONCE = 20;
const IDLE_MS = 400;
/** Far more than an idle deadline at each of the ends; whoever is not done then hangs. */
const HANG_MS = 15_000;
const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 20_261_120);

/** Park and Miller. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed % 2_147_483_646 + 1;
  return (below) => (state = state * 16_807 % 2_147_483_647) % below;
}

type Fault = (piece: Uint8Array, offset: number) => Uint8Array | "cut";

/** One fault somewhere in the first bytes that a session has in one direction. */
function faultOf(random: (below: number) => number): Fault {
  const at = random(3) === 0 ? random(400) : random(60_000), kind = random(6);
  return (piece, offset) => {
    const local = at - offset;
    if (local < 0 || local >= piece.length) return piece;
    const head = piece.subarray(0, local), tail = piece.subarray(local);
    switch (kind) {
      case 0:
        return "cut";
      case 1: // one bit
        return concat([head, [tail[0]! ^ (1 << random(8))], tail.subarray(1)].map(bytes));
      case 2: // garbage in between
        return concat([head, garbage(random, 1 + random(20)), tail]);
      case 3: // something is missing
        return concat([head, tail.subarray(1 + random(20))]);
      case 4: // something comes twice
        return concat([head, tail.subarray(0, 1 + random(40)), tail]);
      default: // a few bytes are others
        return concat([head, garbage(random, Math.min(4, tail.length)), tail.subarray(4)]);
    }
  };
}

function bytes(values: Uint8Array | readonly number[]): Uint8Array {
  return values instanceof Uint8Array ? values : new Uint8Array(values);
}

function garbage(random: (below: number) => number, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random(256));
}

/** Carries bytes from one to the other, and the end with them. */
async function carry(from: Duplex, to: Duplex, fault: Fault): Promise<void> {
  let offset = 0;
  try {
    for (let piece; (piece = await from.readSome(65_536)) !== undefined;) {
      const sent = fault(piece.slice(), offset);
      offset += piece.length;
      if (sent === "cut") break;
      await to.write(sent);
    }
  } catch {
    // One of them has gone.
  }
  await to.end();
}

function wholeOf(size: number): WholeContent {
  const all = new Uint8Array(size).fill(size & 255);
  return {
    size,
    ...(size < 10_000 && { all }),
    bytes: (async function* () {
      for (let at = 0; at < size; at += 20_000) {
        yield await Promise.resolve(all.subarray(at, at + 20_000));
      }
    })(),
    isStillValid: () => true,
  };
}

/** A bit of everything, at the same time. Everything settles. */
async function session(peer: Peer): Promise<PromiseSettledResult<unknown>[]> {
  if (peer.dialect === "classic") return []; // the fault was in the offer
  await peer.identify(ME);
  const directory: Present = { kind: "dir", meta: { ...file(0).meta, mode: 0o040755 } };
  const puts = [0, 5, 9_999, 30_000, 80_000].map((size, n) =>
    peer.put(KEY, dbName(`/put/${n}`), file(size), undefined, {
      isNew: true,
      whole: () => wholeOf(size),
    })
  );
  return await Promise.allSettled([
    peer.put(KEY, dbName("/put"), directory),
    ...puts,
    peer.bulk?.putMany([0, 7, 9_000, 20_000].map((size) => ({
      key: KEY,
      name: dbName(`/many/${size}`),
      want: file(size),
      content: new Uint8Array(size).fill(size & 255),
    }))),
    peer.put(KEY, dbName("/delta"), file(70_000), async (signature) => {
      await gather(signature);
      return { size: 50_000, bytes: wholeOf(50_000).bytes };
    }),
    peer.look(KEY, dbName("/put"), async ({ digest }) => await digest!()),
    peer.bulk?.offer([{ key: KEY, name: dbName("/o"), here: file(1), isCurrent: true }]),
    peer.remove(KEY, dbName("/put/1")),
    peer.measure(KEY, dbName("/put"), "mtime"),
    Array.fromAsync(peer.list(ME, [KEY])),
    peer.content(KEY, dbName("/c")).then(async (content) => {
      return Symbol.asyncIterator in content ? (await gather(content)).length : content;
    }),
  ]);
}

/** Rejects when `work` takes too long. */
async function soon<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("It hangs")), HANG_MS);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function isExpected(error: unknown): boolean {
  return error instanceof CsyncError && /^(net|protocol)\//.test(error.code);
}

async function faultySession(seed: number): Promise<void> {
  const random = randomFrom(seed), isFromClient = random(2) === 0;
  const fault = faultOf(random), none: Fault = (piece) => piece;
  const [client, nearClient] = duplexPair({ idleMs: IDLE_MS });
  const [nearServer, server] = duplexPair({ idleMs: IDLE_MS });
  const store = new Store();
  const carried = [
    carry(nearClient, nearServer, isFromClient ? fault : none),
    carry(nearServer, nearClient, isFromClient ? none : fault),
  ];
  const ended = serve(server, { store, limits: { idleMs: IDLE_MS, firstLineMs: IDLE_MS } });
  try {
    const limits = { goodbyeMs: 50 };
    await using peer = await connectPeer({
      duplex: client,
      configName: "",
      fast: "offer",
      keys: [KEY],
      limits,
    });
    for (const result of await session(peer)) {
      if (result.status === "rejected") assert(isExpected(result.reason), String(result.reason));
    }
  } catch (error) {
    assert(isExpected(error), String(error));
  }
  await Promise.all(carried);
  for (const note of await ended) assert(isExpected(note), String(note));
  assert.equal(store.atWork, 0);
  assert.equal(store.disposed, store.forks);
}

/** Many at a time: most of them wait for a deadline. */
async function all(count: number, run: (seed: number) => Promise<void>): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - from) }, async (_, n) => {
      const seed = SEED + from + n;
      try {
        await soon(run(seed));
      } catch (cause) {
        throw new Error(`FUZZ_SEED=${seed}: ${cause}`, { cause });
      }
    }));
  }
}

Deno.test("property: a session with a fault in its bytes ends on both sides, in time and in order", async () => {
  await all(SESSIONS, faultySession);
});

Deno.test("property: a session without a fault does everything", async () => {
  const [client, server] = duplexPair({ idleMs: 5_000 });
  const ended = serve(server, { store: new Store() });
  {
    await using peer = await connectPeer({
      duplex: client,
      configName: "",
      fast: "offer",
      keys: [KEY],
    });
    const results = await session(peer);
    assert(results.every(({ status }) => status === "fulfilled"));
  }
  assert.deepEqual(await ended, []);
});

Deno.test("property: frames with random payloads never crash the server", async () => {
  await all(GARBAGE, async (seed) => {
    const random = randomFrom(seed);
    const client = await helloClient();
    const ended = client.ended;
    try {
      for (let n = 0; n < 20; n++) {
        const length = random(4) === 0 ? random(2_000) : random(60);
        const payload = garbage(random, length);
        const isOne = random(2) === 0; // row
        if (random(2) === 0) {
          payload.set([...(isOne ? [1, 0] : []), 0, 2, 0, 47, 97].slice(0, length)); // key 0, "/a"
        }
        const header = new Uint8Array(9);
        const view = new DataView(header.buffer);
        view.setUint32(0, random(20) === 0 ? random(2_000_000) : 5 + length, true);
        header[4] = random(3) === 0 ? random(256) : 1 + random(17);
        view.setUint32(5, random(30), true);
        await client.duplex.write(concat([header, payload]));
      }
    } catch {
      // It has closed the connection, as it should.
    }
    await client.duplex.end();
    for (const note of await ended) assert(isExpected(note), String(note));
    assert.equal(client.store.atWork, 0);
    assert.equal(client.store.disposed, client.store.forks);
  });
});
