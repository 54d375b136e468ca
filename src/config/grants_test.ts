/** Who may, who must be told, by which key. */
import assert from "node:assert/strict";
import { configOf, keyOf } from "../../tests/support/config.ts";
import type { DbName, HostName } from "../model/mod.ts";
import {
  grant,
  inPair,
  isNosslPair,
  keyFor,
  keysWith,
  pairKeys,
  pairs,
  peersOf,
} from "./grants.ts";

const CONFIG = configOf(`
nossl a.* B*; nossl c.demo *;
group one   { host a.demo@n1 b.demo c.demo; key k1; include /a; }
group two   { host a.demo@n2 (b.demo) d.demo; key k2; include /a/x; }
group three { host (a.demo@n1) b.demo e.demo; key k1; include /z; compare /c; }
`);
const A = "/a/f" as DbName, X = "/a/x/f" as DbName, Z = "/z/f" as DbName, C = "/c" as DbName;
const peer = (name: string) => name as HostName;

Deno.test("peersOf() visits groups from the last declared; the first find keeps the own name", () => {
  const show = (name: DbName, only?: string) =>
    peersOf(CONFIG, name, only === undefined ? {} : { onlyGroupsWith: peer(only) })
      .map((p) => `${p.myName}>${p.peer}`).join(" ");
  assert.equal(show(A), "n1>b.demo n1>c.demo");
  assert.equal(show(X), "n2>b.demo n2>d.demo n1>c.demo");
  assert.equal(show(X, "c.demo"), "n1>b.demo n1>c.demo");
  assert.equal(show(X, "a.demo"), "");
  assert.equal(show("/q" as DbName), "");
});

Deno.test("keyFor() takes the group declared last that has name and peer", () => {
  assert.equal(keyFor(CONFIG, X, peer("b.demo")), keyOf("k2"));
  assert.equal(keyFor(CONFIG, X, peer("c.demo")), keyOf("k1"));
  assert.equal(keyFor(CONFIG, Z, peer("c.demo")), undefined);
  assert.equal(keyFor(CONFIG, C, peer("b.demo")), undefined);
  assert.equal(keyFor(CONFIG, C, peer("b.demo"), { compare: true }), keyOf("k1"));
});

Deno.test("grant() answers allow, slave or denied by key, peer and name", () => {
  const rows: readonly (readonly [DbName, string, string, string])[] = [
    [A, keyOf("k1"), "b.demo", "allow"],
    [X, keyOf("k2"), "b.demo", "slave"],
    [X, keyOf("k1"), "b.demo", "allow"],
    [X, keyOf("k2"), "d.demo", "allow"],
    [X, keyOf("k2"), "c.demo", "denied"],
    [A, keyOf("k2"), "b.demo", "denied"],
    [A, keyOf("k1"), "B.demo", "denied"],
    [A, keyOf("k1"), "a.demo", "denied"],
    [A, "", "b.demo", "denied"],
    [A, keyOf("k1").slice(0, -1), "b.demo", "denied"],
    [A, `${keyOf("k1")}x`, "b.demo", "denied"],
    [C, keyOf("k1"), "b.demo", "denied"],
  ];
  for (const [name, key, from, want] of rows) {
    assert.equal(grant(CONFIG, { name, key, peer: from }), want, `${name} ${from}`);
  }
  assert.equal(
    grant(CONFIG, { name: C, key: keyOf("k1"), peer: "b.demo", compare: true }),
    "allow",
  );
});

Deno.test("pairs() has the order of -T, as the C program printed it", () => {
  const config = configOf(
    `
    group one { host a.t@n1 b.t c.t; key k; }
    group two { host a.t@n2 d.t e.t; key k; }
    group three { host a.t@n1 b.t f.t; key k; }`,
    { host: "a.t" },
  );
  assert.deepEqual(pairs(config).map((p) => `${p.myName} ${p.peer}`), [
    "n2 e.t",
    "n2 d.t",
    "n1 c.t",
    "n1 f.t",
    "n1 b.t",
  ]);
});

Deno.test("keysWith() has the keys of all groups with the peer, last declared first, each once", () => {
  const config = configOf(
    "group g { host x@n1 b.demo; key k1; include /x; } group h { host x@n2 (b.demo); key k2; include /y; } " +
      "group i { host x b.demo; key k1; include /z; } group j { host x c.demo; key k3; include /z; }",
    { host: "x" },
  );
  assert.deepEqual(keysWith(config, "b.demo"), [keyOf("k1"), keyOf("k2")]);
  assert.deepEqual(keysWith(config, "none.demo"), []);
});

Deno.test("pairKeys() and inPair() look at own name and peer", () => {
  assert.deepEqual(pairKeys(CONFIG, "n1", "b.demo"), [keyOf("k1")]);
  assert.deepEqual(pairKeys(CONFIG, "n2", "b.demo"), [keyOf("k2")]);
  assert.deepEqual(pairKeys(CONFIG, "n2", "c.demo"), []);
  assert.equal(inPair(CONFIG, X, "n2", "d.demo"), true);
  assert.equal(inPair(CONFIG, A, "n2", "d.demo"), false);
  assert.equal(inPair(CONFIG, X, "n1", "d.demo"), false);
});

Deno.test("isNosslPair() matches both patterns of one line", () => {
  assert.equal(isNosslPair(CONFIG, "a.demo", "Bx"), true);
  assert.equal(isNosslPair(CONFIG, "a.demo", "bx"), false);
  assert.equal(isNosslPair(CONFIG, "c.demo", "anything"), true);
  assert.equal(isNosslPair(CONFIG, "b.demo", "Bx"), false);
});

Deno.test("groups know slaves, and who stands left of us", () => {
  const config = configOf("group g { host l@li (s) a.demo r a.demo@me q; key k; }");
  const [g] = config.groups;
  assert.equal(g!.myName, "me");
  assert.equal(g!.iAmSlave, false);
  assert.deepEqual(g!.peers, [
    { name: "li", isSlave: false, isLeftOfUs: true },
    { name: "s", isSlave: true, isLeftOfUs: true },
    { name: "r", isSlave: false, isLeftOfUs: true },
    { name: "q", isSlave: false, isLeftOfUs: false },
  ]);
});
