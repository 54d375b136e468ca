/** Client against server over memory. */
import assert from "node:assert/strict";
import { dbName, failed, fromBytes, type HostName, type Key, nanos } from "../../model/mod.ts";
import type { Present } from "../../model/mod.ts";
import {
  concat,
  fastBed,
  file,
  identifiedBed,
  isCode,
  KEY,
  ME,
  OTHER_KEY,
  Store,
} from "../../../tests/support/fast_bed.ts";
import { gather, sized } from "../../../tests/support/transcript.ts";
import type { DeltaSource, WholeContent } from "../peer.ts";

const A = dbName("/a");

function bytes(size: number, seed = 1): Uint8Array {
  const all = new Uint8Array(size);
  for (let at = 0; at < size; at++) all[at] = (at * 31 + seed + (at >> 8)) & 255;
  return all;
}

function wholeOf(content: Uint8Array, { isInside = false, isValid = true } = {}): WholeContent {
  return {
    size: content.length,
    ...(isInside && { all: content }),
    bytes: (async function* () {
      const piece = new Uint8Array(100_000); // used again for each piece
      for (let at = 0; at < content.length; at += piece.length) {
        const part = content.subarray(at, at + piece.length);
        piece.set(part);
        yield await Promise.resolve(piece.subarray(0, part.length));
      }
    })(),
    isStillValid: () => isValid,
  };
}

Deno.test("a fast peer identifies itself once per name and disposes everything", async () => {
  const store = new Store();
  {
    await using bed = await identifiedBed({ store });
    assert.equal(bed.peer.dialect, "fast");
    assert.ok(bed.peer.window >= 256);
    assert.deepEqual(await bed.peer.identify(ME), { kind: "done" });
    assert.deepEqual(await bed.peer.flush(KEY, A), { kind: "done" });
    assert.deepEqual(await bed.peer.identify("other.demo" as HostName), { kind: "done" });
    assert.deepEqual(await bed.peer.flush(KEY, A), { kind: "done" });
    await bed.peer[Symbol.asyncDispose]();
    assert.deepEqual(await bed.ended, []);
  }
  assert.equal(store.log.filter((line) => line.startsWith("+identify")).length, 2);
  assert.equal(store.forks, 2);
  assert.equal(store.disposed, 2);
});

Deno.test("a fast peer says for every kind of object what a classic one says", async () => {
  await using bed = await identifiedBed();
  const { peer } = bed;
  const meta = { mode: 0o040755, uid: 3_000_000_000, gid: 7, mtime: nanos(-1n) };
  const made: Present[] = [
    { kind: "dir", meta },
    { kind: "lnk", meta: { ...meta, mode: 0o120777 }, target: "\xff/x y" },
    { kind: "chr", meta: { ...meta, mode: 0o020600 }, rdev: 4_294_967_295 },
    { kind: "blk", meta: { ...meta, mode: 0o060600 }, rdev: 259 },
    { kind: "fifo", meta: { ...meta, mode: 0o010644 } },
    { kind: "sock", meta: { ...meta, mode: 0o140644 } },
  ];
  for (const want of made) {
    const name = dbName(`/${want.kind}`);
    assert.deepEqual(await peer.put(KEY, name, want), { kind: "done" });
    assert.deepEqual(bed.store.objects.get(name)?.entry, want);
    assert.equal(await peer.measure(KEY, name, "mtime"), -1n);
  }
  const found = await peer.look(KEY, dbName("/dir"), ({ checkText }) => Promise.resolve(checkText));
  const checkText = "v1:mode=16877:uid=-1294967296:gid=7:type=dir";
  assert.deepEqual(found, { kind: "there", judged: checkText });
  assert.deepEqual(await peer.look(KEY, A, () => Promise.reject(new Error("no"))), {
    kind: "absent",
  });
  assert.equal(await peer.measure(KEY, A, "size"), undefined);
  assert.deepEqual(await peer.flush(KEY, dbName("/conflict")), { kind: "conflict" });
  assert.deepEqual(await peer.touch(KEY, dbName("/fifo"), nanos(5n)), { kind: "done" });
  assert.equal(await peer.measure(KEY, dbName("/fifo"), "mtime"), 5n);
  assert.deepEqual(await peer.touch(KEY, A, nanos(5n)), failed("No such file or directory"));
  assert.deepEqual(await peer.remove(KEY, dbName("/fifo")), { kind: "done" });
  assert.equal(bed.store.objects.has("/fifo"), false);
  const empty: Present = { kind: "lnk", meta, target: "" };
  assert.deepEqual(await peer.put(KEY, A, empty), failed("Empty link target"));
});

for (
  const [how, size, isInside] of [
    ["inside its request", 5, true],
    ["inside its request", 0, true],
    ["inside its request", 70_000, true],
    ["inside its request", 262_144, true],
    ["as a stream", 0, false],
    ["as a stream", 300_000, true],
    ["as a stream", 9_000_001, false],
  ] as const
) {
  Deno.test(`a fast peer sends ${size} bytes whole, ${how}`, async () => {
    await using bed = await identifiedBed();
    const content = bytes(size), want = file(size);
    const whole = () => wholeOf(content, { isInside });
    assert.deepEqual(await bed.peer.put(KEY, A, want, undefined, { whole, isNew: true }), {
      kind: "done",
    });
    assert.deepEqual(bed.store.objects.get(A)?.entry, want);
    assert.deepEqual(bed.store.objects.get(A)?.content, content);
    assert.deepEqual(bed.store.log.at(-1), "dispose /a");
  });
}

Deno.test("a fast peer keeps what it has when the content was taken back, in either form", async () => {
  await using bed = await identifiedBed();
  for (const [size, isInside] of [[10, true], [400_000, false]] as const) {
    const whole = () => wholeOf(bytes(size), { isInside, isValid: false });
    const outcome = await bed.peer.put(KEY, A, file(size), undefined, { whole, isNew: true });
    assert.deepEqual(outcome, failed("Input/output error"));
  }
  // A file that became shorter or longer than its stat.
  for (const said of [399_999, 400_001]) {
    const whole = () => ({ ...wholeOf(bytes(400_000)), size: said });
    const outcome = await bed.peer.put(KEY, A, file(said), undefined, { whole, isNew: true });
    assert.deepEqual(outcome, failed("Input/output error"));
  }
  assert.equal(bed.store.objects.size, 0);
  assert.deepEqual(await bed.peer.flush(KEY, A), { kind: "done" });
});

Deno.test("a fast peer throws what reading a content throws, and goes on", async () => {
  await using bed = await identifiedBed();
  const problem = new Error("disk");
  const broken = (): WholeContent => ({
    ...wholeOf(bytes(300_000)),
    bytes: (async function* () {
      yield await Promise.resolve(bytes(1_000));
      throw problem;
    })(),
  });
  const put = (whole: () => WholeContent) =>
    bed.peer.put(KEY, A, file(300_000), undefined, { whole, isNew: true });
  await assert.rejects(put(broken), problem);
  await assert.rejects(
    put(() => {
      throw problem;
    }),
    problem,
  );
  const delta: DeltaSource = () => Promise.reject(problem);
  await assert.rejects(bed.peer.put(KEY, A, file(300_000), delta), problem);
  assert.equal(bed.store.objects.size, 0);
  assert.deepEqual(await bed.peer.flush(KEY, A), { kind: "done" });
});

Deno.test("a fast peer sends a delta against the signature, however long either is", async () => {
  for (const size of [13, 6_000_000]) {
    const store = new Store();
    store.signatureBytes = size;
    await using bed = await identifiedBed({ store });
    const delta = concat([bytes(size), new Uint8Array(1)]);
    let seen = 0;
    const outcome = await bed.peer.put(KEY, A, file(100_000), async (signature) => {
      seen = (await gather(signature)).length;
      return { size: delta.length, bytes: wholeOf(delta).bytes };
    });
    assert.deepEqual(outcome, { kind: "done" });
    assert.equal(seen, size);
    assert.deepEqual(store.objects.get(A)?.content, delta);
  }
});

Deno.test("a fast peer gives up a delta, and takes back one that is not as long as announced", async () => {
  await using bed = await identifiedBed();
  const giveUp: DeltaSource = () => Promise.resolve(undefined);
  assert.deepEqual(await bed.peer.put(KEY, A, file(100_000), giveUp), failed("Given up"));
  for (const size of [2, 4]) {
    const wrong: DeltaSource = () => Promise.resolve({ size, bytes: sized("\0\0\0").bytes });
    await assert.rejects(bed.peer.put(KEY, A, file(100_000), wrong), isCode("protocol/source"));
  }
  assert.equal(bed.store.objects.size, 0);
  const denied = await bed.peer.put(KEY, dbName("/denied"), file(100_000), giveUp);
  assert.deepEqual(denied, { kind: "denied", why: "slave" });
});

Deno.test("a fast peer asks for a digest only when it is wanted", async () => {
  await using bed = await identifiedBed();
  const content = bytes(500), whole = () => wholeOf(content, { isInside: true });
  await bed.peer.put(KEY, A, file(500), undefined, { whole });
  const found = await bed.peer.look(KEY, A, async ({ digest, signature }) => {
    assert.equal(await gather(signature), "");
    return (await digest!())?.toHex();
  });
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content.slice())).toHex();
  assert.deepEqual(found, { kind: "there", judged: digest });
  await bed.peer.look(KEY, A, () => Promise.resolve());
  assert.equal(bed.store.log.filter((line) => line === "+digest /a").length, 1);
});

Deno.test("a fast peer answers for keys that are not shared without telling the name", async () => {
  await using bed = await identifiedBed({ client: { keys: [OTHER_KEY, KEY] } });
  const denied = { kind: "denied", why: "no grant" } as const;
  const secret = dbName("/secret");
  for (const key of [OTHER_KEY, "unknown" as Key]) {
    assert.deepEqual(await bed.peer.remove(key, secret), denied);
    assert.deepEqual(await bed.peer.look(key, secret, () => Promise.resolve()), denied);
    assert.deepEqual(await bed.peer.put(key, secret, file(1)), denied);
    const row = { key, name: secret, here: file(1), isCurrent: true };
    assert.deepEqual(await bed.peer.bulk!.offer([row]), [denied]);
  }
  assert.deepEqual(await bed.peer.remove(KEY, A), { kind: "done" });
  assert(!bed.store.log.some((line) => line.includes("secret")));
});

Deno.test("a fast peer lists, compares ranges and fetches contents, to the end or not", async () => {
  const store = new Store();
  store.rows = Array.from({ length: 50_000 }, (_, n) => `/${String(n).padStart(8, "0")}`);
  store.contentBytes = 10_000_000;
  await using bed = await identifiedBed({ store });
  const { peer } = bed;
  const rows = (await Array.fromAsync(peer.list(ME, [KEY]))).flat();
  assert.deepEqual(rows.map(({ key }) => key), store.rows);
  for await (const _rows of peer.list(ME, [KEY], A)) break;
  assert(store.log.includes(`+list ${KEY}/a`));
  const listing = { name: ME, keys: [KEY] };
  const range = { from: "/00000010", before: "/00000013" };
  const some = await Array.fromAsync(peer.bulk!.ranges!.list({ ...listing, range }));
  assert.deepEqual(some.flat().map(({ key }) => key), store.rows.slice(10, 13));
  const sums = await peer.bulk!.ranges!.digests({ ...listing, bounds: ["/a", "/bb", "/ccc"] });
  assert.deepEqual(sums, [3, 4].map((count) => ({ count, digest: "\xff".repeat(32) })));
  const first = await peer.content(KEY, A);
  assert(Symbol.asyncIterator in first);
  for await (const _piece of first) break;
  const content = await peer.content(KEY, A);
  assert(Symbol.asyncIterator in content);
  assert.equal((await gather(content)).length, store.contentBytes);
  assert.deepEqual(await peer.content(KEY, dbName("/denied")), { kind: "denied", why: "no grant" });
});

Deno.test("requests of one moment are worked on side by side, and no more than are allowed", async () => {
  const store = new Store();
  const { promise, resolve } = Promise.withResolvers<void>();
  store.inside = (what) => what === "identify" ? undefined : promise;
  await using bed = await identifiedBed({ store });
  const asked = Array.from({ length: 3_000 }, (_, n) => bed.peer.flush(KEY, dbName(`/d/${n}`)));
  while (store.atWork < 128) await new Promise((go) => setTimeout(go, 1));
  resolve();
  const outcomes = await Promise.all(asked);
  assert(outcomes.every(({ kind }) => kind === "done"));
  assert.equal(store.mostAtWork, 128);
  assert.equal(store.forks, 128);
});

Deno.test("requests on one path, above it and below it take effect in their order", async () => {
  const store = new Store();
  let random = 12345;
  store.inside = () => {
    random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
    return random % 3 === 0 ? undefined : new Promise((go) => setTimeout(go, random % 4));
  };
  await using bed = await identifiedBed({ store });
  const names = ["/x", "/x/y", "/x/y/z", "/x/q", "/w", "/x"].map(dbName);
  const asked = Array.from({ length: 60 }, (_, n) => {
    const name = names[n % names.length]!;
    return n % 4 === 3 ? bed.peer.remove(KEY, name) : bed.peer.flush(KEY, name);
  });
  await Promise.all(asked);
  assert.deepEqual(overtaken(store.log), []);
});

/** Pairs of related requests that were at work at the same time. */
function overtaken(log: readonly string[]): string[] {
  const atWork: string[] = [], wrong: string[] = [];
  for (const line of log) {
    const name = line.split(" ")[1]!;
    if (line.startsWith("-")) atWork.splice(atWork.indexOf(name), 1);
    else {
      const related = (other: string) =>
        other === name || other.startsWith(`${name}/`) || name.startsWith(`${other}/`);
      if (name !== "") wrong.push(...atWork.filter((o) => o !== "" && related(o)));
      atWork.push(name);
    }
  }
  return wrong;
}

Deno.test("many large contents at once pass through small credits, together with everything else", async () => {
  await using bed = await identifiedBed();
  const { peer, store } = bed;
  store.contentBytes = 3_000_000;
  const large = bytes(3_000_000), small = bytes(50_000, 7);
  const puts = Array.from(
    { length: 20 },
    (_, n) =>
      peer.put(KEY, dbName(`/large/${n}`), file(large.length), undefined, {
        whole: () => wholeOf(large),
        isNew: true,
      }),
  );
  const deltas = Array.from(
    { length: 10 },
    (_, n) =>
      peer.put(KEY, dbName(`/delta/${n}`), file(large.length), async (signature) => {
        await gather(signature);
        return { size: large.length, bytes: wholeOf(large).bytes };
      }),
  );
  const inside = Array.from(
    { length: 300 },
    (_, n) =>
      peer.put(KEY, dbName(`/small/${n}`), file(small.length), undefined, {
        whole: () => wholeOf(small, { isInside: true }),
      }),
  );
  const contents = Array.from({ length: 5 }, async () => {
    const content = await peer.content(KEY, A);
    assert(Symbol.asyncIterator in content);
    return (await gather(content)).length;
  });
  const outcomes = await Promise.all([...puts, ...inside]);
  assert(outcomes.every(({ kind }) => kind === "done"));
  await Promise.all(deltas);
  assert.deepEqual(await Promise.all(contents), new Array(5).fill(3_000_000));
  assert.equal(fromBytes(store.objects.get("/small/299")!.content), fromBytes(small));
  assert.equal(store.objects.get("/large/19")!.content.length, large.length);
});

Deno.test("an error of a handler closes the connection, and everybody who waits gets an error", async () => {
  const store = new Store();
  const problem = new Error("database");
  store.inside = (what, name) => {
    if (what === "flush" && name === "/9") throw problem;
  };
  const bed = await identifiedBed({ store });
  const asked = Array.from(
    { length: 50 },
    (_, n) =>
      n === 30
        ? bed.peer.put(KEY, dbName("/put"), file(5_000_000), undefined, {
          whole: () => wholeOf(bytes(5_000_000)),
          isNew: true,
        })
        : bed.peer.flush(KEY, dbName(`/${n}`)),
  );
  const results = await Promise.allSettled(asked);
  assert(results.some(({ status }) => status === "rejected"));
  assert.deepEqual(await bed.ended, [problem]);
  await assert.rejects(bed.peer.flush(KEY, A), isCode("protocol/unusable"));
  await bed.peer[Symbol.asyncDispose]();
  assert.equal(store.disposed, store.forks);
});

Deno.test("identify() under another name waits for nobody", async () => {
  const store = new Store();
  const { promise, resolve } = Promise.withResolvers<void>();
  store.inside = (what) => what === "flush" ? promise : undefined;
  await using bed = await identifiedBed({ store });
  const asked = bed.peer.flush(KEY, A);
  await assert.rejects(bed.peer.identify("b.demo" as HostName), isCode("protocol/unusable"));
  resolve();
  assert.deepEqual(await asked, { kind: "done" });
});

Deno.test("before HELLO nothing is sent, and no key is known", async () => {
  await using bed = await fastBed();
  assert.deepEqual(await bed.peer.flush(KEY, A), { kind: "denied", why: "no grant" });
});
