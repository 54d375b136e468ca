/** The fast dialect over a real tree: connectPeer against serve(). */
import { deepStrictEqual as equal, ok, rejects } from "node:assert/strict";
import { keyOf } from "../../tests/support/config.ts";
import { type ServerBed, withServer } from "../../tests/support/serving.ts";
import { type DbName, type HostName, nanos, type Present, toBytes } from "../model/mod.ts";
import { connectPeer, type Peer, type WholeContent } from "../protocol/mod.ts";

const test = (name: string, ...bed: Parameters<typeof withServer>) =>
  Deno.test(name, withServer(...bed));

const KEY = keyOf("k"), DONE = { kind: "done" };
const META = { uid: 0, gid: 0, mode: 0o100644, mtime: nanos(1_600_000_000_123_456_789n) };

async function connected(bed: ServerBed, fast: "offer" | "never" = "offer"): Promise<Peer> {
  const { duplex } = bed.connect();
  const peer = await connectPeer({ duplex, configName: "", keys: [KEY], fast });
  equal(await peer.identify("a.demo" as HostName), DONE);
  return peer;
}

/** Content whose second half comes when it is let go. */
function halting(text: string, go: Promise<void> = Promise.resolve()): WholeContent {
  const bytes = toBytes(text), half = bytes.length >> 1;
  return {
    size: bytes.length,
    bytes: (async function* () {
      yield bytes.subarray(0, half);
      await go;
      yield bytes.subarray(half);
    })(),
    isStillValid: () => true,
  };
}

async function put(
  peer: Peer,
  name: string,
  content: WholeContent,
): ReturnType<Peer["put"]> {
  const want: Present = { kind: "reg", meta: META, size: content.size };
  const delta = () => Promise.resolve(undefined);
  return await peer.put(KEY, name as DbName, want, delta, {
    isNew: true,
    whole: () => content,
  });
}

test("our own clients get the fast dialect, and what they send is there and recorded", async (bed) => {
  await using peer = await connected(bed);
  equal(peer.dialect, "fast");
  const name = bed.path("F") as DbName, gone = bed.path("G") as DbName;
  equal(await put(peer, name, halting("content")), DONE);
  equal(Deno.readTextFileSync(name), "content");
  const here: Present = { kind: "reg", meta: META, size: 7 };
  const row = { key: KEY, here, isCurrent: true };
  equal(await peer.bulk!.offer([{ ...row, name }, { ...row, name: gone }]), [
    { kind: "same" },
    { kind: "absent" },
  ]);
  const dir: Present = { kind: "dir", meta: { ...META, mode: 0o040755 } };
  equal(await peer.put(KEY, bed.path("D") as DbName, dir), DONE);
  ok(Deno.lstatSync(bed.path("D")).isDirectory);
  equal(await peer.remove(KEY, name), DONE);
  equal([...Deno.readDirSync(bed.root)].map((entry) => entry.name), ["D"]);
  equal(await bed.rows(), []);
});

test("many files at once over one connection", async (bed) => {
  await using peer = await connected(bed);
  const names = Array.from({ length: 300 }, (_, n) => bed.path(`F${n}`));
  const outcomes = await Promise.all(names.map((name) => put(peer, name, halting(name))));
  equal(new Set(outcomes.map(({ kind }) => kind)), new Set(["done"]));
  for (const name of names) equal(Deno.readTextFileSync(name), name);
  equal(await bed.state.intents(), []);
}, { serve: { limits: { puts: 16 } } });

test("a client that holds all the files it may keeps nobody else from getting on", async (bed) => {
  await using greedy = await connected(bed);
  await using other = await connected(bed);
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  const names = Array.from({ length: 20 }, (_, n) => bed.path(`G${n}`));
  const held = names.map((name) => put(greedy, name, halting(name, go)));
  while (bed.locks.size < 3) await new Promise((turn) => setTimeout(turn, 1)); // its own, and half of 4
  equal(await put(other, bed.path("F"), halting("content")), DONE);
  equal(bed.locks.size, 3);
  release();
  for (const one of held) equal(await one, DONE);
}, { serve: { limits: { puts: 4 } } });

test("--classic: our own clients get the classic dialect", async (bed) => {
  await using peer = await connected(bed);
  equal(peer.dialect, "classic");
  equal(peer.bulk, undefined);
}, { serve: { speaksFast: false } });

test("a graceful end finishes and answers the files in hand of a connection, and nothing after them", async (bed) => {
  await using peer = await connected(bed);
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  const names = ["F", "G"].map((file) => bed.path(file));
  const putting = names.map((name) => put(peer, name, halting("content", go)));
  while (bed.locks.size < names.length) await new Promise((turn) => setTimeout(turn, 1));
  bed.stop.abort();
  const late = rejects(put(peer, bed.path("late"), halting("x")));
  release();
  equal(await Promise.all(putting), [DONE, DONE]);
  await late;
  await bed.ended;
  equal([...Deno.readDirSync(bed.root)].map(({ name }) => name).toSorted(), ["F", "G"]);
  for (const name of names) equal(Deno.readTextFileSync(name), "content");
});
