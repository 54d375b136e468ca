/**
 * A cluster of three that is upgraded one host after the other: what is told about a peer that speaks the
 * fast dialect is what is told in the same run about one with the C program, but for its name.
 */
import assert from "node:assert/strict";
import { Cluster, type Kind, type NodeSpec, type Ran } from "../support/cluster.ts";

const node = (kind: Kind): NodeSpec => ({ kind, security: "rsa-v3" });

/** Shell commands in the tree of `a`, and arguments of what is run there afterwards. */
const STEPS: readonly (readonly [string, readonly string[]])[] = [
  [
    `mkdir -p d/e; for f in 1 2 3 4; do echo $f > d/$f; echo e$f > d/e/$f; done; seq 100000 > large
     head -c 300000 /dev/urandom > noise; touch empty; ln -s d link; mkfifo pipe; mkdir -m 700 private
     find . -exec touch -h -d @1400000000 {} +`,
    ["-xd", "-xdv", "-xv", "-u"],
  ],
  ["", ["-mr @", "-ud", "-udvv", "-uvvv"]],
  [
    `echo 11 > d/1; chmod 600 d/2; chown 12:34 d/3; echo y >> large; : > d/4; rm -r d/e pipe
     ln -sfn other link; rmdir private; echo file > private; mkdir -p n/n; echo n > n/n/n`,
    ["-xdvvv", "-xvv"],
  ],
  ["echo 12 > d/1; echo 3 > d/5; rm noise", ["-cr @", "-uv @/d/5", "-uvvv"]],
];

/** What is told about a peer, by its name. */
type Told = ReadonlyMap<string, readonly string[]>;

/** What is told of a host that was upgraded and has the C program again. */
const BACK = "PEER speaks only as csync2 does now: another program, or --classic.";
/** Lines of the dialects themselves, and those of which each connection has its own numbers. */
const OWN = /^(?:Local|Peer)> |^Connect to |^Bound to /;

function toldOf(cluster: Cluster, { stdout, stderr }: Ran): Told {
  const told = new Map<string, string[]>([["b.demo", []], ["c.demo", []]]);
  const tell = (peer: string, line: string) =>
    told.get(peer)?.push(
      line.replaceAll(peer, "PEER").replaceAll(cluster.mount, "@").replace(/SHA-256 .*/, "SHA-256"),
    );
  for (const line of stdout.split("\n")) {
    for (const peer of told.keys()) if (line.includes(peer)) tell(peer, `out: ${line}`);
  }
  let peer = "";
  for (const line of stderr.split("\n")) {
    if (/^(?:Connection closed\.|Finished )/.test(line)) break;
    peer = /^Connecting to host (\S+)/.exec(line)?.[1] ?? peer;
    if (line !== "" && !OWN.test(line)) tell(peer, line);
  }
  return told;
}

/** Runs all steps, with names of their own. @returns runs that told of hosts that went back, and these */
async function play(cluster: Cluster, name: string): Promise<string[]> {
  const back: string[] = [];
  cluster.change("a", `mkdir ${name}`);
  for (const [change, runs] of STEPS) {
    cluster.change("a", `cd ${name}; ${change || ":"}`);
    for (const args of runs) {
      const ran = await cluster.run("a", "-j", "1", ...args.replace("@/", `@/${name}/`).split(" "));
      assert.equal(ran.rc, 0, `${args}: ${ran.stderr}`);
      const told = toldOf(cluster, ran), [b = [], c = []] = told.values();
      assert.deepEqual(b.filter((line) => line !== BACK), c.filter((line) => line !== BACK), args);
      for (const [peer, lines] of told) if (lines.includes(BACK)) back.push(`${args}: ${peer}`);
    }
    const trees = ["a", "b", "c"].map((node) => cluster.dump(node));
    assert.deepEqual(trees, [trees[0], trees[0], trees[0]]);
    assert.equal((await cluster.run("a", "-M")).rc, 2);
  }
  return back;
}

for (const [first, second] of [["b", "c"], ["c", "b"]] as const) {
  Deno.test(`a rolling upgrade, ${first} first: the same is told about all peers`, async () => {
    const nodes: Record<string, NodeSpec> = { a: node("ours"), b: node("c"), c: node("c") };
    await using cluster = new Cluster({ nodes, plain: false });
    const become = async (name: string, kind: Kind) => {
      await cluster.stop(name);
      nodes[name] = node(kind);
      await cluster.start(name);
    };
    for (const name of ["b", "c"]) await cluster.start(name);
    assert.deepEqual(await play(cluster, "none"), []);
    await become(first, "ours");
    assert.deepEqual(await play(cluster, "one"), []);
    await become(second, "ours");
    assert.deepEqual(await play(cluster, "two"), []);
    await become(first, "c");
    // A dry run remembers nothing.
    assert.deepEqual(await play(cluster, "back"), [`-xdv: ${first}.demo`, `-xv: ${first}.demo`]);
    await become(first, "ours");
    assert.deepEqual(await play(cluster, "again"), []);
  });
}
