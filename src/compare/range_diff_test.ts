import assert from "node:assert/strict";
import fc from "fast-check";
import { type DbName, EVERY_KEY, type KeyRange, percentEncode } from "../model/mod.ts";
import type { ListedRow } from "../protocol/mod.ts";
import { digestRanges, listingDiff, type RangeDigest } from "../reconcile/mod.ts";
import { rangeDiff, type RangeSides, type RangeSizes } from "./range_diff.ts";

const TEXT = "v1%3Amtime=1600000000123456789%3Amode=33188%3Auid=0%3Agid=0%3Atype=reg%3Asize=";

type Rows = readonly ListedRow[];
type Change = Partial<RangeSides>;

function rowsOf(sizes: ReadonlyMap<string, number>): Rows {
  const rows = [...sizes].map(([name, size]) => ({
    key: percentEncode(name),
    stored: `${TEXT}${size}`,
  }));
  return rows.sort((a, b) => a.key < b.key ? -1 : 1);
}

async function* inRange(rows: Rows, { from, before }: KeyRange): AsyncGenerator<Rows> {
  const meant = rows.filter(({ key }) => key >= from && key < before);
  for (let at = 0; at < meant.length; at += 7) yield await meant.slice(at, at + 7);
}

/** Two hosts, and what they say to each other. */
class Hosts {
  readonly asked: number[] = [];
  readonly listed: KeyRange[] = [];
  ourReads = 0;

  constructor(readonly ours: Rows, readonly theirs: Rows) {}

  sides(change: Change = {}): RangeSides {
    return {
      ours: (range) => {
        this.ourReads++;
        return inRange(this.ours, range);
      },
      digests: (bounds) => {
        this.asked.push(bounds.length - 1);
        const range = { from: bounds[0]!, before: bounds.at(-1)! };
        return digestRanges(inRange(this.theirs, range), bounds);
      },
      theirs: (range) => {
        this.listed.push(range);
        return inRange(this.theirs, range);
      },
      ...change,
    };
  }

  async diff(sizes?: RangeSizes, change?: Change): Promise<string[]> {
    return flat(await Array.fromAsync(rangeDiff(this.sides(change), sizes)));
  }

  async plain(): Promise<string[]> {
    const listing = listingDiff(inRange(this.ours, EVERY_KEY), inRange(this.theirs, EVERY_KEY));
    return flat(await Array.fromAsync(listing));
  }
}

function flat(found: readonly (readonly { kind: string; name: DbName }[])[]): string[] {
  return found.flat().map(({ kind, name }) => `${kind} ${name}`);
}

function many(count: number, size = 1): Map<string, number> {
  const names = Array.from({ length: count }, (_, n) => `/t/${String(n).padStart(6, "0")}`);
  return new Map(names.map((name) => [name, size]));
}

Deno.test("rangeDiff() finds what listingDiff() finds, in its order, whatever the ranges are", async () => {
  const name = fc.tuple(
    fc.constantFrom("/", "/d/", "%p%/", "/d /"),
    fc.integer({ max: 40, min: 0 }),
  )
    .map(([dir, n]) => `${dir}f${n}`);
  const side = fc.array(fc.tuple(name, fc.constantFrom(1, 1, 1, 2)), { maxLength: 60 })
    .map((rows) => new Map(rows));
  const counts = fc.integer({ min: 1, max: 9 });
  const sizes = fc.record({ rows: counts, parts: counts, ranges: counts, questions: counts });
  await fc.assert(fc.asyncProperty(side, side, sizes, fc.boolean(), async (a, b, how, isNear) => {
    // Hosts that have nearly the same, as hosts have.
    const theirs = isNear ? new Map([...a, ...[...b].slice(0, 3)]) : b;
    const hosts = new Hosts(rowsOf(a), rowsOf(theirs));
    assert.deepEqual(await hosts.diff(how), await hosts.plain());
  }));
});

Deno.test("rangeDiff() lists nothing and reads ours once where both have the same", async () => {
  const rows = rowsOf(many(20_500)), hosts = new Hosts(rows, rows);
  assert.deepEqual(await hosts.diff(), []);
  assert.deepEqual(hosts.asked, [8, 8, 5]);
  assert.deepEqual(hosts.listed, []);
  assert.equal(hosts.ourReads, 1);
});

Deno.test("rangeDiff() lists a few rows around one that differs", async () => {
  const rows = rowsOf(many(20_000)), name = "/t/012345";
  const hosts = new Hosts(rows, rowsOf(many(20_000).set(name, 2)));
  assert.deepEqual(await hosts.diff(), [`X ${name}`]);
  const [range, ...more] = hosts.listed;
  assert.deepEqual(more, []);
  const told = (await Array.fromAsync(inRange(rows, range!))).flat();
  assert.ok(told.length <= 64 && told.some(({ key }) => key === name));
});

Deno.test("rangeDiff() asks for no rows of a peer that has none, and for all of them at once when we have none", async () => {
  const rows = rowsOf(many(3_000));
  const nobody = new Hosts(rows, []);
  assert.equal((await nobody.diff()).length, 3_000);
  assert.deepEqual(nobody.listed, []);
  const onlyThem = new Hosts([], rows);
  assert.deepEqual(await onlyThem.diff(), await onlyThem.plain());
  assert.deepEqual(onlyThem.listed.map(({ from, before }) => ({ from, before })), [EVERY_KEY]);
});

Deno.test("rangeDiff() does not split where nearly everything differs", async () => {
  const hosts = new Hosts(rowsOf(many(4_000)), rowsOf(many(4_000, 2)));
  assert.equal((await hosts.diff()).length, 4_000);
  assert.deepEqual(hosts.asked, [4]);
  assert.equal(hosts.listed.length, 1);
});

Deno.test("rangeDiff() takes ranges that cannot be for an error of the peer", async () => {
  const rows = rowsOf(many(3_000)), other = rowsOf(many(3_000).set("/t/001500", 9));
  const hosts = new Hosts(rows, other), honest = hosts.sides();
  const digests = (change: (sums: RangeDigest[]) => RangeDigest[]): Change => ({
    digests: async (bounds) => change([...await honest.digests(bounds)]),
  });
  const theirs = (make: (range: KeyRange) => readonly ListedRow[]): Change => ({
    theirs: async function* (range) {
      yield await make(range);
    },
  });
  const row = (key: string) => ({ key, stored: `${TEXT}1` });
  const cases: readonly [Change, string, RegExp][] = [
    [digests((sums) => sums.slice(1)), "listing/range", /answered 2 of 3 ranges/],
    [digests((sums) => [...sums, sums[0]!]), "listing/range", /answered 4 of 3 ranges/],
    [digests((sums) => sums.map((sum) => ({ ...sum, count: 7 }))), "listing/range", /of 7 rows/],
    [digests((sums) => sums.map((sum) => ({ ...sum, count: 0 }))), "listing/range", /of 0 rows/],
    [theirs(() => [row("/a")]), "listing/range", /lists "\/a", which is not in the range/],
    [theirs(() => [row("/z")]), "listing/range", /lists "\/z", which is not in the range/],
    [theirs(({ from }) => [row(`${from}b`), row(`${from}a`)]), "listing/order", /not in order/],
    [
      theirs(() => Array.from({ length: 100_100 }, (_, n) => row(`/t/0${n}`))),
      "listing/range",
      /lists more than 100064 rows in place of 64/,
    ],
  ];
  for (const [change, code, message] of cases) {
    await assert.rejects(hosts.diff({}, change), { code, message });
  }
});

Deno.test("rangeDiff() ends with the error of a question that failed, once what came before is told", async () => {
  const rows = rowsOf(many(5_000)), other = rowsOf(many(5_000).set("/t/000001", 9));
  const hosts = new Hosts(rows, other), honest = hosts.sides();
  let asked = 0;
  const sides = hosts.sides({
    digests: (bounds) => asked++ === 1 ? Promise.reject(new Error("cut")) : honest.digests(bounds),
  });
  const found: string[] = [];
  await assert.rejects(async () => {
    for await (const batch of rangeDiff(sides, { ranges: 1 })) found.push(...flat([batch]));
  }, /cut/);
  assert.deepEqual(found, ["X /t/000001"]);
});
