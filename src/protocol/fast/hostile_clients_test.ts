/** Clients that break the rules of the fast dialect: the connection is closed, without an answer. */
import assert from "node:assert/strict";
import { Budget } from "../../model/mod.ts";
import {
  address,
  bytesOf,
  entry,
  frame,
  helloClient,
  type Part,
  type RawClient,
  rawClient,
  text,
  u16,
  u32,
} from "../../../tests/support/raw_frames.ts";
import { isCode, KEY, ME } from "../../../tests/support/fast_bed.ts";
import { CREDIT_BYTES, DATA_MAX_BYTES, FRAME, FRAME_MAX_BYTES } from "./layout.ts";

const put = (mode: number, size: number, ...more: Part[]) =>
  frame("put", 2, address("/a"), mode, entry(size), ...more);
const listing = (...more: Part[]) => bytesOf(text("b.demo"), 1, 0, ...more);

const BREACHES: readonly { what: string; bytes: Uint8Array; code?: string }[] = [
  { what: "a length of nothing", bytes: u32(0) },
  { what: "a length below type and id", bytes: bytesOf(u32(4), 1, 2, 3, 4) },
  { what: "a length above the limit", bytes: u32(FRAME_MAX_BYTES + 1) },
  { what: "the largest length there is", bytes: u32(0xffff_ffff) },
  { what: "an unknown type", bytes: frame(200, 2) },
  { what: "type 0", bytes: frame(0, 2) },
  { what: "an answer", bytes: frame("ok", 2) },
  { what: "GO", bytes: frame("go", 2) },
  { what: "id 0", bytes: frame("look", 0, address("/a")) },
  { what: "a name that is cut", bytes: frame("look", 2, 0, u16(10), "/a") },
  { what: "bytes behind a name", bytes: frame("look", 2, address("/a"), 0) },
  { what: "a name that is too long", bytes: frame("look", 2, address(`/${"a".repeat(16_384)}`)) },
  { what: "a key that was not proven", bytes: frame("look", 2, 1, text("/a")) },
  { what: "no payload", bytes: frame("touch", 2) },
  { what: "an unknown kind of object", bytes: frame("make", 2, address("/a"), entry(0, 7)) },
  { what: "MAKE of a file", bytes: frame("make", 2, address("/a"), entry(0)) },
  {
    what: "a link without a target",
    bytes: frame("make", 2, address("/a"), entry(0, 2).subarray(0, 21), u16(0)),
  },
  {
    what: "a link with a NUL in its target",
    bytes: frame("make", 2, address("/a"), entry(0, 2).subarray(0, 21), text("a\0b")),
  },
  {
    what: "a link with a target that is too long",
    bytes: frame("make", 2, address("/a"), entry(0, 2).subarray(0, 21), text("x".repeat(4_097))),
  },
  {
    what: "PUT of a directory",
    bytes: frame("put", 2, address("/a"), 1, entry(0, 1).subarray(0, 21)),
  },
  { what: "PUT in an unknown way", bytes: put(3, 1) },
  { what: "a size beyond all numbers", bytes: put(1, 1).fill(0xff, -8) },
  { what: "less content than it says", bytes: put(2, 5, "abcd") },
  { what: "more content than it says", bytes: put(2, 5, "abcdef") },
  { what: "more content inside than may be", bytes: put(2, 262_145, new Uint8Array(262_145)) },
  {
    what: "a content that is longer than the server takes",
    bytes: put(1, 2 ** 31),
    code: "stream",
  },
  { what: "MEASURE of something else", bytes: frame("measure", 2, address("/a"), 2) },
  { what: "an offer of too many rows", bytes: frame("offer", 2, u16(513)) },
  { what: "an offer of fewer rows than it says", bytes: frame("offer", 2, u16(1)) },
  { what: "DATA for nothing", bytes: frame("data", 2, 0, "x") },
  { what: "END for nothing", bytes: frame("end", 2, 0) },
  { what: "CREDIT that is cut", bytes: frame("credit", 0, u16(1)) },
  { what: "a list with an unknown key", bytes: frame("list", 2, text("b.demo"), 1, 9, 0) },
  { what: "a list with more keys than bytes", bytes: frame("list", 2, text("b.demo"), 9) },
  { what: "no range", bytes: frame("ranges", 2, listing(u16(1), text("/a"))) },
  { what: "too many ranges", bytes: frame("ranges", 2, listing(u16(1_026))) },
  {
    what: "a range that goes backwards",
    bytes: frame("rows", 2, listing(u16(2), text("/b"), text("/a"))),
  },
  {
    what: "two ranges of rows",
    bytes: frame("rows", 2, listing(u16(3), text("/a"), text("/b"), text("/c"))),
  },
  { what: "a second HELLO that is malformed", bytes: frame("hello", 2, u32(0), text(ME), 1) },
  {
    what: "more than 64 keys",
    bytes: frame("hello", 2, u32(0), text(ME), 251, new Uint8Array(251 * 32)),
  },
  { what: "BYE with a payload", bytes: frame("bye", 2, 0) },
];

/** Nothing was answered, and the server says why. */
async function assertBroken({ reader, ended }: RawClient, code = "frame"): Promise<void> {
  assert.deepEqual((await reader.rest()).filter(({ type }) => type !== FRAME.go), []);
  const notes = await ended;
  assert.equal(notes.length, 1);
  assert(isCode(`protocol/${code}`)(notes[0]), String(notes[0]));
  assert(!String(notes[0]).includes(KEY));
}

for (const { what, bytes, code } of BREACHES) {
  Deno.test(`a server of frames closes the connection for ${what}`, async () => {
    const client = await helloClient({ limits: { maxStreamBytes: 1_000_000 } });
    await client.duplex.write(bytes);
    await assertBroken(client, code);
    assert.equal(client.store.disposed, client.store.forks);
  });
}

for (
  const [what, first] of [
    ["a request", frame("flush", 1, address("/a"))],
    ["more than HELLO needs", u32(8_449)],
    ["HELLO under a name that is too long", frame("hello", 1, u32(0), text("a".repeat(256)), 0)],
    ["DATA", frame("data", 1, 0, "x")],
  ] as const
) {
  Deno.test(`a server of frames closes the connection of an unknown client for ${what}`, async () => {
    const client = await rawClient();
    await client.duplex.write(first);
    await assertBroken(client);
  });
}

Deno.test("a server of frames answers what has a wrong name as the classic dialect does", async () => {
  const client = await helloClient();
  const names = ["", "a", "/a/../b", "/a\0b", "%p/a", "//a"];
  for (const [n, name] of names.entries()) {
    await client.duplex.write(frame("remove", 2 + n, address(name)));
  }
  await client.duplex.write(frame("bye", 100));
  const answers = await client.reader.rest();
  const denied = bytesOf(2, u16(0));
  assert.deepEqual(
    answers.slice(0, -1).map(({ type, payload }) => ({ type, payload })),
    names.map(() => ({ type: FRAME.refused, payload: denied })),
  );
  assert.deepEqual(await client.ended, []);
});

Deno.test("a server of frames closes the connection for an id that is in use", async () => {
  const client = await helloClient();
  const { promise, resolve } = Promise.withResolvers<void>();
  client.store.inside = () => promise;
  await client.duplex.write(
    bytesOf(frame("flush", 7, address("/a")), frame("flush", 7, address("/b"))),
  );
  setTimeout(resolve, 20);
  await assertBroken(client);
});

Deno.test("a server of frames closes the connection for HELLO while requests are under way", async () => {
  const client = await helloClient();
  const { promise, resolve } = Promise.withResolvers<void>();
  client.store.inside = () => promise;
  await client.duplex.write(
    bytesOf(frame("flush", 7, address("/a")), frame("hello", 8, u32(0), text(ME), 0)),
  );
  setTimeout(resolve, 20);
  await assertBroken(client);
});

Deno.test("a server of frames takes 1,024 requests at once, and no more", async () => {
  const client = await helloClient();
  const { promise, resolve } = Promise.withResolvers<void>();
  client.store.inside = () => promise;
  for (let n = 0; n < 1_025; n++) {
    await client.duplex.write(frame("flush", n + 2, address(`/${n}`)));
  }
  setTimeout(resolve, 50);
  await assertBroken(client);
  assert.equal(client.store.mostAtWork, 128);
});

Deno.test("a server of frames takes 8 MiB of requests at once, and no more", async () => {
  const client = await helloClient();
  const { promise, resolve } = Promise.withResolvers<void>();
  client.store.inside = () => promise;
  const content = new Uint8Array(250_000);
  const write = async () => {
    for (let n = 0; n < 40; n++) {
      await client.duplex.write(
        frame("put", n + 2, address(`/${n}`), 2, entry(content.length), content),
      );
    }
  };
  const written = write().catch(() => {});
  setTimeout(resolve, 100);
  await assertBroken(client);
  await written;
});

for (
  const [what, bytes, code] of [
    ["more than it grants", frame("data", 2, 0, new Uint8Array(DATA_MAX_BYTES)), "frame"],
    ["too much at once", frame("data", 2, 0, new Uint8Array(DATA_MAX_BYTES + 1)), "frame"],
    ["nothing at once", frame("data", 2, 0), "frame"],
    ["in an unknown packing", frame("data", 2, 2, "x"), "frame"],
    ["packed, which was not agreed on", frame("data", 2, 1, u32(5), "x"), "frame"],
    ["with an unknown end", frame("end", 2, 2), "frame"],
    ["behind its end", bytesOf(frame("end", 2, 0), frame("data", 2, 0, "x")), "frame"],
  ] as const
) {
  Deno.test(`a server of frames closes the connection for a content ${what}`, async () => {
    const client = await helloClient();
    const { promise, resolve } = Promise.withResolvers<void>();
    client.store.inside = (what) => what === "beginPut" ? undefined : promise;
    // A delta: its handler begins to read, and does not get on.
    const size = CREDIT_BYTES * 2;
    await client.duplex.write(frame("put", 2, address("/a"), 1, entry(size)));
    const write = async () => {
      for (let n = 0; n < 40; n++) await client.duplex.write(bytes);
    };
    const written = write().catch(() => {});
    if (what === "more than it grants") await stalled(client);
    setTimeout(resolve, 50);
    await assertBroken(client, code);
    await written;
  });
}

/** Its handler does not read at all. */
function stalled(client: RawClient): Promise<void> {
  client.store.stallsContents = true;
  return Promise.resolve();
}

Deno.test("a content longer than announced ends the connection", async () => {
  const client = await helloClient();
  await client.duplex.write(bytesOf(put(1, 5), frame("data", 9, 0, "x")));
  await assertBroken(client);
  const other = await helloClient();
  await other.duplex.write(put(1, 5));
  assert.equal((await other.reader.next())?.type, FRAME.credit);
  assert.equal((await other.reader.next())?.type, FRAME.go);
  await other.duplex.write(frame("data", 2, 0, "abcdef"));
  await assertBroken(other, "stream");
});

Deno.test("a client that leaves in the middle of a content leaves nothing behind", async () => {
  const client = await helloClient();
  await client.duplex.write(bytesOf(put(1, 500), frame("flush", 3, address("/a"))));
  await client.reader.next();
  await client.duplex.write(frame("credit", 0, u32(0)));
  await client.duplex.end();
  const notes = await client.ended;
  assert(isCode("protocol/closed")(notes[0]), String(notes[0]));
  assert.equal(client.store.objects.size, 0);
  assert.equal(client.store.atWork, 0);
  assert.equal(client.store.disposed, client.store.forks);
});

Deno.test("a client that does not read is not read any more, and ends at the idle deadline", async () => {
  const client = await helloClient({ idleMs: 300 });
  let sent = 0;
  const flood = async () => {
    const row = bytesOf(address("/a\0"), 0, entry(1));
    const rows = bytesOf(...Array.from({ length: 500 }, () => row));
    for (let id = 2;; id++) {
      await client.duplex.write(frame("offer", id, u16(500), rows));
      sent++;
    }
  };
  await assert.rejects(flood());
  assert.equal((await client.ended).length, 1);
  assert(sent < 3_000, `${sent} offers`);
});

Deno.test("a client that grants nothing for a content does not keep it, however alive it is", async () => {
  const client = await helloClient({ limits: { patienceMs: 100 } });
  client.store.signatureBytes = 200;
  await client.duplex.write(frame("put", 2, address("/a"), 0, entry(5)));
  const alive = setInterval(() => {
    void client.duplex.write(frame("credit", 0, u32(0))).catch(() => {});
  }, 20);
  assert.deepEqual((await client.reader.rest()).map(({ type }) => type), [FRAME.go]);
  const [note] = await client.ended;
  clearInterval(alive);
  assert.match(String(note), /takes no content any more/);
  assert.equal(client.store.atWork, 0);
  assert.equal(client.store.disposed, client.store.forks);
});

Deno.test("a client that grants a byte now and then does not keep a content either", async () => {
  const client = await helloClient({ limits: { patienceMs: 200 } });
  client.store.signatureBytes = 2_000;
  await client.duplex.write(frame("put", 2, address("/a"), 0, entry(5)));
  const alive = setInterval(() => {
    void client.duplex.write(frame("credit", 0, u32(1))).catch(() => {});
  }, 20);
  assert.deepEqual((await client.reader.rest()).map(({ type }) => type), [FRAME.go]);
  const [note] = await client.ended;
  clearInterval(alive);
  assert.match(String(note), /takes no content any more/);
});

Deno.test("a client that never begins its delta does not keep the path, however alive it is", async () => {
  const client = await helloClient({ limits: { patienceMs: 100 } });
  await client.duplex.write(bytesOf(
    frame("credit", 0, u32(CREDIT_BYTES)),
    frame("put", 2, address("/a"), 0, entry(5)),
  ));
  const alive = setInterval(() => {
    void client.duplex.write(frame("credit", 0, u32(0))).catch(() => {});
  }, 20);
  const types = (await client.reader.rest()).map(({ type }) => type);
  assert.deepEqual(types, [FRAME.go, FRAME.data, FRAME.end]);
  const [note] = await client.ended;
  clearInterval(alive);
  assert.match(String(note), /Gave up on a content: nothing of it came/);
  assert(client.store.log.includes("dispose /a"));
});

Deno.test("a request with a key that is not shared waits for nobody, and nobody for it", async () => {
  const { proof, ...client } = await rawClient();
  const stranger = new Uint8Array(32);
  await client.duplex.write(frame("hello", 1, u32(0), text(ME), 2, proof, stranger));
  await client.reader.next();
  const { promise, resolve } = Promise.withResolvers<void>();
  client.store.inside = () => promise;
  const named = bytesOf(1, text("/a"));
  const row = bytesOf(named, 0, entry(1));
  await client.duplex.write(bytesOf(
    frame("flush", 2, address("/a")),
    frame("look", 3, named),
    frame("offer", 4, u16(1), row),
    frame("copy", 5, named, entry(1), named, new Uint8Array(32)),
  ));
  const ids = [];
  while (ids.length < 3) {
    const next = await client.reader.next();
    if (next?.type !== FRAME.credit) ids.push(next?.id);
  }
  assert.deepEqual(ids.toSorted(), [3, 4, 5]);
  resolve();
  const last = await client.reader.next();
  assert.deepEqual([last?.type, last?.id], [FRAME.ok, 2]);
  await client.duplex.end();
  await client.ended;
});

/** What the server lets a client send: requests, and contents. */
async function roomFor(memory: Budget) {
  const { proof, ...client } = await rawClient({ memory });
  await client.duplex.write(frame("hello", 1, u32(0), text(ME), 1, proof));
  const [welcome, credit] = [await client.reader.next(), await client.reader.next()];
  const at = ({ payload }: { readonly payload: Uint8Array }, byte: number) =>
    new DataView(payload.buffer).getUint32(byte, true);
  return { client, requests: at(welcome!, 6), contents: at(credit!, 0) };
}

Deno.test("clients share the memory of a server: the more there are, the less each is told", async () => {
  const memory = new Budget(16 * 1_048_576), told: number[][] = [];
  const clients: RawClient[] = [];
  for (let n = 0; n < 17; n++) {
    const { client, requests, contents } = await roomFor(memory);
    clients.push(client);
    told.push([requests, contents]);
  }
  assert.deepEqual(told[0], [8 * 1_048_576, 4 * 1_048_576]);
  assert.deepEqual(told[3], [Math.floor(8 / 3 * 1_048_576), Math.floor(4 / 3 * 1_048_576)]);
  assert.deepEqual(told.at(-1), [657_930, 524_288]);
  for (const { duplex } of clients) await duplex.end();
  for (const { ended } of clients) await ended;
  const { client, requests } = await roomFor(memory);
  assert.equal(requests, 8 * 1_048_576, "those who left need none");
  await client.duplex.end();
  await client.ended;
});

for (const what of ["requests", "contents"] as const) {
  Deno.test(`a client that has more ${what} under way than it was told is cut off`, async () => {
    const { client, [what]: most } = await roomFor(new Budget(1_048_576));
    const { promise, resolve } = Promise.withResolvers<void>();
    client.store.inside = () => promise;
    client.store.stallsContents = true;
    const size = 250_000, content = new Uint8Array(size);
    const write = async () => {
      if (what === "contents") {
        client.store.inside = (what) => what === "beginPut" ? undefined : promise;
        await client.duplex.write(frame("put", 2, address("/a"), 1, entry(10 * size)));
      }
      for (let sent = 0, n = 3; sent <= most; sent += size, n++) {
        await client.duplex.write(
          what === "contents"
            ? frame("data", 2, 0, content)
            : frame("put", n, address(`/${n}`), 2, entry(size), content),
        );
      }
    };
    const written = write().catch(() => {});
    setTimeout(resolve, 100);
    await assertBroken(client);
    await written;
  });
}
