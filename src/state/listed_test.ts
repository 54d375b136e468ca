import { deepStrictEqual as equal } from "node:assert/strict";
import { type DbName, percentEncode } from "../model/mod.ts";
import { listed } from "./listed.ts";
import type { StateStore } from "./store.ts";

/** Keys of LIST for what a database has. */
async function keys(...stored: string[]): Promise<string[]> {
  async function* pages() {
    yield await Promise.resolve(stored.flatMap((key) => [key, "v1%3Atype=dir"]));
  }
  const state = { storedRecords: pages } as unknown as StateStore;
  const found: string[] = [];
  for await (const rows of listed(state, { unit: "nanos", includes: () => true })) {
    found.push(...rows.map(({ key }) => key));
  }
  return found;
}

Deno.test("listed() tells names as percentEncode does, however they are stored", async () => {
  const names = ["/a b:c", "%p%/a", "%p%/d e/%f", "%p%", "/plain", "/per%25cent", "%a b%/c"];
  equal(
    await keys(...names.map(percentEncode)),
    names.map((name) => percentEncode(name as DbName)),
  );
  const strange = ["%25p%25/a:b", "%25p%/a", "%p%/a", "/a:b", "%25p%25/%61"];
  const plain = ["%25p%25/a%3Ab", "%25p%25/a", "%25p%25/a", "/a%3Ab", "%25p%25/a"];
  equal(await keys(...strange), plain);
});
