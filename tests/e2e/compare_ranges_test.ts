/** `-T` between two hosts of ours, with a proxy that counts the bytes between them. */
import assert from "node:assert/strict";
import { CutBed } from "../support/cut_bed.ts";
import type { Ran } from "../support/cluster.ts";

const FILES = 20_000;

/** Directories of 100 files, `d100` and so on. */
function directories(count: number): string {
  return `i=0; while [ $i -lt ${count} ]; do d=d$((100 + i)); i=$((i + 1)); mkdir $d
    (cd $d; seq -f 'file-%g.dat' 1 100 | xargs touch); done`;
}

const BYTES_MAX = 65_536;

interface Compared extends Ran {
  /** Both directions. */
  readonly bytes: number;
}

async function compare(bed: CutBed, ...args: string[]): Promise<Compared> {
  await bed.server.start();
  bed.proxy.arm(undefined);
  const ran = await bed.client.run(...args);
  await bed.server.quiet(bed.proxy);
  const { up, down } = bed.proxy.recorded;
  return { ...ran, bytes: up.length + down.length };
}

async function changed(bed: CutBed, what: string): Promise<void> {
  await new Deno.Command("sh", { args: ["-ec", what], cwd: bed.server.tree }).output();
  const { rc, stderr } = await bed.server.run("-cIr", "/");
  assert.deepEqual([rc, stderr], [0, ""]);
}

for (const [net, tls] of [[50, false], [51, true]] as const) {
  Deno.test(`-T of ${FILES} files that are equal costs kilobytes, and some more to find one that differs (${tls ? "TLS" : "plain"})`, async () => {
    const nodes = { client: "inner", server: "inner" } as const;
    await using bed = await CutBed.make({
      ...nodes,
      tls,
      net,
      before: directories(FILES / 100),
      change: "true",
    });
    const equal = await compare(bed, "-T");
    assert.deepEqual([equal.rc, equal.stdout, equal.stderr], [2, "", ""]);
    assert.ok(equal.bytes < BYTES_MAX, `${equal.bytes} bytes`);

    await changed(bed, "echo changed > d222/file-50.dat");
    const [client, server] = [bed.client.host, bed.server.host];
    const row = `X\t${client}\t${server}\t%tree%/d222/file-50.dat\n`;
    const one = await compare(bed, "-T");
    assert.deepEqual([one.rc, one.stdout, one.stderr], [0, row, ""]);
    assert.ok(one.bytes < BYTES_MAX, `${one.bytes} bytes`);
    // The whole list is something else: so the proxy does count.
    const whole = await compare(bed, "--classic", "-T");
    assert.deepEqual([whole.rc, whole.stdout, whole.stderr], [0, row, ""]);
    assert.ok(whole.bytes > 20 * BYTES_MAX, `${whole.bytes} bytes`);
  });
}

Deno.test("-T, -TT and -TI find over ranges what they find over a whole list", async () => {
  const nodes = { client: "inner", server: "inner" } as const;
  const before = `${directories(50)}; ln -s x link; mkdir 'e f'; echo 1 > 'e f/g%h'`;
  await using bed = await CutBed.make({ ...nodes, net: 52, before, change: "true" });
  const { client, server } = bed;
  /** The same in both dialects, from the same start. */
  const both = async (args: readonly string[], what: string): Promise<Compared> => {
    const results: { ran: Compared; marks: readonly string[] }[] = [];
    for (const dialect of [["--classic"], []]) {
      await bed.reset();
      await changed(bed, what);
      const ran = await compare(bed, ...dialect, ...args);
      results.push({ ran, marks: client.table("dirty") });
    }
    const [listed, ranged] = results as [typeof results[0], typeof results[0]];
    const { rc, stdout, stderr } = listed.ran;
    assert.deepEqual([ranged.ran.rc, ranged.ran.stdout, ranged.ran.stderr], [rc, stdout, stderr]);
    assert.deepEqual(ranged.marks, listed.marks);
    return ranged.ran;
  };
  const many = `rm -r d100 d149; mkdir a zz; touch a/new zz/new d130/file-0.dat; ln -sfn y link
    for i in 1 2 3 4; do echo "$i" > d1"$i"2/file-7.dat; rm d1"$i"0/file-99.dat; done
    echo 2 > 'e f/g%h'; chmod 600 d128/*; chown 12 d129`;
  const rows = (await both(["-T"], many)).stdout.split("\n").length - 1;
  assert.equal(rows, 2 * 101 + 2 * 2 + 1 + 1 + 4 + 4 + 1 + 100 + 1);
  const pair = [client.host, server.host];
  assert.equal((await both(["-T", ...pair], "rm d123/file-9.dat")).rc, 0);
  assert.equal((await both(["-T", ...pair, `${client.tree}/link`], many)).rc, 0);
  assert.equal((await both(["-T", ...pair, `${client.tree}/e f`], many)).rc, 2);
  const few = "rm d120/file-1.dat; echo 2 > 'e f/g%h'; touch d111/new";
  const shown = await both(["-TT"], few);
  assert.match(shown.stdout, /^-2\n\+1$/m);
  assert.equal((await both(["-TIX"], few)).rc, 0);
  assert.deepEqual(client.table("dirty"), ["d111/new", "d120/file-1.dat", "e f/g%h"]);
});
