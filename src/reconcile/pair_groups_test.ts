import assert from "node:assert/strict";
import { configOf, keyOf } from "../../tests/support/config.ts";
import type { DbName } from "../model/mod.ts";
import { namesOf, pairGroups } from "./pair_groups.ts";

const CONFIG = configOf(`
group one { host a.demo b.demo; key k1; include /t; exclude *.o; }
group two { host a.demo@n2 b.demo c.demo; key k2; include /u; }
group three { host a.demo (b.demo); key k3; include /s; }
`);
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

Deno.test("namesOf() includes what one of the groups does", () => {
  const includes = namesOf(pairGroups(CONFIG, { myName: "a.demo", peer: "b.demo" }));
  const names = ["/s", "/t/a b", "/t/c.o", "/u/x"].filter((name) => includes(name as DbName));
  assert.deepEqual(names, ["/s", "/t/a b"]);
  assert.equal(namesOf([])("/s" as DbName), false);
});
