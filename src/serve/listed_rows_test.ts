import assert from "node:assert/strict";
import { configOf, keyOf } from "../../tests/support/config.ts";
import type { DbName } from "../model/mod.ts";
import { MemoryStore } from "../state/mod.ts";
import { listedRows } from "./listed_rows.ts";

const config = configOf(
  "group g { host a.demo b.demo; key k; include /t %p%; } prefix p { on *: /p; }",
);
const LINK = "v1%3Amode=41471%3Auid=0%3Agid=0%3Atype=lnk%3Atarget=";

/** `NAME TEXT` of each row that b.demo is told. */
async function told(isOurs: boolean): Promise<string[]> {
  await using state = new MemoryStore();
  const file = "v1%3Amtime=1%3Amode=33188%3Auid=0%3Agid=0%3Atype=reg%3Asize=1";
  const record = (name: string, stored: string) => ({ name: name as DbName, stored });
  await state.transaction((tx) =>
    tx.putRecords([
      record("%p%/f", file),
      record("%p%/l", `${LINK}a%2520b`),
      record("/t/l", `${LINK}a%2520b`),
    ])
  );
  const query = { peer: "b.demo", myName: "a.demo", keys: [keyOf("k")], unit: "seconds" as const };
  const rows = await Array.fromAsync(listedRows({ config, state }, { ...query, isOurs }));
  return rows.flat().filter(({ key }) => !key.endsWith("f")).map(({ key, stored }) =>
    `${key} ${stored.slice(LINK.length)}`
  );
}

Deno.test("D 7.3.4 listedRows() tells C programs no targets of links below a prefix: they know none", async () => {
  assert.deepEqual(await told(false), ["%25p%25/l ", "/t/l a%2520b"]);
  assert.deepEqual(await told(true), ["%25p%25/l a%2520b", "/t/l a%2520b"]);
});
