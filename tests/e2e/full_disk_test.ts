/** What a delta makes of a file never fills the disk (W 20.3): it is refused, and all stays as it was. */
import assert from "node:assert/strict";
import { MountCluster } from "../support/mounts.ts";

const OURS = { kind: "ours" } as const;
const MEBI = 1_048_576;

/** `b` has a disk of 16 MiB with 4 MiB of noise in `f`, which `a` has too. */
async function begin(): Promise<MountCluster> {
  const cluster = await MountCluster.make({ nodes: { a: OURS, b: OURS } });
  cluster.inside("b", `mount -t tmpfs -o size=16m,mode=755 none '${cluster.mount}'`);
  cluster.inside("a", "head -c 4194304 /dev/urandom > f");
  await cluster.start("b");
  const { rc, stderr } = await cluster.run("a", "-x");
  assert.deepEqual([rc, stderr], [0, ""]);
  return cluster;
}

function free(cluster: MountCluster): number {
  return Number(cluster.inside("b", "df -B1 --output=avail . | tail -n 1"));
}

for (
  const [what, change] of [
    ["a small delta that copies the old file eight times", "cat f f f f f f f f > g; mv g f"],
    ["new content", "head -c 33554432 /dev/urandom > f"],
    ["a new file", "head -c 33554432 /dev/urandom > new; rm f; head -c 4194304 new > f"],
    ["what would fit without the reserve", "head -c 12558000 /dev/urandom > f"],
  ] as const
) {
  Deno.test(`W 20.3 ${what} does not fill the disk of the receiver`, async () => {
    await using cluster = await begin();
    const before = cluster.inside("b", "md5sum f");
    const room = free(cluster);
    assert.ok(room > 11.9 * MEBI && room < 12.1 * MEBI, `${room}`);
    cluster.inside("a", change);
    const { rc, stderr } = await cluster.run("a", "-x");
    assert.equal(rc, 1);
    assert.match(stderr, /failed: No space left on device/);
    const marked = (await cluster.run("a", "-M")).stdout;
    assert.match(marked, what === "a new file" ? /\/new\n/ : /\/f\n/);
    if (what !== "a new file") assert.equal(cluster.inside("b", "md5sum f"), before);
    assert.deepEqual(cluster.files("b"), ["f"], "no temporary file is left");
    assert.equal(free(cluster), room);
    // The connection and the server are well: what fits goes there.
    cluster.inside("a", "rm -f new; echo small > f");
    assert.equal((await cluster.run("a", "-x")).rc, 0);
    assert.equal(cluster.inside("b", "cat f"), "small\n");
  });
}
