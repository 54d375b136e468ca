/** One marked name at one peer, and the order of many. */
import assert from "node:assert/strict";
import {
  ABSENT,
  BEHIND_LINK,
  type DbName,
  type DirtyRow,
  type Entry,
  type HostName,
  nanos,
  PARENT_ABSENT,
  type Present,
} from "../model/mod.ts";
import { pushOrder } from "./push_order.ts";
import { pushStep, type ThereFacts } from "./push_step.ts";

const meta = { mode: 0o100644, uid: 0, gid: 0, mtime: nanos(1n) };
const F: Present = { kind: "reg", meta, size: 1 };
const D: Present = { kind: "dir", meta };
const L: Present = { kind: "lnk", meta, target: "x" };
const S: Present = { kind: "sock", meta };

const THERE = {
  none: undefined,
  absent: { kind: "absent" },
  link: { kind: "behind-link" },
  noParent: { kind: "parent-missing" },
  equal: { kind: "there", sameText: true, sameContent: true },
  text: { kind: "there", sameText: false, sameContent: true },
  content: { kind: "there", sameText: true, sameContent: false },
} as const satisfies Record<string, ThereFacts | undefined>;

const TABLE: readonly (readonly [string, Entry | "unknown", keyof typeof THERE, string])[] = [
  ["", "unknown", "none", "skip unreadable"],
  ["F", "unknown", "none", "skip unreadable"],
  // Removals (W 15.5)
  ["", ABSENT, "none", "look"],
  ["", ABSENT, "absent", "forget gone-there"],
  ["", ABSENT, "link", "forget gone-there"],
  ["", ABSENT, "noParent", "forget gone-there"],
  ["", ABSENT, "equal", "remove"],
  ["", PARENT_ABSENT, "text", "remove"],
  ["", BEHIND_LINK, "text", "remove"],
  ["F", ABSENT, "none", "flush remove"],
  ["F", ABSENT, "absent", "flush remove"],
  // Modifications (W 15.3)
  ["", F, "none", "look"],
  ["", F, "absent", "put"],
  ["", F, "link", "put"],
  ["", F, "equal", "touch"],
  ["", F, "text", "put"],
  ["", F, "content", "put"],
  ["", D, "equal", "touch"],
  ["", D, "text", "put"],
  ["", L, "equal", "forget equal"],
  ["", L, "text", "put"],
  ["F", F, "none", "flush put"],
  ["F", F, "equal", "flush put"],
  ["F", L, "none", "flush put"],
  // Parents (W 15.6)
  ["", F, "noParent", "parents"],
  ["T", D, "noParent", "put"],
  // Sockets (W 20.23)
  ["", S, "none", "look"],
  ["", S, "absent", "forget socket"],
  ["", S, "noParent", "forget socket"],
  ["", S, "equal", "forget equal"],
  ["", S, "text", "forget socket"],
  ["F", S, "none", "forget socket"],
];

for (const [flags, here, there, want] of TABLE) {
  const kind = here === "unknown" ? here : here.kind;
  Deno.test(`pushStep() ${flags} ${kind} here, ${there} there: ${want}`, () => {
    const step = pushStep({
      forced: flags === "F",
      hasParent: flags !== "T",
      here,
      there: THERE[there],
    });
    const words = [
      "flush" in step && step.flush ? ["flush"] : [],
      step.do,
      "why" in step ? step.why : [],
    ];
    assert.equal(words.flat().join(" "), want);
    if ("want" in step) assert.equal(step.want, here);
  });
}

Deno.test("pushOrder() sends removals from below, then the rest from above, by encoded name", () => {
  const names = ["-/a", "+/a b", "-/a/b", "+/a!", "+/a", "-/a.x", "+/a/z", "-/a%", "+%p%/x"];
  const rows = names.map((text) => ({
    row: {
      name: text.slice(1) as DbName,
      forced: false,
      myName: "a" as HostName,
      peer: "b" as HostName,
      generation: 1,
    } satisfies DirtyRow,
    isRemoval: text.startsWith("-"),
  }));
  const shuffled = [...rows.slice(4).reverse(), ...rows.slice(0, 4)];
  assert.deepEqual(
    pushOrder(shuffled).map(({ row, isRemoval }) => (isRemoval ? "-" : "+") + row.name),
    // `%` is %25 and a blank %20, so both come before letters and behind `!`
    ["-/a/b", "-/a.x", "-/a%", "-/a", "+%p%/x", "+/a", "+/a!", "+/a b", "+/a/z"],
  );
});
