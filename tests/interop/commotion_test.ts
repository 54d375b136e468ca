/**
 * Two hosts of ours and one of the C program, the same names, changes at random and `-x` at random. When
 * all is quiet, no difference between ours is silent.
 *
 * What C programs do on their own is theirs: they check nothing again before they take a file in their
 * turn of the same second, count in seconds, and tell no host again. So the third host only takes part.
 */
import assert from "node:assert/strict";
import { Cluster } from "../support/cluster.ts";
import { Commotion, silentDifferences, type Village, type Villager } from "../support/commotion.ts";
import { treeOf } from "../support/lan.ts";

const SECONDS = Deno.env.get("CSYNC2_FULL") === "1" ? 120 : 6;
const SEED = Number(Deno.env.get("CSYNC2_SEED") ?? "1");
const OURS = { kind: "ours" } as const;

function villager(cluster: Cluster, node: string, journal: string[]): Villager {
  const run = async (...args: string[]) => {
    const { stdout, stderr } = await cluster.run(node, ...args);
    journal.push(`${node} ${args.join(" ")}: ${stderr.trim()}`);
    return stdout.split("\n").filter((line) => line !== "")
      .map((line) => line.replaceAll(`${cluster.mount}/`, ""));
  };
  return {
    letter: node,
    name: `${node}.demo`,
    // C programs cut times to seconds: versions of one second and one length are one version to them, and
    // so they are to those who got them through a C program. Each host has lengths of its own.
    ending: "-".repeat(20 * "abc".indexOf(node)),
    dir: `${cluster.base}/${node}`,
    path: (name) => `${cluster.tree(node)}/${name}`,
    sync: async () => void await run("-x"),
    tree: () => treeOf(cluster.tree(node)),
    marks: async () => (await run("-M")).map((line) => `? ${line.split("\t")[3]}`),
    test: () => run("-T"),
  };
}

for (const method of ["none", "younger"]) {
  Deno.test(`no difference between ours stays silent beside a C program, auto ${method}`, async () => {
    const end = performance.now() + SECONDS * 1_000;
    for (let seed = SEED; seed === SEED || performance.now() < end; seed++) {
      await using cluster = new Cluster({
        nodes: { a: OURS, b: OURS, c: { kind: "c" } },
        group: ["include @;", `auto ${method};`],
      });
      const journal: string[] = [];
      const hosts = ["a", "b", "c"].map((node) => villager(cluster, node, journal));
      const village: Village = { hosts, journal };
      for (const node of ["a", "b", "c"]) await cluster.start(node);
      await new Commotion(village, seed).rounds(1);
      for (let round = 0; round < 4; round++) {
        for (const host of hosts) await host.sync();
      }
      const found = await silentDifferences({ journal, hosts: hosts.slice(0, 2) });
      assert.deepEqual(found, [], `seed ${seed}, auto ${method}\n${journal.join("\n")}`);
    }
  });
}
