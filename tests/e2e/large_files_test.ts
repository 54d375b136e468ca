/** What does not travel between two hosts of ours: contents that the other one has, or has a part of. */
import assert from "node:assert/strict";
import { CutBed, type CutBedOptions, sh } from "../support/cut_bed.ts";
import type { How } from "../support/cut_proxy.ts";

const MIB = 1_048_576;
const OURS = { client: "inner", server: "inner" } as const;

/** Prints `bytes` that look random and are the same on both hosts. */
const noise = (bytes: number, seed: string) =>
  `openssl enc -aes-128-ctr -K ${seed} -iv 0 -in /dev/zero 2>/dev/null | head -c ${bytes}`;

type Change = Omit<CutBedOptions, "client" | "server">;

/** @returns bytes from the client, and from the server */
async function push(bed: CutBed, ...args: string[]): Promise<{ up: number; down: number }> {
  await bed.server.start();
  bed.proxy.arm(undefined);
  const { rc, stderr } = await bed.client.run(...args, "-u");
  await bed.server.quiet(bed.proxy);
  assert.deepEqual([rc, stderr], [0, ""]);
  const { up, down } = bed.proxy.recorded;
  return { up: up.length, down: down.length };
}

/** Names, modes and contents; times of files. */
const tree = (dir: string) =>
  sh(
    `cd "$1"; find . -type d -printf '%p %m\\n' | sort; find . -type f -printf '%p %m %T@\\n' | sort
     find . -type f -exec md5sum {} + | sort`,
    dir,
  );

function assertEqual(bed: CutBed): void {
  assert.equal(tree(bed.server.tree), tree(bed.client.tree));
  assert.deepEqual(bed.client.table("dirty"), []);
  assert.equal(sh('find "$1" -name ".*.*"', bed.server.tree), "");
}

const make = (change: Change) => CutBed.make({ ...OURS, ...change });

// All have one size and one time: only their names tell which is which.
for (const [net, tls, count] of [[60, false, 10_240], [61, true, 1_024]] as const) {
  Deno.test(`a renamed directory of ${count} files sends no content (${tls ? "TLS" : "plain"})`, async () => {
    const bytes = count * 4_096;
    await using bed = await make({
      net,
      tls,
      before: `mkdir -p old/x; ${noise(bytes, "1")} | split -b 4096 -a 4 - old/x/f`,
      change: "mv old new",
    });
    const { up, down } = await push(bed);
    assert.ok(up + down < bytes / 5, `${up} and ${down} bytes`);
    assert.ok(up > 100 * count, `${up} bytes: the proxy does not count`);
    assertEqual(bed);
  });
}

Deno.test("a file that was moved and changed is sent, and those beside it are not", async () => {
  await using bed = await make({
    net: 62,
    before: `mkdir a; for f in 1 2 3; do ${noise(2 * MIB, "$f")} > a/$f; done`,
    change: `mkdir b; mv a/* b; ${noise(2 * MIB, "9")} > b/2; touch -d @1400000000 b/2`,
  });
  const { up } = await push(bed);
  assert.ok(up > 2 * MIB && up < 2.5 * MIB, `${up} bytes`);
  assertEqual(bed);
});

const CUTS: readonly (readonly [number, How, boolean])[] = [
  [63, "rst", false],
  [64, "fin", false],
  [65, "rst", true],
];
for (const [net, how, tls] of CUTS) {
  Deno.test(`a new file of 64 MiB goes on after a ${how} in its middle (${tls ? "TLS" : "plain"})`, async () => {
    await using bed = await make({
      net,
      tls,
      before: "mkdir d",
      change: `${noise(64 * MIB, "1")} > d/big`,
    });
    await bed.server.start();
    bed.proxy.arm({ direction: "up", after: 40 * MIB, how });
    const { rc } = await bed.client.run("-u");
    assert.notEqual(rc, 0);
    assert.ok(bed.proxy.isCut);
    await bed.server.quiet(bed.proxy);
    const { up } = await push(bed);
    // What was on its way when the connection broke is sent again: credit, sockets, a buffer.
    assert.ok(up > 20 * MIB && up < 36 * MIB, `${up} bytes`);
    assertEqual(bed);
  });
}

Deno.test("a large file with edits goes on where the connection broke, and sends little in all", async () => {
  await using bed = await make({
    net: 66,
    before: `${noise(64 * MIB, "1")} > big`,
    change: `for at in 5 30 60; do ${noise(2 * MIB, "$at")} |
      dd of=big bs=1M seek=$at conv=notrunc status=none; done`,
  });
  await bed.server.start();
  bed.proxy.arm({ direction: "up", after: 3 * MIB, how: "rst" });
  await bed.client.run("-u");
  await bed.server.quiet(bed.proxy);
  const { up } = await push(bed);
  assert.ok(up < 7 * MIB, `${up} bytes`);
  assertEqual(bed);
});
