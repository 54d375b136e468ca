/** Two listings, merged (W 17.1). */
import assert from "node:assert/strict";
import { type DbName, nameOrder } from "../model/mod.ts";
import { listingDiff, type ListingRow } from "./listing_diff.ts";

const TEXT = "v1:mtime=1600000000:mode=33188:uid=0:gid=0:type=reg:size=5";

/** Rows `name` or `name=TEXT`, in the order given; counts what was returned early. */
async function* rows(...texts: readonly string[]): AsyncGenerator<ListingRow> {
  for (const text of texts) {
    const at = text.indexOf("=");
    await Promise.resolve();
    yield {
      name: (at < 0 ? text : text.slice(0, at)) as DbName,
      checkText: at < 0 ? TEXT : text.slice(at + 1),
    };
  }
}

async function diff(ours: readonly string[], theirs: readonly string[]): Promise<string> {
  const found: string[] = [];
  for await (const { kind, name } of listingDiff(rows(...ours), rows(...theirs))) {
    found.push(kind + name);
  }
  return found.join(" ");
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
  assert.equal(
    await diff(["/a", "/b", "/c"], [`/a=${nanos}`, `/b=${later}`, `/c=${noOwner}`]),
    "X/b",
  );
});

Deno.test("listingDiff() refuses a list that is not in order, or has a name twice", async () => {
  const error = { code: "listing/order" };
  await assert.rejects(diff(["/a"], ["/b", "/a"]), error);
  await assert.rejects(diff(["/b", "/a"], ["/c"]), error);
  await assert.rejects(diff(["/a"], ["/a", "/a"]), error);
});

Deno.test("listingDiff() closes both listings when its consumer stops", async () => {
  let closed = 0;
  async function* endless(): AsyncGenerator<ListingRow> {
    try {
      for (let i = 0;; i++) {
        await Promise.resolve();
        yield { name: `/${String(i).padStart(9, "0")}` as DbName, checkText: TEXT };
      }
    } finally {
      closed++;
    }
  }
  async function* nothing(): AsyncGenerator<ListingRow> {}
  for await (const _ of listingDiff(endless(), nothing())) break;
  assert.equal(closed, 1);
  for await (const _ of listingDiff(nothing(), endless())) break;
  assert.equal(closed, 2);
});
