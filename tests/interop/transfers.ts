/** What can be sent: the states before, and the changes. After each the trees are the same, and nothing stays marked. */
import type { Batch, Scenario } from "../support/matrix.ts";

/** A change at `a` on top of `before`; then `a` sends, and `b` has nothing to send back. */
function sent(
  name: string,
  { before, change, ...more }: { before?: string; change: string } & Partial<Scenario>,
): Scenario {
  const rounds = [{ change: { a: change }, run: "a -x" }, { run: "b -x" }];
  return { name, before: before ?? "true", rounds, ...more };
}

/** Names with what shells, percent-encoding and UTF-8 make difficult; `printf` keeps them as bytes. */
const ODD_NAMES = [
  "blank name",
  " blank before",
  "blank after ",
  " ",
  "per%cent",
  "per%20cent",
  "%70%",
  "%00",
  "%zz%",
  "col:on",
  "dol$lar",
  "back\\\\slash",
  "quo\\047te\\042s",
  "semi;rm -rf x;",
  "star*[a]?",
  "-dash",
  "-",
  "...",
  "..x",
  "new\\nline",
  "\\n",
  "carriage\\r",
  "tab\\tname",
  "\\303\\251\\342\\202\\254",
  "latin\\351",
  "bad\\377\\376",
  "\\200",
  "ctrl\\001\\177",
  "comma,tilde~!#&()<>{}^=`",
  "octet-stream 5",
  "OK (cmd_finished).",
  ".hidden.AbC123",
];
const odd = (command: string) =>
  ODD_NAMES.map((n) =>
    `f=$(printf -- '${n.replaceAll("%", "%%")}x'); f=\${f%x}; ${
      command.replaceAll("NAME", '"./$f"')
    }`
  ).join("\n");

const BIG =
  "head -c 3000000 /dev/zero | openssl enc -aes-128-ctr -pass pass:x -pbkdf2 -nosalt 2>/dev/null";

/** Every kind of object, made as `$n`. */
const TYPES: Readonly<Record<string, string>> = {
  file: "echo content > $n",
  empty: ": > $n",
  dir: "mkdir $n",
  tree: "mkdir -p $n/sub/deep; echo 1 > $n/1; echo 2 > $n/sub/deep/2; ln -s 1 $n/l",
  link: "ln -s to $n",
  dirlink: "ln -s . $n",
  fifo: "mkfifo $n",
};
const typePairs = Object.keys(TYPES).flatMap((from) =>
  Object.keys(TYPES).filter((to) => to !== from).map((to) => [from, to] as const)
);
const makeTypes = (side: 0 | 1) =>
  typePairs.map((pair) =>
    `n=${pair.join("-")}; ${side === 1 ? "rm -r $n; " : ""}${TYPES[pair[side]]!}`
  ).join("\n");

/** Sizes around the block length of signatures, and what happens to them. */
const SIZES = [0, 1, 2, 2047, 2048, 2049, 4095, 4096, 4097, 65535, 65536, 65537, 200_001];
const forSizes = (command: string) => `for n in ${SIZES.join(" ")}; do ${command}; done`;

const MODES = "0000 0001 0444 0600 0777 1777 2755 2745 4711 4600 6555 7777";

const SCENARIOS: readonly Scenario[] = [
  sent("new files and directories", {
    change: `mkdir -p d/e/f; echo one > d/e/f/1; : > empty; ${BIG} > big; chmod 640 d/e/f/1;
      chown 12:34 d/e/f/1; chmod 2750 d; chown 5:6 d/e; chmod 4755 big; touch -d @1234567890 big`,
  }),
  sent("changed in the middle, longer, shorter, emptied", {
    before: `${BIG} > mid; cp mid app; cp mid cut; cp mid gone; echo x > small`,
    change:
      `printf 'PATCHED' | dd of=mid bs=1 seek=1500000 conv=notrunc 2>/dev/null; echo tail >> app;
      truncate -s 1000001 cut; : > gone; echo y > small`,
  }),
  sent("blocks moved, repeated, put in front, taken out", {
    before: `${BIG} > big; for f in moved twice front out holes; do cp big $f; done`,
    change: `(tail -c 1500000 big; head -c 1500000 big) > moved; cat big big > twice;
      (printf ZZ; cat big) > front; (head -c 1000001 big; tail -c 1000002 big) > out;
      dd if=/dev/zero of=holes bs=4096 seek=100 count=50 conv=notrunc 2>/dev/null`,
  }),
  sent("sizes around a block: new", {
    change: forSizes(`head -c $n /dev/zero | tr '\\0' q > $n`),
  }),
  sent("sizes around a block: one byte more, less, other", {
    before: forSizes(`for k in m l o; do seq 100000 | head -c $n > $k$n; done`),
    change: forSizes(
      `printf Z >> m$n; [ $n = 0 ] || { truncate -s -1 l$n; printf Z | dd of=o$n bs=1 seek=$((n - 1)) conv=notrunc 2>/dev/null; }`,
    ),
  }),
  sent("empty files: new, emptied, filled", {
    before: "echo x > emptied; : > filled; : > same",
    change: ": > new; : > emptied; echo y > filled; mkdir d; : > d/new; chmod 4711 same",
  }),
  sent("sparse files", {
    before: "truncate -s 300000 grown",
    change: "truncate -s 5000000 new; truncate -s 6000000 grown; printf end >> grown",
  }),
  sent("removed files and trees", {
    before: "mkdir -p t/u/v; echo 1 > t/u/v/1; echo 2 > t/2; echo 3 > keep; ln -s keep l; mkfifo p",
    change: "rm -r t l p",
  }),
  sent("a deep tree removed", {
    before:
      "d=.; for i in $(seq 30); do d=$d/d$i; mkdir $d; echo $i > $d/f; ln -s f $d/l; done; echo keep > keep",
    change: "rm -r d1",
  }),
  sent("a tree removed beside names that sort between it and its content", {
    before:
      'for n in a a! a.x a-b a0 ab \'a b\' a%b; do mkdir "$n"; echo 1 > "$n/f"; done; mkdir a/a; echo 2 > a/a/a',
    change: "rm -r a; rm -r 'a b' a!; echo 3 > a.x/f",
  }),
  sent("a tree removed and made anew with other kinds", {
    before: "mkdir -p t/a/b; echo 1 > t/f; echo 2 > t/a/b/c; ln -s f t/l; mkdir t/e",
    change: "rm -r t; mkdir -p t/f t/l/deep; ln -s f t/a; echo x > t/e; echo y > t/f/g; mkfifo t/p",
  }),
  sent("renamed file and directory", {
    before: "mkdir -p old/sub; echo 1 > old/sub/1; echo 2 > a",
    change: "mv old new; mv a b",
  }),
  sent("two names exchanged, and names that differ by case", {
    before: "echo 1 > one; echo 22 > two; echo 3 > case; mkdir d e; echo d > d/f; echo ee > e/f",
    change: "mv one x; mv two one; mv x two; mv case CASE; mv d x; mv e d; mv x e",
  }),
  sent("links: new, dangling, retargeted, long", {
    before: "echo x > f; ln -s f l1; ln -s f l2",
    change:
      `ln -s f n; ln -s /nonexistent/x dang; ln -sfn n l1; chown -h 7:8 l2; ln -s "$(printf 'y%.0s' $(seq 900))" long;
       ln -s 'odd : % target' o; ln -s ../../.. up; ln -s d/ slash; ln -s "$(printf 'a\\nb\\377')" bytes; ln -s self self`,
  }),
  sent("links to directories with something in them", {
    before: "mkdir -p d/e real; echo 1 > d/f; ln -s d l; ln -s real r",
    change: "rm -r d; ln -s real d; rm l; mkdir l; echo 2 > l/f; echo 3 > real/new",
  }),
  sent("FIFOs", {
    before: "mkfifo q; mkfifo r",
    change:
      "mkfifo p; chmod 604 p; chown 3:4 p; touch -d @1111111111 p; chmod 644 q; touch -d @1111111112 r",
  }),
  sent("odd and non-UTF-8 names", { change: odd("echo odd > NAME") }),
  sent("odd names of directories and links", {
    change: odd(`{ mkdir NAME; echo 1 > NAME/1; ln -s -- "$f" NAME/"l$f"; }`),
  }),
  sent("odd names changed and removed", {
    before: odd("echo odd > NAME"),
    change:
      `for f in * .hid*; do echo more >> "./$f"; done; rm ./col:on ./star* ./...; mkdir sub; mv ./-dash sub/; rm "./$(printf 'bad\\377\\376')"`,
  }),
  sent("long names", {
    before: `n=$(printf 'o%.0s' $(seq 255)); echo 1 > $n; mkdir d; echo 1 > d/$n`,
    change: `n=$(printf 'o%.0s' $(seq 255)); echo more >> $n; rm d/$n; mkdir d/$n; echo 2 > d/$n/$n;
       u=$(printf '\\303\\251%.0s' $(seq 127)); echo 3 > x$u; echo 4 > $u; ln -s $u l$u;
       b=$(printf ' %.0s' $(seq 255)); echo 5 > "$b"; p=$(printf '%%%.0s' $(seq 254)); mkdir "$p"; echo 6 > "$p/.$p"`,
  }),
  sent("long paths", {
    change:
      `n=$(printf 'p%.0s' $(seq 200)); mkdir -p $n/$n/$n/$n/$n/$n; echo 1 > $n/$n/$n/$n/$n/$n/f;
       cd $n/$n; ln -s $n/$n l; echo 2 > f`,
  }),
  sent("metadata only", {
    before: "echo x > f; echo y > g; echo z > t; mkdir d; touch -d @1500000000 f g t",
    change: "chmod 4711 f; chown 11:22 g; touch -d @1500000099 t; chmod 1777 d; chown 3:3 d",
  }),
  sent("every kind of permission, new", {
    change:
      `for m in ${MODES}; do echo $m > f$m; chown 12:34 f$m; chmod $m f$m; mkdir d$m; echo 1 > d$m/1; chown 56:78 d$m; chmod $m d$m; done`,
  }),
  sent("every kind of permission, changed", {
    before:
      `for m in ${MODES}; do for k in m o mo c mc; do echo 1 > $k$m; chmod 4755 $k$m; done; mkdir d$m; chmod 6755 d$m; done`,
    change:
      `for m in ${MODES}; do chmod $m m$m mo$m mc$m; chown 9:8 o$m mo$m; echo 22 > c$m; echo 22 > mc$m;
       chmod $m c$m mc$m mo$m d$m; chown 3:3 d$m; chmod $m d$m; done; chmod 4755 o*`,
  }),
  sent("owners by number", {
    before: "for f in a b c d e; do echo 1 > $f; done; mkdir z",
    change:
      "chown 65534:65534 a; chown 0:4242 b; chown 4242:0 c; chown 2147483647:2147483646 d; chown 4000000000:3000000000 e; chown -h 99999:1 z; ln -s x l; chown -h 123456:654321 l",
  }),
  sent("times before 1970, at its beginning and far away", {
    before: "for f in a b c d e; do echo 1 > $f; done",
    change:
      "touch -d @0 a; touch -d @1 b; touch -d @-86400 c; touch -d @4102444800 d; touch -d @-2 e; for t in 0 -7 2 99999 4102444801; do echo $t > n$t; touch -d @$t n$t; done",
  }),
  sent("times with a fraction", {
    before: "for f in a b; do echo 1 > $f; done",
    change:
      "touch -d @1500000000.999999999 a; touch -d @1500000000.000000001 b; echo n > n; touch -d @1600000000.5 n; mkfifo p; touch -d @1500000007.7 p; touch -d @-3.25 b",
  }),
  sent("type changes", {
    before: "echo x > f2d; mkdir d2f; echo x > f2l; ln -s a l2f; mkfifo p2f; ln -s b l2d",
    change:
      "rm f2d; mkdir f2d; echo i > f2d/i; rmdir d2f; echo x > d2f; rm f2l; ln -s z f2l; rm l2f; echo f > l2f; rm p2f; echo f > p2f; rm l2d; mkdir l2d",
  }),
  sent("every type into every other", { before: makeTypes(0), change: makeTypes(1) }),
  sent("hard links arrive as files", { change: "echo x > one; ln one two" }),
  sent("one of two hard links changed", {
    before: "echo x > one; ln one two; echo y > three; ln three four",
    change: "echo xx > one; rm three; echo z > three",
  }),
  sent("1,000 files in 20 directories", {
    change:
      "for i in $(seq 20); do mkdir d$i; for j in $(seq 50); do echo $i.$j > d$i/f$j; done; done",
  }),
  {
    name: "there and back, several times",
    before: "echo 1 > f; mkdir d",
    rounds: [
      { change: { a: "echo from a > f; echo 1 > d/new" }, run: "a -x" },
      { change: { b: "echo from b, longer > f; rm d/new; ln -s f l" }, run: "b -x" },
      { change: { a: "rm f; mkdir f; chmod 700 d", b: "echo 9 > other" }, run: "a -x" },
      { run: "b -x" },
      { change: { b: "rmdir f; rm l; echo 7 > l; chown 4:4 d other" }, run: "b -x" },
      { change: { a: "touch -d @1234567890 l" }, run: "a -x" },
    ],
    outcome: { files: { "a:l": "7\n", "b:other": "9\n", "a:other": "9\n", "b:f": "" } },
  },
  {
    name: "marked by hand: a file, a removal, a tree",
    before: "echo 1 > f; echo 2 > gone; mkdir -p t/u; echo 3 > t/u/3",
    rounds: [
      { change: { b: "rm -r t" }, check: "" },
      { change: { b: "mkdir -p t/u; echo 3 > t/u/3; touch -d @1400000000 t/u/3" } },
      { change: { a: "rm gone" }, run: "a -m" },
      { run: "a -u" },
      { run: "a -x" },
    ],
  },
];

export const TRANSFERS: Batch = {
  name: "transfers",
  hosts: 2,
  scenarios: SCENARIOS,
  isClean: true,
};
