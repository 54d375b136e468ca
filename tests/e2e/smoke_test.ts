/**
 * A sync between two hosts with the program as an operator has it: from source, or the binary that
 * CSYNC2_OURS names. CSYNC2_SMOKE chooses `plain` or `tls`; both without.
 */
import assert from "node:assert/strict";
import { ourWords } from "../support/program.ts";
import { Cluster } from "../support/cluster.ts";

const chosen = Deno.env.get("CSYNC2_SMOKE");
const kinds = chosen === undefined ? ["plain", "tls"] : [chosen];

for (const kind of kinds) {
  Deno.test(`smoke: two hosts, ${kind}`, async () => {
    await using cluster = new Cluster({
      nodes: { a: { kind: "ours" }, b: { kind: "ours" } },
      plain: kind === "plain",
    });
    cluster.change("a", "mkdir d; echo one > d/1; head -c 500000 /dev/urandom > big; ln -s d l");
    await cluster.start("b");
    const first = await cluster.run("a", "-x");
    assert.deepEqual([first.rc, first.stdout, first.stderr], [0, "", ""]);
    cluster.change("a", "echo more >> big; rm d/1");
    const second = await cluster.run("a", "-x");
    assert.deepEqual([second.rc, second.stdout, second.stderr], [0, "", ""]);
    assert.equal(cluster.dump("b", { time: "nanos" }), cluster.dump("a", { time: "nanos" }));
    assert.equal((await cluster.run("a", "-T")).rc, 2);
  });
}

Deno.test("smoke: --version says who we are", () => {
  const [program, ...args] = ourWords();
  const { code, stdout } = new Deno.Command(program!, { args: [...args, "--version"] })
    .outputSync();
  assert.equal(code, 0);
  assert.match(new TextDecoder().decode(stdout), /^csync2 \d+\.\d+\.\d+\n$/);
});
