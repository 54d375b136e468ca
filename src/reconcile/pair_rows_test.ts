import assert from "node:assert/strict";
import { configOf, keyOf } from "../../tests/support/config.ts";
import type { DbName } from "../model/mod.ts";
import { pairGroups, pairRows } from "./pair_rows.ts";

const CONFIG = configOf(`
group one { host a.demo b.demo; key k1; include /t; exclude *.o; }
group two { host a.demo@n2 b.demo c.demo; key k2; include /u; }
group three { host a.demo (b.demo); key k3; include /s; }
`);
const FILE = "v1%3Amtime=1600000000%3Amode=33188%3Auid=0%3Agid=0%3Atype=reg%3Asize=1";

Deno.test("pairGroups() selects by own name, peer and key; slaves count", () => {
  const names = (myName: string, peer: string, keys?: readonly string[]) =>
    pairGroups(CONFIG, {
      myName,
      peer,
      ...(keys && { knowsKey: (key: string) => keys.includes(key) }),
    }).map(({ name }) => name);
  assert.deepEqual(names("a.demo", "b.demo"), ["one", "three"]);
  assert.deepEqual(names("a.demo", "b.demo", [keyOf("k3")]), ["three"]);
  assert.deepEqual(names("n2", "b.demo"), ["two"]);
  assert.deepEqual(names("a.demo", "c.demo"), []);
});

Deno.test("pairRows() tells the names of the groups only, encoded, with times in the unit", () => {
  const groups = pairGroups(CONFIG, { myName: "a.demo", peer: "b.demo" });
  const record = (name: string, subsecond?: number) => ({
    name: name as DbName,
    stored: FILE,
    ...(subsecond !== undefined && { subsecond }),
  });
  const records = [record("/s"), record("/t/a b", 5), record("/t/c.o"), record("/u/x")];
  const times = (unit: "seconds" | "nanos") =>
    pairRows(records, { groups, unit }).map(({ key, stored }) =>
      `${key} ${stored.slice("v1%3Amtime=".length, stored.indexOf("%3Amode"))}`
    );
  assert.deepEqual(times("seconds"), ["/s 1600000000", "/t/a%20b 1600000000"]);
  assert.deepEqual(times("nanos"), ["/s 1600000000000000000", "/t/a%20b 1600000000000000005"]);
});
