import assert from "node:assert/strict";
import { dbName } from "../../model/mod.ts";
import { identifiedBed, isCode, KEY, Store } from "../../../tests/support/fast_bed.ts";

const A = dbName("/a"), IDLE_MS = 600, ALIVE_MS = 50;

Deno.test("a request may take longer than the idle deadline, for both sides say that they are alive", async () => {
  const store = new Store();
  store.inside = (what) =>
    what === "flush" ? new Promise((go) => setTimeout(go, IDLE_MS * 3)) : undefined;
  await using bed = await identifiedBed({
    store,
    pair: { idleMs: IDLE_MS },
    limits: { idleMs: IDLE_MS, aliveMs: ALIVE_MS },
    client: { limits: { aliveMs: ALIVE_MS } },
  });
  assert.deepEqual(await bed.peer.flush(KEY, A), { kind: "done" });
  await bed.peer[Symbol.asyncDispose]();
  assert.deepEqual(await bed.ended, []);
});

Deno.test("without signs of life a connection ends at the idle deadline", async () => {
  const store = new Store();
  const { promise, resolve } = Promise.withResolvers<void>();
  store.inside = (what) => what === "flush" ? promise : undefined;
  const limits = { idleMs: IDLE_MS, aliveMs: 1_000_000 };
  const bed = await identifiedBed({
    store,
    limits,
    pair: { idleMs: IDLE_MS },
    client: { limits },
  });
  await assert.rejects(bed.peer.flush(KEY, A), (error) => {
    return isCode("net/timeout")(error) || isCode("protocol/closed")(error) ||
      isCode("net/closed")(error);
  });
  resolve();
  await bed.peer[Symbol.asyncDispose]();
  await bed.ended; // whoever was first has closed it for both
});
