/**
 * Our program and Debian's csync2 sync with each other: every scenario in both directions, in plain
 * text and over TLS, and between two of ours.
 */
import assert from "node:assert/strict";
import { Cluster, type Kind, type Security } from "../support/cluster.ts";

interface Scenario {
  readonly name: string;
  /** State on both sides before, made by shell commands in each tree. */
  readonly before?: string;
  /** Change at the sender. */
  readonly change: string;
  /** Why the pair cannot do it, when the sender is the C program. */
  readonly notFromC?: string;
}

/** Names with what shells, percent-encoding and UTF-8 make difficult; `printf` keeps them as bytes. */
const ODD_NAMES = [
  "blank name",
  "per%cent",
  "per%20cent",
  "col:on",
  "dol$lar",
  "back\\\\slash",
  "quo\\047te\\042s",
  "semi;rm -rf x;",
  "star*[a]?",
  "-dash",
  "new\\nline",
  "tab\\tname",
  "\\303\\251\\342\\202\\254",
  "latin\\351",
  "bad\\377\\376",
  "ctrl\\001\\177",
  "comma,tilde~!#&()<>{}^=`",
];
const makeOdd = ODD_NAMES.map((n) =>
  `f=$(printf -- '${n.replaceAll("%", "%%")}x'); f=\${f%x}; printf 'odd' > "./$f"`
).join("\n");

const BIG =
  "head -c 3000000 /dev/zero | openssl enc -aes-128-ctr -pass pass:x -pbkdf2 -nosalt 2>/dev/null";

const SCENARIOS: readonly Scenario[] = [
  {
    name: "new files and directories",
    change: `mkdir -p d/e/f; echo one > d/e/f/1; : > empty; ${BIG} > big; chmod 640 d/e/f/1;
      chown 12:34 d/e/f/1; chmod 2750 d; chown 5:6 d/e; chmod 4755 big; touch -d @1234567890 big`,
  },
  {
    name: "changed in the middle, longer, shorter, emptied",
    before: `${BIG} > mid; cp mid app; cp mid cut; cp mid gone; echo x > small`,
    change:
      `printf 'PATCHED' | dd of=mid bs=1 seek=1500000 conv=notrunc 2>/dev/null; echo tail >> app;
      truncate -s 1000001 cut; : > gone; echo y > small`,
  },
  {
    name: "removed files and trees",
    before: "mkdir -p t/u/v; echo 1 > t/u/v/1; echo 2 > t/2; echo 3 > keep; ln -s keep l; mkfifo p",
    change: "rm -r t l p",
  },
  {
    name: "renamed file and directory",
    before: "mkdir -p old/sub; echo 1 > old/sub/1; echo 2 > a",
    change: "mv old new; mv a b",
  },
  {
    name: "links: new, dangling, retargeted, long",
    before: "echo x > f; ln -s f l1; ln -s f l2",
    change:
      `ln -s f n; ln -s /nonexistent/x dang; ln -sfn n l1; chown -h 7:8 l2; ln -s "$(printf 'y%.0s' $(seq 900))" long;
       ln -s 'odd : % target' o`,
  },
  {
    name: "FIFOs",
    change: "mkfifo p; chmod 604 p; chown 3:4 p; touch -d @1111111111 p",
  },
  {
    name: "devices",
    change: "mknod n c 1 3; chmod 666 n; mknod b b 7 300; chown 1:2 b; touch -d @1000000001 b",
    notFromC: "it does not send the device number (W 20.23)",
  },
  { name: "odd and non-UTF-8 names", change: makeOdd },
  {
    name: "odd names changed and removed",
    before: makeOdd,
    change:
      `for f in *; do echo more >> "./$f"; done; rm ./col:on ./star*; mkdir sub; mv ./-dash sub/`,
  },
  {
    name: "metadata only",
    before: "echo x > f; echo y > g; echo z > t; mkdir d; touch -d @1500000000 f g t",
    change: "chmod 4711 f; chown 11:22 g; touch -d @1500000099 t; chmod 1777 d; chown 3:3 d",
  },
  {
    name: "type changes",
    before: "echo x > f2d; mkdir d2f; echo x > f2l; ln -s a l2f; mkfifo p2f; ln -s b l2d",
    change:
      "rm f2d; mkdir f2d; echo i > f2d/i; rmdir d2f; echo x > d2f; rm f2l; ln -s z f2l; rm l2f; echo f > l2f; rm p2f; echo f > p2f; rm l2d; mkdir l2d",
  },
  { name: "hard links arrive as files", change: "echo x > one; ln one two" },
  {
    name: "1,000 files in 20 directories",
    change:
      "for i in $(seq 20); do mkdir d$i; for j in $(seq 50); do echo $i.$j > d$i/f$j; done; done",
  },
];

const PAIRS: readonly [Kind, Kind][] = [["ours", "c"], ["c", "ours"], ["ours", "ours"]];
const SECURITIES: readonly Security[] = ["plain", "rsa-v1", "rsa-v3", "p256"];

/** Brings both sides to the state of `before`, known to both databases. */
async function begin(cluster: Cluster, before: string): Promise<void> {
  for (const node of ["a", "b"]) {
    cluster.change(node, before);
    cluster.change(node, "find . -exec touch -h -d @1400000000 {} +");
    const { rc, stderr } = await cluster.run(node, "-cIr", "@");
    assert.deepEqual({ rc, stderr }, { rc: 0, stderr: "" });
  }
}

for (const security of SECURITIES) {
  for (const [from, to] of PAIRS) {
    // The kind of certificate matters to the handshake, not to what travels afterwards.
    const scenarios = security === "plain" || security === "rsa-v3"
      ? SCENARIOS
      : SCENARIOS.slice(0, 2);
    for (const { name, before = "true", change, notFromC } of scenarios) {
      if (from === "c" && notFromC !== undefined) continue;
      Deno.test(`${from} -> ${to}, ${security}: ${name}`, async () => {
        await using cluster = new Cluster({
          nodes: { a: { kind: from, security }, b: { kind: to, security } },
          plain: security === "plain",
        });
        await begin(cluster, before);
        cluster.change("a", change);
        await cluster.start("b");
        const { rc, stderr } = await cluster.run("a", "-x");
        assert.deepEqual({ rc, stderr }, { rc: 0, stderr: "" });
        const time = from === "ours" && to === "ours" ? "nanos" : "seconds";
        assert.equal(cluster.dump("b", { time }), cluster.dump("a", { time }));
        const marks = await cluster.run("a", "-M");
        assert.deepEqual([marks.rc, marks.stdout], [2, ""], "nothing stays marked");
        const again = await cluster.run("b", "-c", "-r", "@");
        assert.equal(again.rc, 0);
        assert.equal((await cluster.run("b", "-M")).stdout, "", "the receiver marks nothing back");
        // Databases are compared by -T; 2.0 records the times that arrived.
        const compared = await cluster.run("a", "-T");
        assert.deepEqual([compared.rc, compared.stdout, compared.stderr], [2, "", ""]);
      });
    }
  }
}
