/**
 * Our program and Debian's csync2 sync with each other with every kind of certificate that hosts may have;
 * what can be sent is in the matrix (matrix_test.ts).
 */
import assert from "node:assert/strict";
import { Cluster, type Kind, type Security } from "../support/cluster.ts";

const BIG =
  "head -c 3000000 /dev/zero | openssl enc -aes-128-ctr -pass pass:x -pbkdf2 -nosalt 2>/dev/null";
const BEFORE = `${BIG} > mid; cp mid app; cp mid gone; echo x > small; mkdir old`;
const CHANGE = `printf 'PATCHED' | dd of=mid bs=1 seek=1500000 conv=notrunc 2>/dev/null;
  echo tail >> app; : > gone; rm small; rmdir old; mkdir -p d/e; echo one > d/e/1; chmod 2750 d;
  chown 12:34 d/e/1; : > empty; ln -s d l; ${BIG} > big; touch -d @1234567890 big`;

const PAIRS: readonly [Kind, Kind][] = [["ours", "c"], ["c", "ours"], ["ours", "ours"]];
const SECURITIES: readonly Security[] = ["plain", "rsa-v1", "rsa-v3", "p256"];

for (const security of SECURITIES) {
  for (const [from, to] of PAIRS) {
    Deno.test(`${from} -> ${to}, ${security}: new, changed, removed`, async () => {
      await using cluster = new Cluster({
        nodes: { a: { kind: from, security }, b: { kind: to, security } },
        plain: security === "plain",
      });
      for (const node of ["a", "b"]) {
        cluster.change(node, `${BEFORE}; find . -exec touch -h -d @1400000000 {} +`);
        const { rc, stderr } = await cluster.run(node, "-cIr", "@");
        assert.deepEqual({ rc, stderr }, { rc: 0, stderr: "" });
      }
      cluster.change("a", CHANGE);
      await cluster.start("b");
      const { rc, stderr } = await cluster.run("a", "-x");
      assert.deepEqual({ rc, stderr }, { rc: 0, stderr: "" });
      const time = from === "ours" && to === "ours" ? "nanos" : "seconds";
      assert.equal(cluster.dump("b", { time }), cluster.dump("a", { time }));
      const compared = await cluster.run("a", "-T");
      assert.deepEqual([compared.rc, compared.stdout, compared.stderr], [2, "", ""]);
    });
  }
}
