/**
 * Rules between two programs: conflicts, slaves, prefixes, listings, comparing, named configurations.
 * Every scenario runs for each pairing; what is asserted is what the trees and the databases hold.
 */
import assert from "node:assert/strict";
import { Cluster, type ClusterOptions, type Kind } from "../support/cluster.ts";

const isFull = Deno.env.get("CSYNC2_FULL") === "1";
const PAIRS: readonly [Kind, Kind][] = [["ours", "c"], ["c", "ours"], ["ours", "ours"]];

type Play = (cluster: Cluster) => Promise<void>;

let turn = 0;

/**
 * Each over plain text and over TLS: trust and order of the messages are part of the rules. Over TLS the
 * pairings take turns; `deno task test:full` plays all of them.
 */
function scenario(name: string, options: Omit<ClusterOptions, "nodes">, play: Play): void {
  const one = PAIRS[turn++ % PAIRS.length]!;
  for (const security of ["plain", "rsa-v3"] as const) {
    for (const [a, b] of security === "plain" || isFull ? PAIRS : [one]) {
      Deno.test(`${a} -> ${b}, ${security}: ${name}`, async () => {
        await using cluster = new Cluster({
          ...options,
          nodes: { a: { kind: a, security }, b: { kind: b, security } },
          plain: security === "plain",
        });
        await play(cluster);
      });
    }
  }
}

const read = (cluster: Cluster, node: string, path: string) =>
  Deno.readTextFileSync(`${cluster.tree(node)}/${path}`);

/** Both sides know `f` and then change it, each in its own way. */
async function bothChange(cluster: Cluster, here: string, there: string): Promise<void> {
  for (const node of ["a", "b"]) {
    cluster.change(node, "echo base > f; touch -d @1400000000 f .");
    assert.equal((await cluster.run(node, "-cIr", "@")).rc, 0);
  }
  cluster.change("a", here);
  cluster.change("b", there);
  assert.equal((await cluster.run("b", "-cr", "@")).rc, 0);
  await cluster.start("b");
}

scenario("a conflict is left alone, and both sides keep their mark", {}, async (cluster) => {
  await bothChange(cluster, "echo here > f", "echo there, longer > f");
  const { rc } = await cluster.run("a", "-x");
  assert.equal(rc, 1);
  assert.equal(read(cluster, "b", "f"), "there, longer\n");
  assert.match((await cluster.run("a", "-M")).stdout, /\ta\.demo\tb\.demo\t.*\/f\n/);
  assert.match((await cluster.run("b", "-M")).stdout, /\tb\.demo\ta\.demo\t.*\/f\n/);
});

const WINNERS: readonly [string, string, string, boolean][] = [
  ["first", "echo here > f", "echo there > f", true],
  ["left", "echo here > f", "echo there > f", true],
  ["right", "echo here > f", "echo there > f", false],
  [
    "younger",
    "echo here > f; touch -d @1500000001 f",
    "echo there > f; touch -d @1500000000 f",
    true,
  ],
  [
    "younger",
    "echo here > f; touch -d @1500000000 f",
    "echo there > f; touch -d @1500000000 f",
    false,
  ],
  [
    "older",
    "echo here > f; touch -d @1500000000 f",
    "echo there > f; touch -d @1500000000 f",
    true,
  ],
  [
    "older",
    "echo here > f; touch -d @1500000009 f",
    "echo there > f; touch -d @1500000000 f",
    false,
  ],
  ["bigger", "echo here, and more > f", "echo there > f", true],
  ["bigger", "echo hereX > f", "echo there > f", false],
  ["smaller", "echo here > f", "echo there > f", true],
  ["smaller", "echo here, and more > f", "echo there > f", false],
];
for (const [auto, here, there, isWon] of WINNERS) {
  scenario(
    `auto ${auto}: ${here} against ${there}`,
    { group: ["include @;", `auto ${auto};`] },
    async (cluster) => {
      await bothChange(cluster, here, there);
      const { rc } = await cluster.run("a", "-x");
      assert.equal(rc, isWon ? 0 : 1);
      assert.equal(read(cluster, "b", "f").startsWith("here"), isWon);
      assert.equal((await cluster.run("a", "-M")).rc, isWon ? 2 : 0);
    },
  );
}

scenario("a removal against a change: younger never wins, left does", {
  group: ["include @;", "auto younger;"],
}, async (cluster) => {
  await bothChange(cluster, "rm f", "echo there > f");
  assert.equal((await cluster.run("a", "-x")).rc, 1);
  assert.equal(read(cluster, "b", "f"), "there\n");
  cluster.configure("a", ["include @;", "auto left;"]);
  assert.equal((await cluster.run("a", "-u")).rc, 0);
  assert.throws(() => read(cluster, "b", "f"), Deno.errors.NotFound);
});

scenario("-f lets a file win the next conflict", {}, async (cluster) => {
  await bothChange(cluster, "echo here > f", "echo there > f");
  assert.equal((await cluster.run("a", "-x")).rc, 1);
  assert.equal((await cluster.run("a", "-f", "@/f")).rc, 0);
  assert.equal((await cluster.run("a", "-u")).rc, 0);
  assert.equal(read(cluster, "b", "f"), "here\n");
});

scenario("a slave's change is refused, and the master's copy comes back", {
  hosts: "(a.demo) b.demo",
}, async (cluster) => {
  for (const node of ["a", "b"]) {
    cluster.change(node, "echo base > f; touch -d @1400000000 f .");
    assert.equal((await cluster.run(node, "-cIr", "@")).rc, 0);
  }
  cluster.change("a", "echo slave > f");
  await cluster.start("b");
  assert.equal((await cluster.run("a", "-x")).rc, 1);
  assert.equal(read(cluster, "b", "f"), "base\n");
  await cluster.start("a");
  assert.equal((await cluster.run("b", "-u")).rc, 0);
  assert.equal(read(cluster, "a", "f"), "base\n");
});

scenario("prefix names: new, changed, removed, links", {
  group: ["include %p%;"],
  top: ["prefix p", "{", "  on *: @/data;", "}"],
}, async (cluster) => {
  for (const node of ["a", "b"]) cluster.change(node, "mkdir data");
  await cluster.start("b");
  cluster.change("a", "cd data; mkdir d; echo 1 > d/1; ln -s d/1 l; echo 2 > 2");
  assert.equal((await cluster.run("a", "-x")).rc, 0);
  assert.equal(cluster.dump("b"), cluster.dump("a"));
  cluster.change("a", "cd data; rm -r d; echo more >> 2; mkdir e");
  assert.equal((await cluster.run("a", "-x")).rc, 0);
  assert.equal(cluster.dump("b"), cluster.dump("a"));
  assert.equal((await cluster.run("a", "-M")).rc, 2);
});

scenario("parents that the peer never had are made", {}, async (cluster) => {
  cluster.change("a", "mkdir -p x/y; echo 1 > x/y/1; echo 2 > x/y/2");
  assert.equal((await cluster.run("a", "-cIr", "@")).rc, 0);
  assert.equal((await cluster.run("a", "-m", "@/x/y/1")).rc, 0);
  await cluster.start("b");
  assert.equal((await cluster.run("a", "-u")).rc, 0);
  assert.equal(cluster.dump("b"), cluster.dump("a"));
});

scenario(
  "-m and -u of a file that was never checked: it is sent, and no mark stays",
  {},
  async (cluster) => {
    cluster.change("a", "echo 1 > f; touch -d @1400000000 .");
    cluster.change("b", "touch -d @1400000000 .");
    await cluster.start("b");
    assert.equal((await cluster.run("a", "-m", "@/f")).rc, 0);
    assert.equal((await cluster.run("a", "-u")).rc, 0);
    assert.equal(read(cluster, "b", "f"), "1\n");
    assert.equal((await cluster.run("a", "-M")).rc, 2);
  },
);

scenario("-T shows L, R and X; -TI and -TIX repair it", {}, async (cluster) => {
  for (const node of ["a", "b"]) cluster.change(node, "echo same > s; touch -d @1400000000 s .");
  cluster.change("a", "echo l > left; echo 1 > x");
  cluster.change("b", "echo r > right; echo 22 > x");
  for (const node of ["a", "b"]) assert.equal((await cluster.run(node, "-cIr", "@")).rc, 0);
  await cluster.start("b");
  const { rc, stdout } = await cluster.run("a", "-T");
  const rows = stdout.trimEnd().split("\n").map((r) => `${r[0]}${r.slice(r.lastIndexOf("/"))}`);
  assert.deepEqual([rc, rows.sort()], [0, ["L/left", "R/right", "X/x"]]);
  assert.equal((await cluster.run("a", "-TIX")).rc, 0);
  await cluster.run("a", "-f", "-r", "@");
  assert.equal((await cluster.run("a", "-u")).rc, 0);
  assert.equal(cluster.dump("b"), cluster.dump("a"));
  assert.equal((await cluster.run("a", "-T")).rc, 2);
});

scenario("-TT shows the difference of content", {}, async (cluster) => {
  cluster.change("a", "printf 'one\\ntwo\\nthree\\n' > f");
  cluster.change("b", "printf 'one\\n2\\nthree\\n' > f");
  for (const node of ["a", "b"]) assert.equal((await cluster.run(node, "-cIr", "@")).rc, 0);
  await cluster.start("b");
  const { rc, stdout } = await cluster.run("a", "-TT", "a.demo", "b.demo", "@/f");
  assert.ok(rc === 0 || rc === 2);
  const name = `${cluster.mount}/f`;
  assert.equal(
    stdout,
    `--- b.demo:${name}\n+++ a.demo:${name}\n@@ -1,3 +1,3 @@\n one\n-2\n+two\n three\n`,
  );
});

scenario(
  "times below a second do not make files differ between the dialects",
  {},
  async (cluster) => {
    await cluster.start("b");
    cluster.change("a", "echo 1 > f; touch -d @1600000000.987654321 f");
    assert.equal((await cluster.run("a", "-x")).rc, 0);
    assert.equal(cluster.dump("b"), cluster.dump("a"));
    assert.equal((await cluster.run("a", "-T")).rc, 2);
    cluster.change("a", "touch -d @1700000000.5 f");
    assert.equal((await cluster.run("a", "-x")).rc, 0);
    assert.equal(cluster.dump("b"), cluster.dump("a"));
  },
);

scenario("-d shows what would be sent, and sends nothing", {}, async (cluster) => {
  cluster.change("a", "echo 1 > f");
  await cluster.start("b");
  const { rc, stdout } = await cluster.run("a", "-xd");
  assert.equal(rc, 0);
  assert.match(stdout, /^\?M: b\.demo +.*\/f$/m);
  assert.throws(() => read(cluster, "b", "f"), Deno.errors.NotFound);
  assert.match((await cluster.run("a", "-M")).stdout, /\/f\n/);
});

for (const kinds of [["ours", "c", "ours"], ["c", "ours", "c"]] as [Kind, Kind, Kind][]) {
  Deno.test(`a mixed cluster of three, ${kinds.join(" ")}: a change goes to both peers`, async () => {
    const [a, b, c] = kinds;
    await using cluster = new Cluster({
      nodes: { a: { kind: a! }, b: { kind: b! }, c: { kind: c! } },
    });
    for (const node of ["a", "b", "c"]) await cluster.start(node);
    cluster.change("a", "mkdir d; echo from-a > d/f");
    assert.equal((await cluster.run("a", "-x")).rc, 0);
    cluster.change("b", "echo from-b >> d/f; echo b > d/g");
    assert.equal((await cluster.run("b", "-x")).rc, 0);
    cluster.change("c", "rm d/g; ln -s f d/l");
    assert.equal((await cluster.run("c", "-x")).rc, 0);
    for (const node of ["b", "c"]) assert.equal(cluster.dump(node), cluster.dump("a"));
    for (const node of ["a", "b", "c"]) {
      assert.equal((await cluster.run(node, "-M")).stdout, "", node);
      assert.equal((await cluster.run(node, "-T")).rc, 2, node);
    }
  });
}

for (const kind of ["ours", "c"] as const) {
  Deno.test(`one peer of ours is down, ${kind} goes on being served`, async () => {
    await using cluster = new Cluster({
      nodes: { a: { kind: "ours" }, b: { kind }, c: { kind } },
    });
    cluster.change("a", "echo 1 > f");
    await cluster.start("c");
    const { rc, stderr } = await cluster.run("a", "-x");
    assert.equal(rc, 1);
    assert.match(stderr, /ERROR: Connection to remote host `b\.demo' failed/);
    assert.equal(cluster.dump("c"), cluster.dump("a"));
    await cluster.start("b");
    assert.equal((await cluster.run("a", "-u")).rc, 0);
    assert.equal(cluster.dump("b"), cluster.dump("a"));
  });
}

Deno.test("ours -> ours: -T sees a change within one second and of equal size", async () => {
  await using cluster = new Cluster({ nodes: { a: { kind: "ours" }, b: { kind: "ours" } } });
  cluster.change("a", "printf 1 > f; touch -d @1600000000.111 f");
  cluster.change("b", "printf 2 > f; touch -d @1600000000.222 f");
  for (const node of ["a", "b"]) assert.equal((await cluster.run(node, "-cIr", "@")).rc, 0);
  await cluster.start("b");
  const { rc, stdout } = await cluster.run("a", "-T");
  assert.deepEqual([rc, stdout], [0, `X\ta.demo\tb.demo\t${cluster.mount}/f\n`]);
});
