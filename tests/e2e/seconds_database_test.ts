/**
 * Databases that the C program made have times in seconds, which prove nothing: what they are about is
 * compared by content, once, and nothing that is equal is sent.
 */
import assert from "node:assert/strict";
import { Cluster, type Kind, type Ran } from "../support/cluster.ts";

const OURS = { kind: "ours" } as const;
const QUIET: Ran = { rc: 0, stdout: "", stderr: "" };

/** Files with and without a fraction of a second in their time, small and large, and what is no file. */
const SAME = `mkdir -p d/e; for f in 1 2 3 4 5; do echo $f > d/$f; echo $f > d/e/$f; done
  seq 300000 > large; seq 20000 > middle; : > empty; ln -s d link; mkfifo pipe
  find . -exec touch -h -d @1400000000.123456789 {} +; touch -d @1400000001 d/1 d/e/1 middle`;
/** As long as those of the other host, and of the same second. */
const OTHERS = ["fraction", "nanosecond", "seconds"];
const other = (content: string, fraction: string) =>
  `for f in ${OTHERS.join(" ")}; do echo ${content} > $f; done
   touch -d @1500000000${fraction} fraction; touch -d @1500000000.5 nanosecond
   touch -d @1500000000 seconds; touch -d @1400000000 .`;

/** Names that were pushed and not found equal. */
function sent(cluster: Cluster, { stderr }: Ran): string[] {
  const lines = stderr.split("\n").filter((line) => !/^(?:Local|Peer)> /.test(line));
  return lines.flatMap((line, n) => {
    const [, name] = /^Updating (\S+) on b\.demo \.\.\.$/.exec(line) ?? [];
    const isEqual = lines[n + 1] === "File is already up to date on peer.";
    return name === undefined || isEqual ? [] : [name.slice(cluster.mount.length + 1)];
  });
}

/** Bytes of frames that have contents in them. */
function contentBytes({ stderr }: Ran): number {
  const frames = [...stderr.matchAll(/^Local> (?:PUTS?|DATA) .*\((\d+) bytes\)$/gm)];
  return frames.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
}

/** Names that were compared by their digests. */
function digested(cluster: Cluster, { stderr }: Ran): string[] {
  const frames = [...stderr.matchAll(/^Local> DIGEST \d+ (\S+) /gm)];
  return frames.map(([, name]) => name!.slice(cluster.mount.length + 1)).toSorted();
}

for (const [a, b] of [["c", "c"], ["c", "ours"], ["ours", "c"]] as readonly [Kind, Kind][]) {
  Deno.test(`databases made by ${a} (sender) and ${b}: all marks settle, equal contents are not sent`, async () => {
    await using cluster = new Cluster({ nodes: { a: OURS, b: OURS }, logs: true });
    for (
      const [node, kind, content, fraction] of [["a", a, "aaa", ".25"], [
        "b",
        b,
        "bbb",
        ".75",
      ]] as const
    ) {
      cluster.change(node, `${SAME}\n${other(content, fraction)}`);
      assert.deepEqual(await cluster.runAs(kind, node, "-cIr", "/"), QUIET);
    }
    await cluster.start("b");
    assert.deepEqual(await cluster.run("a", "-mr", "@"), QUIET);
    const pushed = await cluster.run("a", "-u", "-vvv");
    assert.equal(pushed.rc, 0, pushed.stderr);
    assert.deepEqual(sent(cluster, pushed), OTHERS);
    assert.ok(contentBytes(pushed) < 1_000, pushed.stderr);
    assert.ok(digested(cluster, pushed).includes("large"));
    assert.equal(cluster.dump("b", { time: "nanos" }), cluster.dump("a", { time: "nanos" }));
    for (const node of ["a", "b"]) assert.equal((await cluster.run(node, "-M")).rc, 2);
    assert.equal((await cluster.run("a", "-T")).rc, 2);

    for (const node of ["a", "b"]) assert.deepEqual(await cluster.run(node, "-cr", "/"), QUIET);
    assert.deepEqual(await cluster.run("a", "-mr", "@"), QUIET);
    const again = await cluster.run("a", "-u", "-vvv");
    assert.deepEqual([again.rc, sent(cluster, again)], [0, []]);
    // Records have all of the time now; what is in whole seconds may still be a C program's.
    assert.deepEqual(digested(cluster, again), ["d/1", "d/e/1", "middle", "seconds"]);
    for (const node of ["a", "b"]) assert.equal((await cluster.run(node, "-M")).rc, 2);
  });
}
