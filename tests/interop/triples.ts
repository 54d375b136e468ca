/** Three hosts: conflicts with one peer or both, marks for a third host, slaves, `-P`, comparing. */
import type { Batch, Scenario } from "../support/matrix.ts";

const SAYS = [/File is also marked dirty here!/, /conflict/];
/** Runs until everybody has told everybody, and once more. */
const ROUND = ["a -u", "b -u", "c -u"];

/** Content and times so that each comparing rule has one winner among the three. */
const VERSIONS: Readonly<Record<string, string>> = {
  a: "echo aaa > f; touch -d @1500000002 f",
  b: "echo bbbbb > f; touch -d @1500000003 f",
  c: "echo c > f; touch -d @1500000001 f",
};
const CONTENT: Readonly<Record<string, string>> = { a: "aaa\n", b: "bbbbb\n", c: "c\n" };

/** Who wins when these hosts have changed `f`. */
const WINNERS: readonly (readonly [auto: string, all: string, ab: string, bc: string])[] = [
  ["left", "a", "a", "b"],
  ["right", "c", "b", "c"],
  ["younger", "b", "b", "b"],
  ["older", "c", "a", "c"],
  ["bigger", "b", "b", "b"],
  ["smaller", "c", "a", "c"],
];

const everywhere = (content: string) => ({ "a:f": content, "b:f": content, "c:f": content });

function contest(auto: string, hosts: string, winner: string): Scenario {
  const change = Object.fromEntries([...hosts].map((host) => [host, VERSIONS[host]!]));
  const [first = "", ...others] = hosts;
  return {
    name: `auto ${auto}: changed at ${hosts}`,
    group: [`auto ${auto};`],
    before: "echo base > f",
    rounds: [{ change, check: others.join(""), run: `${first} -x`, rc: first === winner ? 0 : 1 }],
    outcome: { files: everywhere(CONTENT[winner]!), says: SAYS },
  };
}

const CONTESTS: readonly Scenario[] = WINNERS.flatMap(([auto, all, ab, bc]) => [
  contest(auto, "abc", all),
  contest(auto, "ab", ab),
  contest(auto, "bc", bc),
]);

const REMOVALS: readonly Scenario[] = [
  {
    name: "auto left: removed at a, changed at b",
    group: ["auto left;"],
    before: "echo base > f",
    rounds: [{ change: { a: "rm f", b: VERSIONS.b! }, check: "b", run: "a -x" }],
    outcome: { files: everywhere(""), says: SAYS },
  },
  {
    name: "auto younger: removed at a, changed at b",
    group: ["auto younger;"],
    before: "echo base > f",
    rounds: [{ change: { a: "rm f", b: VERSIONS.b! }, check: "b", run: "a -x", rc: 1 }],
    outcome: { files: everywhere("bbbbb\n"), says: SAYS },
  },
  {
    name: "removed at all three",
    before: "echo base > f; mkdir d; echo 1 > d/1",
    rounds: [{
      change: { a: "rm -r f d", b: "rm -r f d", c: "rm -r f d" },
      check: "bc",
      run: "a -x",
    }],
    outcome: { files: everywhere("") },
  },
  {
    name: "changed alike at all three",
    before: "echo base > f",
    rounds: [{
      change: { a: VERSIONS.a!, b: VERSIONS.a!, c: VERSIONS.a! },
      check: "bc",
      run: "a -x",
    }],
    outcome: { files: everywhere("aaa\n") },
  },
];

const TOGETHER: readonly Scenario[] = [
  {
    name: "each changes something else",
    before: "echo base > f; echo base > g; mkdir d",
    rounds: [
      {
        change: {
          a: "echo a > f",
          b: "echo b > g; rmdir d",
          c: "mkdir e; echo c > e/c; ln -s e l",
        },
        run: "a -x",
      },
      { run: "b -x" },
      { run: "c -x" },
    ],
    outcome: { files: { "c:f": "a\n", "a:g": "b\n", "b:e/c": "c\n", "a:d": "" } },
  },
  {
    name: "one after the other changes the same",
    before: "echo base > f",
    rounds: [
      { change: { a: "echo a > f; touch -d @1500000001 f" }, run: "a -x" },
      { change: { b: "echo ab > f; touch -d @1500000002 f" }, run: "b -x" },
      { change: { c: "echo abc > f; touch -d @1500000003 f" }, run: "c -x" },
      { change: { a: "rm f; mkdir f; echo 1 > f/1" }, run: "a -x" },
      { change: { b: "rm -r f; ln -s end f" }, run: "b -x" },
    ],
    outcome: { files: everywhere("-> end") },
  },
  {
    name: "-P sends to one, and the mark for the other stays until it is sent",
    before: "echo base > f",
    rounds: [
      { change: { a: "echo a > f" }, run: "a -x -P B.demo" },
      { run: "b -x" },
      { run: "a -u -P b.demo,c.demo" },
    ],
    outcome: { files: everywhere("a\n") },
  },
  {
    name: "auto younger: a mark for a third host is a conflict too",
    group: ["auto younger;"],
    before: "echo base > f",
    rounds: [
      { change: { b: "echo b > f; touch -d @1500000001 f" }, run: "b -x -P a.demo" },
      { change: { a: "echo a > f; touch -d @1500000002 f" }, run: "a -x" },
    ],
    outcome: { files: everywhere("a\n"), says: SAYS },
  },
  {
    name: "a mark for a third host is left alone without a rule",
    before: "echo base > f",
    rounds: [
      { change: { b: "echo b > f; touch -d @1500000001 f" }, run: "b -x -P a.demo" },
      { change: { a: "echo a > f; touch -d @1500000002 f" }, run: "a -x -P b.demo", rc: 1 },
    ],
    // A server of ours that refuses marks the file for the peer only, C programs for everybody.
    differs: ([a, b]) =>
      a === "ours" || b === "ours" ? "who refuses marks for that peer" : undefined,
    outcome: ([a]) => ({
      equal: false,
      marks: ["a b f", "b a f", ...(a === "c" ? ["a c f"] : [])],
      files: { "a:f": "a\n", "b:f": "b\n" },
      says: SAYS,
    }),
  },
  {
    name: "a slave gets from both masters, and gives to nobody",
    hosts: "a.demo b.demo (c.demo)",
    before: "echo base > f; echo base > g; echo base > h",
    rounds: [
      { change: { a: "echo a > f", b: "echo b > g", c: "echo c > h" }, run: "a -x" },
      { run: "b -x" },
      { run: "c -x", rc: 1 },
    ],
    outcome: {
      files: { "c:f": "a\n", "c:g": "b\n", "a:h": "base\n", "c:h": "base\n" },
      says: [/Permission denied for slave!/, ...SAYS],
    },
  },
  {
    name: "D 7.3.12 parents that one peer does not have",
    before: { a: "mkdir -p d/e; echo 1 > d/e/f", b: "mkdir -p d/e; echo 1 > d/e/f" },
    rounds: [{ change: { a: "echo 2 > d/e/f" }, run: "a -x" }],
    outcome: { files: { "b:d/e/f": "2\n", "c:d/e/f": "2\n" } },
  },
  {
    name: "a group of two beside one of three",
    hosts: "a.demo c.demo",
    before: "echo base > f",
    rounds: [{ change: { a: "echo a > f", b: "echo b > f" }, run: "a -x" }, { run: "b -x" }],
    outcome: {
      equal: false,
      files: { "a:f": "a\n", "b:f": "b\n", "c:f": "a\n" },
      says: [/^WARNING: Parameter will be ignored/],
    },
  },
];

export const TRIPLES: Batch = {
  name: "three hosts",
  hosts: 3,
  // So that each host is in a group, whatever scenarios are played.
  top: [
    "group all",
    "{",
    "  host a.demo b.demo c.demo;",
    "  key demo.key;",
    "  include @/none;",
    "}",
  ],
  scenarios: [...CONTESTS, ...REMOVALS, ...TOGETHER],
  settle: [...ROUND, ...ROUND, ...ROUND],
};
