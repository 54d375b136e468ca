/** All methods, ties included (W 16). */
import assert from "node:assert/strict";
import { configOf } from "../../tests/support/config.ts";
import { matchingGroups } from "../config/mod.ts";
import { ABSENT, type DbName, type Entry, nanos, type Present } from "../model/mod.ts";
import { conflict, type PeerFact } from "./conflict.ts";

const NAME = "/a/f" as DbName;
const SECOND = 1_000_000_000n;
const file = (mtime: bigint, size = 5): Present => ({
  kind: "reg",
  meta: { mode: 0o100644, uid: 0, gid: 0, mtime: nanos(mtime) },
  size,
});

interface Question {
  readonly groups: string;
  readonly here?: Entry;
  readonly mtime?: PeerFact;
  readonly size?: PeerFact;
  readonly timeUnit?: "seconds" | "nanos";
  readonly hereSize?: number;
}

function ask(
  { groups, here = file(5n * SECOND), mtime, size, timeUnit = "nanos", hereSize }: Question,
) {
  const verdict = conflict({
    groups: matchingGroups(configOf(groups), NAME),
    peer: "b.demo",
    here,
    there: { mtime, size },
    timeUnit,
    ...(hereSize !== undefined && { hereSize }),
  });
  const { kind, ...rest } = verdict;
  return [kind, ...Object.values(rest)].join(" ");
}

const auto = (method: string, hosts = "a.demo b.demo") =>
  `group g { host ${hosts}; key k; include /a; auto ${method}; }\n`;

const TABLE: readonly (readonly [string, Question, string])[] = [
  ["none", { groups: auto("none") }, "none"],
  ["first", { groups: auto("first") }, "won first"],
  ["first, removal", { groups: auto("first"), here: ABSENT }, "won first"],
  ["left, peer after us", { groups: auto("left") }, "won left/right"],
  ["left, peer before us", { groups: auto("left", "b.demo a.demo") }, "lost left/right false"],
  ["right, peer after us", { groups: auto("right") }, "lost left/right false"],
  ["right, peer before us", { groups: auto("right", "b.demo a.demo") }, "won left/right"],
  ["right, removal", { groups: auto("right", "b.demo a.demo"), here: ABSENT }, "won left/right"],
  ["younger, unknown", { groups: auto("younger") }, "need mtime"],
  ["older, unknown", { groups: auto("older"), size: 1n }, "need mtime"],
  ["bigger, unknown", { groups: auto("bigger"), mtime: 1n }, "need size"],
  ["smaller, unknown", { groups: auto("smaller") }, "need size"],
  ["master over slave", { groups: auto("none", "a.demo (b.demo)") }, "won master/slave"],
  ["slave over master", { groups: auto("none", "(a.demo) b.demo") }, "none"],
  ["slave and slave", { groups: auto("none", "(a.demo b.demo)") }, "none"],
  ["peer in no group", { groups: auto("first", "a.demo c.demo") }, "none"],
  ["the last group decides", { groups: auto("first") + auto("none") }, "none"],
  [
    "the last group with the peer decides",
    { groups: auto("first") + auto("none", "a.demo c.demo") },
    "won first",
  ],
  [
    "master/slave in any group",
    { groups: auto("none", "a.demo (b.demo)") + auto("younger") },
    "won master/slave",
  ],
  [
    "compare patterns do not count",
    { groups: "group g { host a.demo b.demo; key k; compare /a; auto first; }" },
    "none",
  ],
];
for (
  const [method, less, tie, more] of [
    ["younger", "lost", "lost", "won"],
    ["older", "won", "won", "lost"],
    ["bigger", "lost", "lost", "won"],
    ["smaller", "won", "won", "lost"],
  ] as const
) {
  const by = method === "younger" || method === "older" ? "younger/older" : "bigger/smaller";
  const text = (end: string) => end === "won" ? `won ${by}` : `lost ${by} false`;
  for (const [ours, end] of [[4n, less], [5n, tie], [6n, more]] as const) {
    Deno.test(`conflict() ${method}: ${ours} here, 5 there: ${end}`, () => {
      const here = file(ours * SECOND, Number(ours));
      assert.equal(ask({ groups: auto(method), here, mtime: 5n * SECOND, size: 5n }), text(end));
    });
  }
  Deno.test(`conflict() ${method}: the peer has it no more, or we have not`, () => {
    const groups = auto(method);
    assert.equal(ask({ groups, mtime: "absent", size: "absent" }), `won ${by}`);
    assert.equal(ask({ groups, here: ABSENT, mtime: 1n, size: 1n }), `lost ${by} true`);
    assert.equal(ask({ groups, here: ABSENT }), `lost ${by} true`);
  });
}
for (const [name, question, want] of TABLE) {
  Deno.test(`conflict() ${name}: ${want}`, () => assert.equal(ask(question), want));
}

Deno.test("conflict() cuts our time when the peer counts in seconds (W 18.4)", () => {
  const question = { groups: auto("younger"), here: file(5n * SECOND + 1n), mtime: 5n * SECOND };
  assert.equal(ask({ ...question, timeUnit: "nanos" }), "won younger/older");
  assert.equal(ask({ ...question, timeUnit: "seconds" }), "lost younger/older false");
  const old = { ...question, here: file(-5n * SECOND + 1n), mtime: -5n * SECOND };
  assert.equal(ask({ ...old, timeUnit: "seconds" }), "lost younger/older false");
});

Deno.test("conflict() compares sizes of links and directories as well", () => {
  const { meta } = file(1n);
  const groups = auto("bigger");
  assert.equal(
    ask({ groups, here: { kind: "lnk", meta, target: "abc" }, size: 2n }),
    "won bigger/smaller",
  );
  assert.equal(
    ask({ groups, here: { kind: "dir", meta }, size: 2n, hereSize: 4096 }),
    "won bigger/smaller",
  );
  assert.equal(ask({ groups, here: { kind: "dir", meta }, size: 2n }), "lost bigger/smaller false");
});
