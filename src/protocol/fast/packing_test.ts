import assert from "node:assert/strict";
import zlib from "node:zlib";
import { dbName } from "../../model/mod.ts";
import {
  concat,
  file,
  identifiedBed,
  isCode,
  KEY,
  Store,
} from "../../../tests/support/fast_bed.ts";
import { gather } from "../../../tests/support/transcript.ts";
import { PacedDuplex } from "../paced_duplex.ts";
import { loadZstd, Packer, unpack } from "./packing.ts";

const PIECE = 262_144;
const soft = new Uint8Array(PIECE).map((_, at) => at % 7);
const hard = crypto.getRandomValues(new Uint8Array(65_536));

/** A packer that has sent pieces, each of which took so long. */
function packerAfter({ pieces, msEach }: { pieces: number; msEach: number }) {
  let ms = 0;
  const packer = new Packer(zlib, { now: () => ms });
  for (let n = 0; n < pieces; n++) {
    const since = ms;
    ms += msEach;
    packer.sent(PIECE, since);
  }
  return packer;
}

Deno.test("Packer leaves everything as it is until it knows the connection, and when that is fast", () => {
  assert.equal(packerAfter({ pieces: 7, msEach: 1_000 }).pack(soft), undefined);
  // A gigabyte a second, as on loopback.
  assert.equal(packerAfter({ pieces: 100, msEach: 0.25 }).pack(soft), undefined);
});

Deno.test("Packer packs on a slow connection what gives way, and leaves alone what does not", () => {
  const packer = packerAfter({ pieces: 8, msEach: 100 });
  const packed = packer.pack(soft);
  assert(packed !== undefined && packed.length < PIECE / 10);
  assert.deepEqual(unpack(zlib, packed, PIECE), soft);
  const random = new Uint8Array(PIECE);
  for (let at = 0; at < PIECE; at += hard.length) {
    random.set(hard.map((byte) => byte ^ at >> 16), at);
  }
  const other = packerAfter({ pieces: 8, msEach: 100 });
  assert.equal(other.pack(random), undefined);
  assert.equal(other.pack(soft), undefined); // it does not look again for a while
});

Deno.test("unpack() takes nothing but what becomes as long as it says", () => {
  const packed = zlib.zstdCompressSync(soft);
  assert.throws(() => unpack(zlib, packed, PIECE - 1), isCode("protocol/frame"));
  assert.throws(() => unpack(zlib, packed, PIECE + 1), isCode("protocol/frame"));
  assert.throws(() => unpack(zlib, packed.subarray(0, 9), PIECE), isCode("protocol/frame"));
  assert.throws(() => unpack(zlib, new Uint8Array(0), 1), isCode("protocol/frame"));
  const bomb = zlib.zstdCompressSync(new Uint8Array(50_000_000));
  assert(bomb.length < 20_000);
  assert.throws(() => unpack(zlib, bomb, PIECE), isCode("protocol/frame"));
});

Deno.test("unpack() takes no more memory than pieces need, whatever they claim", async () => {
  for (const [log, isTaken] of [[21, true], [27, false]] as const) {
    const packed = await packedWith({ [zlib.constants.ZSTD_c_windowLog]: log }, soft);
    if (isTaken) assert.equal(unpack(zlib, packed, PIECE).length, PIECE);
    else assert.throws(() => unpack(zlib, packed, PIECE), isCode("protocol/frame"));
  }
});

/** In a frame that does not tell its length, so that the window counts. */
async function packedWith(params: Record<number, number>, piece: Uint8Array): Promise<Uint8Array> {
  const packing = zlib.createZstdCompress({ params });
  const parts: Uint8Array[] = [];
  packing.on("data", (part: Uint8Array) => parts.push(part));
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  packing.on("end", resolve);
  packing.write(piece.subarray(0, 1_000));
  packing.flush(() => packing.end(piece.subarray(1_000)));
  await ended;
  return concat(parts);
}

Deno.test("loadZstd() finds it in this runtime", async () => {
  assert.notEqual(await loadZstd(), undefined);
});

Deno.test("contents that give way are packed on a slow connection, in both directions", async () => {
  const store = new Store();
  let bytes = 0;
  /** 20 MB a second, in time that is not waited for: only the sender's clock is real. */
  await using bed = await identifiedBed({
    store,
    through: (client) => {
      const paced = new PacedDuplex(client, { bytesPerSecond: 20_000_000 });
      const write = paced.write.bind(paced);
      paced.write = (data) => {
        bytes += data.length;
        return write(data);
      };
      return paced;
    },
  });
  const size = 12_000_000, content = new Uint8Array(size).map((_, at) => at % 11);
  const outcome = await bed.peer.put(KEY, dbName("/a"), file(size), undefined, {
    isNew: true,
    whole: () => ({
      size,
      bytes: (async function* () {
        for (let at = 0; at < size; at += PIECE) {
          yield await Promise.resolve(content.subarray(at, at + PIECE));
        }
      })(),
      isStillValid: () => true,
    }),
  });
  assert.deepEqual(outcome, { kind: "done" });
  assert.deepEqual(store.objects.get("/a")?.content, content);
  assert(bytes < size * 0.7, `${bytes} of ${size} bytes were sent`);
  const back = await bed.peer.content(KEY, dbName("/a"));
  assert(Symbol.asyncIterator in back);
  assert.equal((await gather(back)).length, store.contentBytes);
});
