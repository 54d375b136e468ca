import assert from "node:assert/strict";
import { duplexPair } from "../net/mod.ts";
import { type Clock, PacedDuplex } from "./paced_duplex.ts";

/** Time passes when somebody waits for it. */
class FakeClock implements Clock {
  ms = 1_000;
  waits: number[] = [];

  now(): number {
    return this.ms;
  }

  after(ms: number, go: () => void): () => void {
    this.waits.push(ms);
    queueMicrotask(() => {
      this.ms += ms;
      go();
    });
    return () => {};
  }
}

Deno.test("PacedDuplex sends as many bytes as it may, in order, and no more", async () => {
  const [near, far] = duplexPair();
  const clock = new FakeClock();
  const paced = new PacedDuplex(near, { bytesPerSecond: 20_000, clock });
  const wanted: number[] = [], got: number[] = [];
  const read = (async () => {
    for (let piece; (piece = await far.readSome(65_536)) !== undefined;) got.push(...piece);
  })();
  const writes: Promise<void>[] = [];
  for (let n = 0; n < 30; n++) {
    const piece = new Uint8Array(n * 97).fill(n);
    wanted.push(...piece);
    writes.push(paced.write(piece));
  }
  await Promise.all(writes);
  await paced.end();
  await read;
  assert.deepEqual(got, wanted);
  const elapsed = clock.ms - 1_000;
  // The last piece is not waited for.
  const least = (wanted.length - 2_000) / 20, most = wanted.length / 20;
  assert(elapsed >= least && elapsed <= most, `${elapsed} ms, not ${least} to ${most}`);
  assert(clock.waits.every((ms) => ms <= 101));
});

Deno.test("PacedDuplex closes at once, whoever waits for his turn", async () => {
  const [near, far] = duplexPair();
  const paced = new PacedDuplex(near, { bytesPerSecond: 1 });
  await paced.write("x".repeat(100));
  const waiting = paced.write("never");
  const rejected = assert.rejects(waiting);
  await paced[Symbol.asyncDispose]();
  await rejected;
  await far[Symbol.asyncDispose]();
  assert.throws(() => new PacedDuplex(near, { bytesPerSecond: 0 }), RangeError);
});
