/** Clusters with a configuration of their own: names, addresses, prefixes, groups, ignored parts, comparing. */
import { type Batch, isFull, type Scenario } from "../support/matrix.ts";

type Setup = Partial<Omit<Batch, "name" | "scenarios">>;

function setup(scenario: Scenario, more: Setup = {}): Batch {
  return { name: scenario.name, hosts: 2, scenarios: [scenario], ...more };
}

/** Something of everything, there and back. */
const BOTH_WAYS: Pick<Scenario, "before" | "rounds"> = {
  before: "echo base > f; echo base > gone; mkdir d",
  rounds: [
    { change: { a: "echo a > f; rm gone; ln -s f d/l" }, run: "a -x" },
    { change: { b: "echo b > d/new; chmod 700 d; rm f" }, run: "b -x" },
  ],
};

const NAMES: readonly Batch[] = [
  setup({ name: "a named configuration", ...BOTH_WAYS }, {
    options: { configName: "alt2" },
    isClean: true,
  }),
  setup({
    name: "aliases of hosts",
    ...BOTH_WAYS,
    hosts: "a.demo\\@a-if.demo b.demo\\@B-IF.demo",
  }, {
    isClean: true,
    network: (own) => ({ ...own, "a-if.demo": own["a.demo"]!, "b-if.demo": own["b.demo"]! }),
  }),
  setup({
    name: "an alias is what marks and lists say",
    hosts: "a.demo\\@a-if.demo b.demo\\@b-if.demo",
    before: "echo base > f",
    rounds: [
      { change: { a: "touch -d @1500000000 f" }, run: "a! -cr $DIR" },
      { run: "a! -M", out: ["chary\ta-if.demo\tb-if.demo\t$DIR/f"] },
      {
        run: "a! -S a-if.demo b-if.demo",
        out: [
          "v1%3Amode=16877%3Auid=0%3Agid=0%3Atype=dir\t$DIR",
          "v1%3Amtime=1500000000%3Amode=33188%3Auid=0%3Agid=0%3Atype=reg%3Asize=5\t$DIR/f",
        ].map((line) => line.replaceAll("%3A", ":")),
      },
      { run: "a -u" },
    ],
  }, {
    isClean: true,
    network: (own) => ({ ...own, "a-if.demo": own["a.demo"]!, "b-if.demo": own["b.demo"]! }),
  }),
  setup({
    name: "IPv6",
    ...BOTH_WAYS,
    rounds: [
      { ...BOTH_WAYS.rounds[0]!, servers: "b" },
      { ...BOTH_WAYS.rounds[1]!, servers: "a" },
    ],
  }, { servers: "b", network: () => ({ "a.demo": "::1", "b.demo": "::1" }) }),
  setup({ name: "the client has no -N", ...BOTH_WAYS, rounds: [BOTH_WAYS.rounds[0]!] }, {
    servers: "b",
    network: (own) => ({ ...own, "a.demo": "127.0.0.1" }),
    options: { named: "a" },
  }),
  setup({ name: "the server has no -N", ...BOTH_WAYS, rounds: [BOTH_WAYS.rounds[0]!] }, {
    servers: "b",
    options: { named: "b" },
  }),
  setup({
    name: "D 7.5.5 the server has no -N, and is called over IPv6",
    ...BOTH_WAYS,
    noReference: "they listen on IPv4 only",
    rounds: [BOTH_WAYS.rounds[0]!],
    outcome: { files: { "b:f": "a\n" } },
  }, {
    only: ([, b]) => b === "ours",
    servers: "b",
    network: () => ({ "a.demo": "::1", "b.demo": "::1" }),
    options: { named: "b" },
  }),
  setup({
    name: "the peer is down, and up again",
    ...BOTH_WAYS,
    rounds: [
      {
        ...BOTH_WAYS.rounds[0]!,
        servers: "a",
        rc: 1,
        files: { "b:f": "base\n", "b:gone": "base\n" },
      },
      { run: "a -u", servers: "ab" },
      BOTH_WAYS.rounds[1]!,
    ],
  }, { isClean: true }),
];

const PREFIX = ["prefix p", "{", "  on a.*: $DIR/one;", "  on *: $DIR/two;", "}"];
const PREFIXES: readonly Batch[] = [
  setup({
    name: "a prefix is another directory on each host",
    include: "%p%",
    before: { a: "mkdir one; echo base > one/f", b: "mkdir two; echo base > two/f" },
    rounds: [
      {
        change: { a: "cd one; echo a > f; mkdir d; echo 1 > 'd/100%'; ln -s f l; mkfifo p" },
        run: "a! -x",
        files: { "b:two/f": "a\n", "b:two/d/100%": "1\n", "b:two/l": "-> f", "b:one": "" },
      },
      { change: { b: "cd two; rm -r d p; echo bb > f" }, run: "b! -x" },
    ],
    differs: () => "they do not record targets of links below a prefix (D 7.3.4)",
    outcome: { equal: false, files: { "a:one/f": "bb\n", "a:one/d": "", "a:one/l": "-> f" } },
  }, { top: PREFIX }),
  setup({
    name: "D 7.3.4 a link below a prefix leads elsewhere",
    include: "%p%",
    before: { a: "mkdir one; ln -s x one/l", b: "mkdir two; ln -s x two/l" },
    rounds: [{ change: { a: "ln -sfn y one/l" }, run: "a! -x" }],
    differs: () => "they do not record the target",
    outcome: (kinds) => ({
      equal: false,
      files: { "b:two/l": kinds[0] === "ours" ? "-> y" : "-> x" },
    }),
  }, { top: PREFIX }),
  setup({
    name: "W 15.6 the directory of the prefix is not there at the peer",
    include: "%p%",
    noReference: "they never make it",
    before: { a: "mkdir one; echo 1 > one/f", b: "true" },
    rounds: [{ change: { a: "chmod 700 one" }, run: "a! -x" }],
    outcome: { equal: false, files: { "b:two": "/" } },
  }, { top: PREFIX }),
];

const PARTS = ["uid", "gid", "mod"] as const;
const IGNORED: readonly Batch[] = [...PARTS, "uid gid mod"].map((parts) =>
  setup({
    name: `ignore ${parts}`,
    before: "for f in o g m all c; do echo base > $f; done; mkdir d; echo 1 > d/1",
    rounds: [{
      change: {
        a: `chown 11 o; chgrp 22 g; chmod 640 m; chown 33:44 all; chmod 4711 all; echo changed > c;
          chown 55:66 c; chmod 4755 c; chown 77:88 d; chmod 711 d; echo new > n; chown 5:6 n; chmod 666 n;
          mkdir e; chown 7:8 e; chmod 777 e; ln -s x l; chown -h 1:2 l; mkfifo p; chown 3:4 p; chmod 622 p`,
      },
      run: "a -x",
    }, { run: "b -x" }],
    outcome: { equal: false, files: { "b:c": "changed\n", "b:n": "new\n" } },
  }, { top: [`ignore ${parts};`] })
);

/** Groups `one` to `three` with a directory each, besides the scenario's own. */
const GROUPS = ["one", "two", "three"].flatMap((group) => [
  ...[`group ${group}`, "{", "  host a.demo b.demo;", "  key demo.key;"],
  ...[`  include $DIR/${group};`, "}"],
]);
const GROUP_RULES: readonly Batch[] = [
  setup({
    name: "-G sends one group after the other",
    include: "$DIR/none",
    before: "for g in one two three; do mkdir $g; echo base > $g/f; done",
    rounds: [
      {
        change: { a: "for g in one two three; do echo a > $g/f; done" },
        run: "a! -G two -x",
        files: { "b:one/f": "base\n", "b:two/f": "a\n", "b:three/f": "base\n" },
      },
      { run: "a! -G one,three -c -r $DIR" },
      { run: "a! -G three -u", files: { "b:one/f": "base\n", "b:three/f": "a\n" } },
      { run: "a! -G one -M", out: ["chary\ta.demo\tb.demo\t$DIR/one/f"] },
      { run: "a! -x" },
    ],
    outcome: { files: { "b:one/f": "a\n" } },
  }, { top: GROUPS }),
];

/** `l` only at `a`, `r` only at `b`, `x` differs, and nobody has told anybody. */
const DIFFERENT = {
  a: "echo l > l; echo a > x; echo same > s",
  b: "echo r > r; echo bb > x; echo same > s",
};
const rows = (...letters: string[]) =>
  letters.map((letter) => `${letter}\ta.demo\tb.demo\t$DIR/${letter.toLowerCase()}`);
const COMPARED: readonly Batch[] = [
  setup({
    name: "-T, and -TI marks what is here or differs",
    before: DIFFERENT,
    rounds: [
      { run: "a! -T", out: rows("L", "R", "X") },
      { run: "a! -T $DIR/x", out: rows("X") },
      { run: "a! -TI", out: rows("L", "R", "X") },
      { run: "a! -u", files: { "b:l": "l\n", "b:x": "a\n", "b:r": "r\n", "a:r": "" } },
      { run: "a! -T", out: rows("R") },
    ],
    outcome: { equal: false },
  }),
  setup({
    name: "-TIX makes the peer as this host is",
    before: DIFFERENT,
    rounds: [
      { run: "a! -TIX", out: rows("L", "R", "X") },
      { run: "a! -u" },
      { run: "a! -T", out: [], rc: 2 },
    ],
    outcome: { files: { "b:r": "", "b:x": "a\n" } },
  }),
  setup({
    name: "-TIF marks with force",
    before: DIFFERENT,
    rounds: [
      { change: { b: "echo newer > x" }, check: "b", run: "a! -TIF $DIR/x", out: rows("X") },
      { run: "a! -M", out: ["force\ta.demo\tb.demo\t$DIR/x"] },
      { run: "a! -u" },
    ],
    outcome: { equal: false, files: { "b:x": "a\n", "b:r": "r\n", "b:l": "" } },
  }),
  setup({
    name: "-TIXU marks for one peer of two",
    before: { ...DIFFERENT, c: "echo r > r; echo bb > x; echo same > s" },
    rounds: [
      { run: "a! -TIXU a.demo b.demo", out: rows("L", "R", "X") },
      { run: "a! -u" },
      { run: "a! -T a.demo b.demo", out: [], rc: 2 },
    ],
    outcome: { equal: false, files: { "b:x": "a\n", "b:r": "", "c:x": "bb\n", "c:l": "" } },
  }, { hosts: 3 }),
  setup({
    name: "-TIX marks for all peers of the name",
    before: { ...DIFFERENT, c: "echo r > r; echo bb > x; echo same > s" },
    rounds: [
      { run: "a! -TIX a.demo b.demo", out: rows("L", "R", "X") },
      { run: "a! -u" },
      { run: "a! -T", out: [], rc: 2 },
    ],
    outcome: { files: { "b:x": "a\n", "b:r": "", "c:x": "a\n", "c:r": "" } },
  }, { hosts: 3 }),
];

/** Beyond what fits into 31 and 32 bits; made of a hole and some blocks, as it travels as a whole. */
const HUGE = setup({
  name: "a file of more than 4 GiB",
  noReference: "it takes them minutes",
  rounds: [
    { change: { a: "truncate -s 4295000000 f; printf end >> f" }, run: "a -x" },
    {
      change: { a: "printf X | dd of=f bs=1 seek=2147483650 conv=notrunc 2>/dev/null" },
      run: "a -x",
    },
  ],
}, { options: { deadlineSeconds: 600 } });

export const SETUPS: readonly Batch[] = [
  ...[...NAMES, ...PREFIXES, ...IGNORED, ...GROUP_RULES, ...COMPARED],
  ...(isFull ? [HUGE] : []),
];
