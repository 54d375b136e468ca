/** Many names asked for at once get what each of them has, however they are read from the database. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { byteOrder, type DbName, type DirtyMark, type HostName } from "../../src/model/mod.ts";
import { openState, type StateStore } from "../../src/state/mod.ts";

const ME = "a.demo" as HostName;
const PEERS = ["b.demo", "q\xff"] as HostName[];
/** What orders differ about: escapes, case, what is no text, what sorts around a slash. */
const PIECES = ["a", "A", "b", "%", "%25", "_", "/", " ", "'", "\\", "\n", "\x01", "\x7f", "\x80"];
const BYTES = ["\xc3\xbc", "\xff", "\xef\xbf\xbd", "\xf0\x9f\x98\x80", "0", "1"];

const piece = fc.constantFrom(...PIECES, ...BYTES);
const name = fc.array(piece, { maxLength: 5 }).map((some) => `/n${some.join("")}` as DbName)
  .filter((name) => !name.includes("//") && !name.endsWith("/"));
const state = fc.record({
  known: fc.uniqueArray(name, { minLength: 5, maxLength: 150 }),
  strange: fc.uniqueArray(name, { maxLength: 60 }),
  /** Names that lie close together. */
  close: fc.nat(200),
  /** Each how many of the known ones is asked for. */
  every: fc.integer({ min: 1, max: 4 }),
  isSorted: fc.boolean(),
});
type Case = typeof state extends fc.Arbitrary<infer T> ? T : never;

function marksOf(names: readonly DbName[]): DirtyMark[] {
  return names.filter((_, n) => n % 2 === 0).flatMap((name, n) =>
    PEERS.slice(0, 1 + n % 2).map((peer) => ({ name, myName: ME, peer, forced: false }))
  );
}

async function checkOne(store: StateStore, { known, strange, close, every, isSorted }: Case) {
  const names = [
    ...new Set([...known, ...Array.from({ length: close }, (_, n) => `/n${n}` as DbName)]),
  ];
  const stored = new Map(names.map((name, n) => [name, `v1%3A${n}`]));
  const marks = marksOf(names);
  await store.transaction(async (tx) => {
    await tx.putRecords(names.map((name) => ({ name, stored: stored.get(name)! })));
    await tx.mark(marks);
  });
  const asked = [...new Set([...names.filter((_, n) => n % every === 0), ...strange])];
  if (isSorted) asked.sort(byteOrder);
  const records = await store.recordsOf(asked), dirty = await store.dirtyAmong(asked);
  for (const name of asked) {
    assert.equal(records.get(name)?.stored, stored.get(name), name);
    const peers = marks.filter((mark) => mark.name === name).map(({ peer }) => peer);
    assert.deepEqual(dirty.get(name) ?? [], peers.sort(byteOrder), name);
  }
}

/** Marks that are what they were go; others, and those of somebody else, stay. */
async function settle(store: StateStore) {
  const rows = (await Array.fromAsync(store.dirtyRows())).flat();
  const settled = rows.filter((_, n) => n % 5 < 3).map((row, n) =>
    n % 11 === 0 ? { ...row, generation: row.generation + 1_000_000 } : row
  );
  const left = await store.transaction((tx) => tx.settleMany(settled));
  assert.deepEqual(new Set(left), new Set(settled.filter((row) => !rows.includes(row))));
  const rest = (await Array.fromAsync(store.dirtyRows())).flat();
  assert.deepEqual(rest, rows.filter((row) => !settled.includes(row)));
}

Deno.test("names that are neighbours are found, marked and settled as each by itself", async () => {
  await fc.assert(
    fc.asyncProperty(state, async (one) => {
      const dir = Deno.makeTempDirSync();
      try {
        await using store = await openState({
          database: dir,
          hostName: ME,
          configName: "",
          lockTimeoutSeconds: 12,
          defaultDir: dir,
        });
        await checkOne(store, one);
        await settle(store);
      } finally {
        Deno.removeSync(dir, { recursive: true });
      }
    }),
    { numRuns: 40 },
  );
});
