/**
 * A disk that fails while a push of the fast dialect is under way: who is told that a file is there can
 * rely on it, the marks of all others stay, and so does what was there.
 */
import assert from "node:assert/strict";
import { fromBytes } from "../../src/model/mod.ts";
import { CutBed } from "../support/cut_bed.ts";
import { tracing } from "../support/trace.ts";

const FILES = {
  client: "inner",
  server: "inner",
  before: `mkdir d; for f in $(seq 40); do echo old $f > d/f$f; done; seq 200000 > large`,
  change: `for f in $(seq 20 60); do echo new $f > d/f$f; done; seq 200001 > large
    mkdir d/e; echo 1 > d/e/1; head -c 3000000 /dev/zero > huge`,
} as const;

/** Directories above are sent with what is below them. */
const isMarked = (marks: readonly string[], name: string) =>
  marks.some((mark) => mark === name || mark.startsWith(`${name}/`));

for (const [at, count] of [1, 3, 10, 41].entries()) {
  Deno.test(`${count} files that cannot be made durable stay marked, and old; the others arrive`, async () => {
    await using bed = await CutBed.make({ net: 90 + at, ...FILES });
    const { client, server, proxy } = bed;
    await server.start();
    proxy.arm(undefined);
    const bad = new Set(Array.from({ length: count }, (_, n) => `f${20 + n * 7 % 41}`));
    const old = server.look(), wanted = client.look(), failed = [...bad].map((name) => `d/${name}`);
    const fails = (call: string, name: string) => {
      if (call === "syncfsAside") return true; // each file is synced by itself then
      return call === "fsyncAside" && bad.has(name.split(".")[1] ?? "");
    };
    const run = () => client.run("-u");
    const { rc, stderr } = await tracing({ disk: "ext4", log: [], fails }, run);
    await server.quiet(proxy);
    assert.equal(rc, 1);
    assert.ok(fromBytes(proxy.recorded.down).includes("OK (csync3 "));
    assert.equal(stderr.match(/^ERROR: .* failed: Input\/output error/gm)?.length, failed.length);
    assert.equal(failed.length, count);
    const is = server.look(), marks = client.table("dirty");
    assert.deepEqual(marks, failed.toSorted());
    for (const [name, want] of wanted) {
      assert.deepEqual(is.get(name), isMarked(marks, name) ? old.get(name) : want, name);
    }
    for (const name of is.keys()) assert.ok(wanted.has(name), `${name} is left`);
    proxy.arm(undefined);
    assert.deepEqual(await run(), { rc: 0, stdout: "", stderr: "" });
    await server.quiet(proxy);
    assert.deepEqual(server.look(), wanted);
    assert.deepEqual(client.table("dirty"), []);
  });
}
