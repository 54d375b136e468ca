/** PUTS as frames: what the server takes, what it denies for a row only, and what ends the connection. */
import assert from "node:assert/strict";
import {
  bytesOf,
  entry,
  frame,
  helloClient,
  type Part,
  type RawClient,
  text,
  u16,
} from "../../../tests/support/raw_frames.ts";
import { isCode, KEY } from "../../../tests/support/fast_bed.ts";
import { FRAME } from "./layout.ts";

/** A row of key 0, or of another. */
function row(name: string, content: Part, key = 0): Uint8Array {
  return bytesOf(key, text(name), entry(bytesOf(content).length), content);
}

function sized(name: string, size: number, content: Part): Uint8Array {
  return bytesOf(0, text(name), entry(size), content);
}

const puts = (...rows: readonly Uint8Array[]) => frame("puts", 2, u16(rows.length), ...rows);
const many = (count: number, content: Part) =>
  Array.from({ length: count }, (_, n) => row(`/${n}`, content));
const DENIED = bytesOf(1, 2, u16(0));

async function answer(client: RawClient, bytes: Uint8Array): Promise<Uint8Array> {
  await client.duplex.write(bytes);
  await client.duplex.write(frame("bye", 99));
  const [answer, bye] = await client.reader.rest();
  assert.deepEqual([answer?.type, answer?.id, bye?.id], [FRAME.ok, 2, 99]);
  assert.deepEqual(await client.ended, []);
  return answer!.payload;
}

const files = ({ store }: RawClient) =>
  [...store.objects].map(([name, { content }]) => [name, new TextDecoder().decode(content)]);

Deno.test("PUTS: an answer for each row, in their order", async () => {
  const client = await helloClient();
  const rows = [row("/a", "one"), row("/x/denied", "two"), row("/b", ""), row("/c", "three")];
  const payload = await answer(client, puts(...rows));
  assert.deepEqual(payload, bytesOf(u16(4), 0, 1, 3, u16(0), 0, 0));
  assert.deepEqual(files(client), [["/a", "one"], ["/b", ""], ["/c", "three"]]);
});

Deno.test("PUTS: as many rows and bytes as may be, in a frame that comes in pieces", async () => {
  for (
    const rows of [many(128, new Uint8Array(2_048).fill(120)), many(1, new Uint8Array(262_144))]
  ) {
    const client = await helloClient(), bytes = puts(...rows);
    for (let at = 0; at < bytes.length; at += 10_000) {
      await client.duplex.write(bytes.subarray(at, Math.min(at + 10_000, bytes.length - 1)));
    }
    const payload = await answer(client, bytes.subarray(-1));
    assert.deepEqual(payload, bytesOf(u16(rows.length), new Uint8Array(rows.length)));
    assert.equal(client.store.objects.size, rows.length);
    assert(
      client.store.objects.values().every(({ content }) => {
        return content.every((byte) => byte === (rows.length === 1 ? 0 : 120));
      }),
    );
  }
});

Deno.test("PUTS: a name that is none is denied, and the other rows are carried out", async () => {
  const client = await helloClient();
  const names = ["", "a", "/a/../b", "/a\0b", "%p/a", "//a", "/good"];
  const payload = await answer(client, puts(...names.map((name) => row(name, "x"))));
  assert.deepEqual(payload, bytesOf(u16(7), ...names.slice(1).map(() => DENIED), 0));
  assert.deepEqual(files(client), [["/good", "x"]]);
});

Deno.test("PUTS: only rows that are denied wait for nobody, and nothing is done", async () => {
  const client = await helloClient();
  const payload = await answer(client, puts(row("", "x"), row("a", "y")));
  assert.deepEqual(payload, bytesOf(u16(2), DENIED, DENIED));
  assert.deepEqual(client.store.log.filter((line) => line.includes("putMany")), []);
});

Deno.test("PUTS: a name that is there twice, and one above another, are asked for in their order", async () => {
  const client = await helloClient();
  const payload = await answer(client, puts(row("/a", "1"), row("/a/b", "2"), row("/a", "3")));
  assert.deepEqual(payload, bytesOf(u16(3), 0, 0, 0));
  assert(client.store.log.includes("+putMany /a /a/b /a"));
});

Deno.test("PUTS waits for requests on its paths, and they for it; others pass", async () => {
  const client = await helloClient();
  const { promise: go, resolve: release } = Promise.withResolvers<void>();
  const { promise: begun, resolve: isBegun } = Promise.withResolvers<void>();
  client.store.inside = async (what, name) => {
    if (what === "flush") await go;
    if (name === "/other") isBegun();
  };
  await client.duplex.write(bytesOf(
    frame("flush", 3, 0, text("/d")),
    frame("puts", 2, u16(2), row("/d/a", "x"), row("/e", "y")),
    frame("remove", 4, 0, text("/e")),
    frame("remove", 5, 0, text("/other")),
  ));
  await begun;
  assert.deepEqual(client.store.log.filter((line) => /putMany|remove \/e/.test(line)), []);
  release();
  await client.duplex.write(frame("bye", 99));
  const answers = await client.reader.rest();
  assert.deepEqual(answers.map(({ id }) => id), [5, 3, 2, 4, 99]);
  assert.deepEqual(files(client), [["/d/a", "x"]]);
});

const BREACHES: readonly { readonly what: string; readonly bytes: Uint8Array }[] = [
  { what: "no rows", bytes: frame("puts", 2, u16(0)) },
  { what: "too many rows", bytes: puts(...many(129, "x")) },
  { what: "fewer rows than it says", bytes: frame("puts", 2, u16(2), row("/a", "x")) },
  {
    what: "more rows than it says",
    bytes: frame("puts", 2, u16(1), row("/a", "x"), row("/b", "")),
  },
  { what: "a row that is cut", bytes: frame("puts", 2, u16(1), row("/a", "x").subarray(0, 20)) },
  { what: "less content than it says", bytes: frame("puts", 2, u16(1), sized("/a", 5, "abcd")) },
  { what: "more content than it says", bytes: frame("puts", 2, u16(1), sized("/a", 5, "abcdef")) },
  { what: "a size beyond the frame", bytes: frame("puts", 2, u16(1), sized("/a", 2 ** 31, "x")) },
  { what: "more content in all than may be", bytes: puts(...many(3, new Uint8Array(87_382))) },
  {
    what: "a directory",
    bytes: frame("puts", 2, u16(1), 0, text("/a"), entry(0, 1).subarray(0, 21)),
  },
  { what: "a key that was not proven", bytes: puts(row("/a", "x"), row("/b", "x", 1)) },
  { what: "a name that is too long", bytes: puts(row(`/${"a".repeat(16_384)}`, "x")) },
  { what: "no payload", bytes: frame("puts", 2) },
];

for (const { what, bytes } of BREACHES) {
  Deno.test(`PUTS: the connection is closed for ${what}, and nothing is done`, async () => {
    const client = await helloClient();
    await client.duplex.write(bytes);
    assert.deepEqual(await client.reader.rest(), []);
    const notes = await client.ended;
    assert.equal(notes.length, 1);
    assert(isCode("protocol/frame")(notes[0]), String(notes[0]));
    assert(!String(notes[0]).includes(KEY));
    assert.deepEqual(files(client), []);
    assert.equal(client.store.disposed, client.store.forks);
  });
}
