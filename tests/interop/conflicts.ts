/** Two hosts have changed the same: who wins by which rule, and what nobody wins. */
import type { Batch, Outcome, Scenario } from "../support/matrix.ts";

const AUTOS = ["none", "first", "younger", "older", "bigger", "smaller", "left", "right"] as const;
type Auto = typeof AUTOS[number];
const DIRTY = /\/f on [ab]\.demo failed: File is also marked dirty here!/;
/** Whose state both have at the end; `-` when each keeps its own, and both their marks. */
type Winner = "a" | "b" | "-";

interface Situation {
  readonly name: string;
  readonly before?: string;
  readonly a: string;
  readonly b: string;
  /** For the rules that compare; the others are the same in every situation. */
  readonly winners: Readonly<Record<"younger" | "older" | "bigger" | "smaller", Winner>>;
  /** There is nothing to decide. */
  readonly always?: Winner;
  /** `a:f`, when that host wins. */
  readonly files: Readonly<Record<"a" | "b", string>>;
  readonly marks?: readonly string[];
}

const both = (younger: Winner, older: Winner, bigger: Winner, smaller: Winner) => ({
  younger,
  older,
  bigger,
  smaller,
});

const SITUATIONS: readonly Situation[] = [
  {
    name: "here is younger and bigger",
    a: "echo a, and longer > f; touch -d @1500000009 f",
    b: "echo b > f; touch -d @1500000000 f",
    winners: both("a", "b", "a", "b"),
    files: { a: "a, and longer\n", b: "b\n" },
  },
  {
    name: "here is older and smaller",
    a: "echo a > f; touch -d @1500000000 f",
    b: "echo b, and longer > f; touch -d @1500000009 f",
    winners: both("b", "a", "b", "a"),
    files: { a: "a\n", b: "b, and longer\n" },
  },
  {
    name: "neither is younger or bigger",
    a: "echo a > f; touch -d @1500000000 f",
    b: "echo b > f; touch -d @1500000000 f",
    winners: both("-", "a", "-", "a"),
    files: { a: "a\n", b: "b\n" },
  },
  {
    name: "changed here, removed there",
    a: "echo a > f",
    b: "rm f",
    winners: both("a", "a", "a", "a"),
    files: { a: "a\n", b: "" },
  },
  {
    name: "removed here, changed there",
    a: "rm f",
    b: "echo b > f",
    winners: both("b", "b", "b", "b"),
    files: { a: "", b: "b\n" },
  },
  {
    name: "removed on both sides",
    a: "rm f",
    b: "rm f",
    winners: both("a", "a", "a", "a"),
    always: "a",
    files: { a: "", b: "" },
  },
  {
    name: "changed alike on both sides",
    a: "echo same > f; touch -d @1500000000 f",
    b: "echo same > f; touch -d @1500000000 f",
    winners: both("a", "a", "a", "a"),
    always: "a",
    files: { a: "same\n", b: "same\n" },
  },
  {
    name: "changed alike, with other times",
    a: "echo same > f; touch -d @1500000000 f",
    b: "echo same > f; touch -d @1500000007 f",
    winners: both("a", "a", "a", "a"),
    always: "a",
    files: { a: "same\n", b: "same\n" },
  },
  {
    name: "new on both sides",
    before: "true",
    a: "echo a, and longer > f; touch -d @1500000000 f",
    b: "echo b > f; touch -d @1500000007 f",
    winners: both("b", "a", "a", "b"),
    files: { a: "a, and longer\n", b: "b\n" },
  },
  {
    name: "another link on each side",
    before: "ln -s x f",
    a: "ln -sfn longer-at-a f; touch -h -d @1500000000 f",
    b: "ln -sfn b f; touch -h -d @1500000007 f",
    winners: both("b", "a", "a", "b"),
    files: { a: "-> longer-at-a", b: "-> b" },
  },
  {
    name: "a link here, a file there",
    a: "rm f; ln -s at-a f; touch -h -d @1500000007 f",
    b: "echo content of b > f; touch -d @1500000000 f",
    winners: both("a", "b", "b", "a"),
    files: { a: "-> at-a", b: "content of b\n" },
  },
  {
    name: "an empty directory here, a file there",
    a: "rm f; mkdir f; touch -d @1500000007 f",
    b: "echo content of b > f; touch -d @1500000000 f",
    // A directory has a size of its own.
    winners: both("a", "b", "a", "b"),
    files: { a: "/", b: "content of b\n" },
  },
  {
    name: "content here, mode there",
    a: "echo a, and longer > f; touch -d @1500000000 f",
    b: "chmod 600 f",
    winners: both("a", "b", "a", "b"),
    files: { a: "a, and longer\n", b: "base\n" },
  },
];

function winnerOf({ winners, always }: Situation, auto: Auto): Winner {
  if (always !== undefined) return always;
  if (auto === "none") return "-";
  if (auto === "first" || auto === "left") return "a";
  return auto === "right" ? "b" : winners[auto];
}

function conflict(situation: Situation, auto: Auto): Scenario {
  const { name, before = "echo base > f", a, b, files } = situation;
  const winner = winnerOf(situation, auto);
  const outcome: Outcome = winner === "-"
    ? { equal: false, marks: ["a b f", "b a f"], files: { "a:f": files.a, "b:f": files.b } }
    : { files: { "a:f": files[winner], "b:f": files[winner] } };
  return {
    name: `auto ${auto}: ${name}`,
    ...(auto === "none" ? {} : { group: [`auto ${auto};`] }),
    before,
    rounds: [{ change: { a, b }, check: "b", run: "a -x", rc: winner === "a" ? 0 : 1 }],
    outcome: {
      ...outcome,
      says: [DIRTY, /conflict/],
      ...(winner === "-" ? { mustSay: [DIRTY] } : {}),
    },
  };
}

export const CONFLICTS: Batch = {
  name: "conflicts",
  hosts: 2,
  scenarios: AUTOS.flatMap((auto) => SITUATIONS.map((s) => conflict(s, auto))),
  settle: ["b -u", "a -u", "b -u"],
};
