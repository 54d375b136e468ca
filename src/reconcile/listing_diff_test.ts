/** Two listings, merged (W 17.1). */
import assert from "node:assert/strict";
import { type DbName, nameOrder, percentEncode } from "../model/mod.ts";
import { listingDiff, type ListingRow } from "./listing_diff.ts";

const TEXT = "v1:mtime=1600000000:mode=33188:uid=0:gid=0:type=reg:size=5";

/** Rows `name` or `name=TEXT`, in the order given; counts what was returned early. */
function rowOf(text: string): ListingRow {
  const at = text.indexOf("=");
  return {
    key: percentEncode(at < 0 ? text : text.slice(0, at)),
    stored: percentEncode(at < 0 ? TEXT : text.slice(at + 1)),
  };
}

/** The rows in batches of that many; every other batch is followed by an empty one. */
async function* batches(
  texts: readonly string[],
  size: number,
): AsyncGenerator<readonly ListingRow[]> {
  for (let at = 0; at < texts.length; at += size) {
    await Promise.resolve();
    yield texts.slice(at, at + size).map(rowOf);
    if (at % 2 === 0) yield [];
  }
}

async function found(ours: AsyncIterable<readonly ListingRow[]>, theirs: typeof ours) {
  return (await Array.fromAsync(listingDiff(ours, theirs))).flat()
    .map(({ kind, name }) => kind + name).join(" ");
}

/** What is found, whatever the batches are. */
async function diff(ours: readonly string[], theirs: readonly string[]): Promise<string> {
  const result = await found(batches(ours, 1), batches(theirs, 1));
  for (const [a, b] of [[1, 2], [3, 1], [2, 3], [99, 1], [99, 99]] as const) {
    assert.equal(await found(batches(ours, a), batches(theirs, b)), result);
  }
  return result;
}

Deno.test("listingDiff() tells what is only here, only there, and different", async () => {
  assert.equal(await diff([], []), "");
  assert.equal(await diff(["/a", "/b"], ["/a", "/b"]), "");
  assert.equal(await diff(["/a", "/c"], ["/b", "/c"]), "L/a R/b");
  assert.equal(await diff(["/a", "/b"], []), "L/a L/b");
  assert.equal(await diff([], ["/a", "/b"]), "R/a R/b");
  assert.equal(await diff(["/a", "/z"], ["/a=v1:type=sock", "/z"]), "X/a");
});

Deno.test("D 7.4.4 names with blanks and quotes next to ! and & give no false lines", async () => {
  const names = ["/f!", "/f#", "/f b", "/f$", "/f%", "/f:x", "/f&", "/f.t", "/f;"] as DbName[];
  const sorted = [...names].sort(nameOrder);
  assert.deepEqual(sorted, names); // the order of D 4.4
  assert.equal(await diff(names, names), "");
  for (const left of names) {
    const others = names.filter((name) => name !== left);
    assert.equal(await diff(names, others), `L${left}`);
    assert.equal(await diff(others, names), `R${left}`);
  }
});

Deno.test("listingDiff() compares texts field by field, times in the coarser unit (W 18.4)", async () => {
  const nanos = TEXT.replace("1600000000", "1600000000123456789");
  const later = TEXT.replace("1600000000", "1600000001000000000");
  const noOwner = TEXT.replace(":uid=0", "");
  const theirs = [`/a=${nanos}`, `/b=${later}`, `/c=${noOwner}`];
  assert.equal(await diff(["/a", "/b", "/c"], theirs), "X/b");
  assert.equal(await diff(theirs, ["/a", "/b", "/c"]), "X/b");
  const longer = nanos.replace("size=5", "size=6");
  assert.equal(await diff(["/a"], [`/a=${longer}`]), "X/a");
  assert.equal(await diff([`/a=${nanos}`], [`/a=${nanos.replace("6789:", "6780:")}`]), "X/a");
});

Deno.test("listingDiff() takes times near the border of the units as they are", async () => {
  const at = (time: string) => `/a=${TEXT.replace("1600000000", time)}`;
  for (
    const [ours, theirs, same] of [
      ["99", "99000000001", false], // both are seconds
      ["100", "100000000001", true],
      ["0", "5", false],
      ["-1", "-999999999", false],
      ["-101", "-100000000001", true],
      ["1600000000", "1599999999999999999", false],
      ["1600000000", "1600000001000000000", false],
    ] as const
  ) {
    assert.equal(await diff([at(ours)], [at(theirs)]), same ? "" : "X/a", `${ours} ${theirs}`);
    assert.equal(await diff([at(theirs)], [at(ours)]), same ? "" : "X/a", `${theirs} ${ours}`);
  }
});

Deno.test("listingDiff() refuses a list that is not in order, or has a name twice", async () => {
  const error = { code: "listing/order" };
  await assert.rejects(diff(["/a"], ["/b", "/a"]), error);
  await assert.rejects(diff(["/b", "/a"], ["/c"]), error);
  await assert.rejects(diff(["/a"], ["/a", "/a"]), error);
});

Deno.test("listingDiff() closes both listings when its consumer stops", async () => {
  let closed = 0;
  async function* endless(): AsyncGenerator<readonly ListingRow[]> {
    try {
      for (let i = 0;; i++) {
        await Promise.resolve();
        yield [rowOf(`/${String(i).padStart(9, "0")}`)];
      }
    } finally {
      closed++;
    }
  }
  async function* nothing(): AsyncGenerator<readonly ListingRow[]> {}
  for await (const _ of listingDiff(endless(), nothing())) break;
  assert.equal(closed, 1);
  for await (const _ of listingDiff(nothing(), endless())) break;
  assert.equal(closed, 2);
});
