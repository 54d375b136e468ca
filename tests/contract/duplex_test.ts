/** One suite for everything that claims to be a Duplex. */
import assert from "node:assert/strict";
import { type Duplex, NetError } from "../../src/net/mod.ts";
import { type Pair, PAIR_MAKERS, type PairMaker } from "../support/duplex_makers.ts";

const LONG_MS = 20_000;
const SHORT_MS = 150;
const MIB = 1 << 20;

const CASES: { name: string; idleMs?: number; run: (pair: Pair) => Promise<void> }[] = [
  {
    name: "carries lines in both directions, CR and all bytes kept",
    run: async ({ client, server }) => {
      const odd = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("")
        .replace("\n", "");
      await client.write(`CONFIG \r\n${odd}\n\n`);
      assert.equal(await server.readLine(100), "CONFIG \r");
      assert.equal(await server.readLine(1_000), odd);
      assert.equal(await server.readLine(1_000), "");
      await server.write("OK (cmd_finished).\n");
      assert.equal(await client.readLine(100), "OK (cmd_finished).");
    },
  },
  {
    name: "takes a line of exactly the limit, LF included",
    run: async ({ client, server }) => {
      await client.write("a".repeat(16_382) + "\nrest\n");
      assert.equal((await server.readLine(16_383))?.length, 16_382);
      assert.equal(await server.readLine(5), "rest");
    },
  },
  {
    name: "refuses a line one byte above the limit, and everything after it",
    run: async ({ client, server }) => {
      await client.write("a".repeat(99) + "\nrest\n");
      await rejects(server.readLine(99), "net/line-too-long");
      await rejects(server.readLine(99), "net/line-too-long");
      await rejects(server.readSome(99), "net/line-too-long");
      await rejects(server.write("x"), "net/line-too-long");
    },
  },
  {
    name: "refuses a line without LF as soon as the limit is reached",
    run: async ({ client, server }) => {
      await client.write("a".repeat(60));
      await client.flush();
      await pause(20);
      await client.write("a".repeat(39));
      await rejects(server.readLine(99), "net/line-too-long");
    },
  },
  {
    name: "gives undefined at EOF, again and again",
    run: async ({ client, server }) => {
      await client.write("last\n");
      void client.end();
      assert.equal(await server.readLine(100), "last");
      assert.equal(await server.readLine(100), undefined);
      assert.equal(await server.readLine(100), undefined);
      assert.equal(await server.readSome(100), undefined);
    },
  },
  {
    name: "takes one pending byte at EOF as a line",
    run: async ({ client, server }) => {
      await client.write("first\nx");
      void client.end();
      assert.equal(await server.readLine(100), "first");
      assert.equal(await server.readLine(100), "x");
      assert.equal(await server.readLine(100), undefined);
    },
  },
  {
    name: "takes two pending bytes at EOF as a broken line",
    run: async ({ client, server }) => {
      await client.write("first\nxy");
      void client.end();
      assert.equal(await server.readLine(100), "first");
      await rejects(server.readLine(100), "net/truncated");
    },
  },
  {
    name: "changes between lines and bytes without losing any",
    run: async ({ client, server }) => {
      await client.write("octet-stream 5\nabcdeOK\n");
      assert.equal(await server.readLine(100), "octet-stream 5");
      assert.equal(server.pending, 8);
      let got = "";
      while (got.length < 5) got += text(await server.readSome(Math.min(2, 5 - got.length)));
      assert.equal(got, "abcde");
      assert.equal(await server.readLine(100), "OK");
      assert.equal(server.pending, 0);
    },
  },
  {
    name: "ends a silent read at the idle deadline (D 7.5.1)",
    idleMs: SHORT_MS,
    run: async ({ server }) => {
      const startMs = performance.now();
      await rejects(server.readLine(100), "net/timeout");
      const tookMs = performance.now() - startMs;
      assert.ok(tookMs >= SHORT_MS - 5 && tookMs < LONG_MS, `took ${tookMs} ms`);
      await rejects(server.readSome(100), "net/timeout");
    },
  },
  {
    name: "does not let single bytes keep a line alive",
    idleMs: SHORT_MS,
    run: async ({ client, server }) => {
      client.setIdleDeadline(LONG_MS);
      let isOver = false;
      const read = rejects(server.readLine(10_000), "net/timeout").finally(() => isOver = true);
      for (let n = 0; n < 100 && !isOver; n++) {
        await client.write("a").catch(() => {});
        await pause(20);
      }
      await read;
    },
  },
  {
    name: "lets a slow stream of pieces go on",
    idleMs: 1_500,
    run: async ({ client, server }) => {
      client.setIdleDeadline(LONG_MS);
      const sent = (async () => {
        for (let n = 0; n < 8; n++) {
          await pause(250);
          await client.write("ab");
        }
        await client.flush();
      })();
      let bytes = 0;
      while (bytes < 16) bytes += (await server.readSome(100))?.length ?? Infinity;
      await sent;
      assert.equal(bytes, 16);
    },
  },
  {
    name: "does not run a deadline while nobody waits",
    idleMs: SHORT_MS,
    run: async ({ client, server }) => {
      await pause(SHORT_MS * 2);
      await client.write("still here\n");
      assert.equal(await server.readLine(100), "still here");
    },
  },
  {
    name: "makes a writer wait for a reader who does not read, until the deadline (D 7.5.1)",
    idleMs: 400,
    run: async ({ client }) => {
      const piece = new Uint8Array(MIB);
      let pieces = 0;
      const writing = (async () => {
        for (; pieces < 256; pieces++) await client.write(piece);
      })();
      await rejects(writing, "net/timeout");
      assert.ok(pieces < 64, `${pieces} MiB were taken`);
    },
  },
  {
    name: "carries much in both directions at once, bytes unchanged",
    run: async ({ client, server }) => {
      const send = async (duplex: Duplex, seed: number) => {
        for (let n = 0; n < 40; n++) await duplex.write(pattern(100_003, seed + n));
        await duplex.flush();
      };
      await Promise.all([
        send(client, 1),
        send(server, 101),
        receive(server, 1),
        receive(client, 101),
      ]);
      async function receive(duplex: Duplex, seed: number) {
        for (let n = 0; n < 40; n++) {
          const want = pattern(100_003, seed + n);
          for (let at = 0; at < want.length;) {
            const piece = await duplex.readSome(want.length - at);
            assert.ok(piece !== undefined && piece.length > 0 && piece.length <= want.length - at);
            assert.ok(same(piece, want.subarray(at, at + piece.length)), `piece ${n} at ${at}`);
            at += piece.length;
          }
        }
      }
    },
  },
  {
    name: "carries 10,000 tiny writes in order, awaited or not",
    run: async ({ client, server }) => {
      const reading = (async () => {
        for (let n = 0; n < 20_000; n++) assert.equal(await server.readLine(20), `line ${n}`);
      })();
      for (let n = 0; n < 10_000; n++) await client.write(`line ${n}\n`);
      const rest = [];
      for (let n = 10_000; n < 20_000; n++) rest.push(client.write(`line ${n}\n`));
      await Promise.all([...rest, client.flush(), reading]);
    },
  },
  {
    name: "keeps the order of small and large pieces that nobody awaits",
    run: async ({ client, server }) => {
      const sizes = [3, 70_000, 10, 300_000, 1, 16_384, 5];
      const pieces = sizes.map((size, n) => pattern(size, n));
      const writing = Promise.all(pieces.map((piece) => client.write(piece)));
      for (const want of pieces) {
        for (let at = 0; at < want.length;) {
          const piece = await server.readSome(want.length - at);
          assert.ok(piece !== undefined);
          assert.ok(same(piece, want.subarray(at, at + piece.length)));
          at += piece.length;
        }
      }
      await writing;
    },
  },
  {
    name: "does not need a piece any more once it is written",
    run: async ({ client, server }) => {
      const reading = (async () => {
        for (let total = 0; total < 3 + 200_000;) {
          const piece = await server.readSome(MIB);
          assert.ok(piece?.every((byte) => byte === 7));
          total += piece!.length;
        }
      })();
      for (const size of [3, 200_000]) {
        const piece = new Uint8Array(size).fill(7);
        await client.write(piece);
        piece.fill(9);
      }
      await client.flush();
      await reading;
    },
  },
  {
    name: "ends a waiting read when disposed",
    run: async ({ client, server }) => {
      const read = rejects(server.readLine(100), "net/closed");
      await pause(20);
      await server[Symbol.asyncDispose]();
      await read;
      await rejects(server.write("x"), "net/closed");
      await rejects(server.flush(), "net/closed");
      await server.end();
      await server[Symbol.asyncDispose]();
      assert.equal(await client.readLine(100).catch(codeOf) ?? "net/closed", "net/closed");
    },
  },
  {
    name: "ends a waiting read and a waiting writer when ended meanwhile",
    run: async ({ client, server }) => {
      const read = rejects(server.readLine(100), "net/closed");
      await pause(20);
      await server.write("bye\n");
      await server.end();
      await read;
      assert.equal(await client.readLine(100), "bye");
      assert.equal(await client.readLine(100), undefined);
    },
  },
  {
    name: "delivers everything written before the end",
    run: async ({ client, server }) => {
      const want = pattern(3 * MIB, 5);
      const sent = client.write(want).then(() => client.end());
      let at = 0;
      for (let piece; (piece = await server.readSome(MIB)) !== undefined; at += piece.length) {
        assert.ok(same(piece, want.subarray(at, at + piece.length)));
      }
      assert.equal(at, want.length);
      await server.end();
      await sent;
    },
  },
  {
    name: "delivers the last reply although requests stay unread",
    run: async ({ client, server }) => {
      await client.write("BAD\n" + "more\n".repeat(5_000));
      assert.equal(await server.readLine(100), "BAD");
      await server.write("Expecting SSL (optional) and CONFIG as first commands.\n");
      const ended = server.end();
      assert.match(await client.readLine(100) ?? "", /^Expecting SSL/);
      await client.end();
      await ended;
    },
  },
  {
    name: "tells a writer that the peer has gone",
    run: async ({ client, server }) => {
      await client.write("x\n");
      assert.equal(await server.readLine(10), "x");
      await client[Symbol.asyncDispose]();
      const writing = (async () => {
        for (let n = 0; n < 1_000; n++) {
          await server.write("y".repeat(10_000));
          await server.flush();
          await pause(1);
        }
      })();
      await rejects(writing, "net/closed");
    },
  },
];

for (const maker of PAIR_MAKERS) {
  for (const { name, idleMs = LONG_MS, run } of CASES) {
    Deno.test(`Duplex over ${maker.name} ${name}`, () => runCase(maker, idleMs, run));
  }
}

async function runCase(maker: PairMaker, idleMs: number, run: (pair: Pair) => Promise<void>) {
  await using pair = await maker.make({ idleMs });
  await run(pair);
}

async function rejects(work: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof NetError, String(error));
    assert.equal(error.code, code);
    return true;
  });
}

function codeOf(error: unknown): string {
  assert.ok(error instanceof NetError);
  return error.code;
}

function pattern(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at++) bytes[at] = (at * 31 + seed * 17 + (at >> 8)) & 255;
  return bytes;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function text(bytes: Uint8Array | undefined): string {
  return String.fromCharCode(...bytes ?? []);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
