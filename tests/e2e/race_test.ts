/** A local user changes directories into links and back while a peer pushes: nothing outside ever changes. */
import assert from "node:assert/strict";
import { Cluster, KEY } from "../support/cluster.ts";
import { member } from "../support/raw_peer.ts";
import { ROOT } from "../support/program.ts";
import { literal } from "../support/serving.ts";

const SECONDS = Number(Deno.env.get("CSYNC2_RACE_SECONDS") ?? "3");
const OURS = { kind: "ours" } as const;

/** Everything about what is outside, times of change included. */
function facts(outside: string): string {
  const script = `find "$1" -printf '%y %m %U:%G %s %T@ %C@ %n %p %l\\n' | sort; cat "$1"/*/*`;
  const { stdout } = new Deno.Command("/bin/sh", { args: ["-c", script, "sh", outside] })
    .outputSync();
  return new TextDecoder().decode(stdout);
}

Deno.test("W 20.17 nothing outside changes while directories and links take turns", async () => {
  await using cluster = new Cluster({
    nodes: { a: OURS, b: OURS },
    group: ["include @;", "backup-directory $NODE/backup;", "backup-generations 3;"],
  });
  const outside = `${cluster.base}/outside`;
  cluster.change(
    "b",
    `mkdir -p ${outside}/d ${outside}/e d e; echo out > ${outside}/d/f; echo out > ${outside}/e/g
     echo in > d/f; ln -s ${outside}/d d2; echo in > e/g; ln -s ${outside}/e/g e/g2; ln -s ${outside}/d e/h; mkdir e/h2`,
  );
  const before = facts(outside);
  assert.match(before, /out/);
  assert.equal((await cluster.run("b", "-cIr", "/")).rc, 0);
  await cluster.start("b");
  const flipper = (dir: string, ...names: string[]) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", `${ROOT}tests/support/programs/flipper.ts`, dir, ...names],
      stdin: "piped",
    }).spawn();
  const users = [
    flipper(cluster.tree("b"), "d", "d2"),
    flipper(`${cluster.tree("b")}/e`, "g", "g2", "h", "h2"),
  ];
  const end = performance.now() + SECONDS * 1_000;
  let count = 0, done = 0;
  const push = async (names: string[]) => {
    await using typist = await member(cluster);
    const tell = (reply: string | undefined) => {
      assert.ok(reply !== undefined, "the connection ended");
      count++;
      if (reply.startsWith("OK")) done++;
    };
    while (performance.now() < end) {
      for (const name of names.map((n) => `${cluster.mount}/${n}`)) {
        tell(await typist.ask(`FLUSH ${KEY} ${name}`));
        tell(await typist.patch(name, literal("pushed")));
        for (
          const rest of [
            `SETOWN ${KEY} ${name} 7 7`,
            `SETMOD ${KEY} ${name} 511`,
            `SETIME ${KEY} ${name} 7`,
          ]
        ) {
          tell(await typist.ask(rest));
        }
        tell(await typist.patch(name, literal("again"), " 8 8 33261 1000000000000"));
        tell(await typist.ask(`MKDIR ${KEY} ${name}.d 9 9 16895 5`));
        tell(await typist.ask(`MKLINK ${KEY} ${name}.l ${outside}/d`));
        for (const leaf of [name, `${name}.d`, `${name}.l`]) {
          tell(await typist.ask(`DEL ${KEY} ${leaf}`));
        }
      }
    }
  };
  try {
    await Promise.all([
      push(["d/f", "d/new"]),
      push(["e/g", "e/h/f"]),
      push(["d2/f", "e/h2/f", "e/h"]),
    ]);
  } finally {
    for (const user of users) {
      await user.stdin.close();
      await user.status;
    }
  }
  assert.ok(done > 20 && done < count, `${done} of ${count}`);
  assert.equal(facts(outside), before);
});
