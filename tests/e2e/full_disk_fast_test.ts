/** A disk that fills in the middle of a push: what does not fit stays marked, and nobody else is held up. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { MountCluster } from "../support/mounts.ts";

const OURS = { kind: "ours" } as const;

/** Small files, large ones, and one that takes another content; some 40 MiB. */
const FILES = `mkdir -p d/e
  for f in $(seq 300); do head -c 3000 /dev/urandom > d/s$f; done
  for f in $(seq 30); do head -c 1000000 /dev/urandom > d/e/l$f; done
  head -c 10000000 /dev/urandom > huge; head -c 2000000 /dev/urandom > known`;

/** Files of a host, with digests. */
function contents(cluster: MountCluster, node: string): Map<string, string> {
  const text = cluster.inside(node, "find . -type f -exec md5sum {} +");
  return new Map(text.trimEnd().split("\n").map((line) => [line.slice(36), line.slice(0, 32)]));
}

function marks(cluster: MountCluster, peer: string): string[] {
  using db = new DatabaseSync(cluster.database("a"), { readOnly: true });
  const rows = db.prepare("SELECT filename FROM dirty WHERE peername = ? ORDER BY 1").all(peer);
  return rows.map(({ filename }) => String(filename).slice(cluster.mount.length + 1));
}

for (const dialect of [[], ["--classic"]]) {
  Deno.test(`a disk that fills in the middle of a push ${dialect.join("")}: nothing is lost`, async () => {
    await using cluster = await MountCluster.make({ nodes: { a: OURS, b: OURS, c: OURS } });
    cluster.inside("b", `mount -t tmpfs -o size=24m,mode=755 none '${cluster.mount}'`);
    cluster.inside("a", "echo old > known");
    for (const node of ["b", "c"]) await cluster.start(node, dialect);
    const begun = await cluster.run("a", "-x", ...dialect);
    assert.deepEqual([begun.rc, begun.stderr], [0, ""]);

    cluster.inside("a", FILES);
    const { rc, stderr } = await cluster.run("a", "-x", ...dialect);
    assert.equal(rc, 1);
    assert.match(stderr, /^ERROR: Updating \S+ on b\.demo failed: No space left on device/m);
    assert.doesNotMatch(stderr, /c\.demo/);
    const wanted = contents(cluster, "a");
    assert.deepEqual(contents(cluster, "c"), wanted, "the peer with room has everything");
    assert.deepEqual(marks(cluster, "c.demo"), []);

    const found = contents(cluster, "b"), left = new Set(marks(cluster, "b.demo"));
    assert.ok(left.size > 0 && found.size > 1, `${left.size} marks, ${found.size} files`);
    assert.ok(found.has("known"), "the file that was there");
    for (const [name, digest] of wanted) {
      const isNew = found.get(name) === digest;
      assert.ok(isNew !== left.has(name), `${name}: ${isNew ? "there" : "not there"}`);
      if (!isNew && name !== "known") assert.ok(!found.has(name), `${name} is broken`);
    }
    if (left.has("known")) assert.equal(cluster.inside("b", "cat known"), "old\n");
    assert.equal(cluster.inside("b", "find . -name '.*.*'"), "", "no temporary file is left");
    assert.equal((await cluster.run("b", "-cr", "/")).stderr, "");
    assert.equal((await cluster.run("b", "-M")).rc, 2, "b takes nothing for a change of its own");

    cluster.inside("b", `mount -o remount,size=80m '${cluster.mount}'`);
    const again = await cluster.run("a", "-u", ...dialect);
    assert.deepEqual([again.rc, again.stderr], [0, ""]);
    assert.deepEqual(contents(cluster, "b"), wanted);
    assert.deepEqual(marks(cluster, "b.demo"), []);
    assert.equal((await cluster.run("a", "-T", ...dialect)).rc, 2);
  });
}
