/** What does not travel between two hosts of ours: contents that the other one has, or has a part of. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
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

for (const [net, count, tls] of [[67, 1, false], [68, 2, true]] as const) {
  Deno.test(`${count} huge files hold up no small ones (${tls ? "TLS" : "plain"})`, async () => {
    const huge = Array.from({ length: count }, (_, n) => `a${n}`);
    await using bed = await make({
      net,
      tls,
      before: "mkdir d z; echo old > z/known",
      change: `for f in ${huge.join(" ")}; do ${noise(64 * MIB, "1")} > $f; done
        for f in $(seq 500); do echo $f > d/$f; done; mkdir z/e; echo new > z/known
        ${noise(7 * MIB, "2")} > z/e/not-huge; ln -s d z/link`,
    });
    const { server, proxy } = bed;
    await server.start();
    proxy.arm({ direction: "up", after: 24 * MIB, how: "rst" });
    // At that moment the huge ones are under way, with most of them still to come.
    let seen: string[] = [];
    proxy.onCut = () => Promise.resolve(void (seen = [...server.look().keys()]));
    assert.notEqual((await bed.client.run("-u")).rc, 0);
    await server.quiet(proxy);
    const small = [...bed.client.look().keys()].filter((name) => !huge.includes(name));
    assert.deepEqual(small.filter((name) => !seen.includes(name)), []);
    const rest = seen.filter((name) => !small.includes(name));
    assert.equal(rest.length, count, `temporary files: ${rest}`);
    for (const [n, name] of rest.toSorted().entries()) assert.ok(name.startsWith(`.a${n}.`), name);
    assert.deepEqual(bed.client.table("dirty"), huge, "of the small ones no mark is left");
    await push(bed);
    assertEqual(bed);
  });
}

/** Three islands of 3 MiB, and nothing behind the last one. */
const ISLANDS = `truncate -s 64M sparse; for at in 1 20 41; do ${noise(3 * MIB, "$at")} |
  dd of=sparse bs=1M seek=$at conv=notrunc status=none; done`;

function assertSparse(bed: CutBed): void {
  assertEqual(bed);
  const { size, blocks } = Deno.statSync(`${bed.server.tree}/sparse`);
  assert.equal(size, 64 * MIB);
  assert.ok(blocks! * 512 < 11 * MIB, `${blocks} blocks`);
}

Deno.test("a sparse file stays sparse: new, changed, and where a connection broke", async () => {
  await using bed = await make({ net: 69, before: "mkdir d", change: ISLANDS });
  const { client, server, proxy } = bed;
  await server.start();
  proxy.arm({ direction: "up", after: 7 * MIB, how: "rst" });
  assert.notEqual((await client.run("-u")).rc, 0);
  await server.quiet(proxy);
  const { up } = await push(bed);
  assert.ok(up < 8 * MIB, `${up} bytes`);
  assertSparse(bed);
  for (
    const change of [
      "printf x | dd of=sparse bs=1M seek=50 conv=notrunc status=none",
      `${noise(MIB, "7")} | dd of=sparse bs=1M seek=30 conv=notrunc status=none`,
      `fallocate -p -o 20M -l 3M sparse; truncate -s 60M sparse; truncate -s 64M sparse`,
      `rm sparse; ${ISLANDS}`,
    ]
  ) {
    sh(`cd "$1"; ${change}`, client.tree);
    assert.equal((await client.run("-cr", "/")).rc, 0);
    await push(bed);
    assertSparse(bed);
  }
});

Deno.test("copied files are made from those that the peer has: with their time, without, a directory", async () => {
  await using bed = await make({
    net: 70,
    before: `mkdir d; for f in 1 2 3 4 5 6; do ${noise(2 * MIB, "$f")} > d/$f; done
      ${noise(20 * MIB, "20")} > large; ${noise(MIB, "21")} > changed-there`,
    change: `cp -a large with-time; cp large d/without; cp -a d copied; cp d/3 three
      cp -a changed-there fallen-back; { head -c 1M d/1; tail -c 1M d/2; } > d/both`,
    unknown: "echo other > changed-there; touch -d @1500000000 changed-there",
  });
  const { up, down } = await push(bed);
  // d/both and fallen-back, and the digests of what is like them.
  assert.ok(up > 3 * MIB && up + down < 4 * MIB, `${up} and ${down} bytes`);
  for (const name of ["with-time", "d/without", "copied/6", "fallen-back", "d/both"]) {
    sh('cmp "$1/$3" "$2/$3"', bed.client.tree, bed.server.tree, name);
  }
  assert.deepEqual(bed.client.table("dirty"), []);
  sh('cd "$1"; cp -a "$2/changed-there" .', bed.server.tree, bed.client.tree);
  assertEqual(bed);
});

for (const [net, hours] of [[71, 23], [72, 25]] as const) {
  const isKept = hours < 24;
  Deno.test(`what a broken transfer has left is ${isKept ? "used" : "gone"} after ${hours} hours`, async () => {
    await using bed = await make({
      net,
      before: "mkdir d",
      change: `${noise(32 * MIB, "1")} > d/f`,
    });
    const { client, server, proxy } = bed;
    await server.start();
    proxy.arm({ direction: "up", after: 20 * MIB, how: "rst" });
    assert.notEqual((await client.run("-u")).rc, 0);
    await server.quiet(proxy);
    await server.stop();
    const temps = () => [...server.look().keys()].filter((name) => /^d\/\.f\./.test(name));
    assert.equal(temps().length, 1);
    {
      using db = new DatabaseSync(`${server.base}/db/${server.host}.db3`);
      const note = "FROM csync3_note WHERE name = 'partials'";
      const text = String(db.prepare(`SELECT value ${note}`).get()!.value);
      const [, names, rest] = /^(\S+ \S+) \d+(.*)$/.exec(text)!;
      const since = Date.now() - hours * 3_600_000;
      db.prepare("UPDATE csync3_note SET value = ? WHERE name = 'partials'")
        .run(`${names} ${since}${rest}`);
    }
    await server.start();
    proxy.arm(undefined);
    assert.equal((await client.run("-T")).rc, 0, "d/f is missing there");
    await server.quiet(proxy);
    assert.equal(temps().length, isKept ? 1 : 0);
    const { up } = await push(bed);
    assert.ok(isKept ? up < 20 * MIB : up > 32 * MIB, `${up} bytes`);
    assertEqual(bed);
  });
}

for (
  const [net, how] of [[75, "touch big"], [
    76,
    "printf x | dd of=big conv=notrunc status=none",
  ]] as const
) {
  const isSame = how.startsWith("touch");
  Deno.test(`a large file of another time is ${isSame ? "not " : ""}replaced after ${how}`, async () => {
    await using bed = await make({
      net,
      before: `${noise(20 * MIB, "1")} > big; touch -d '2020-01-01 00:00:00.5' big`,
      change: how,
    });
    const inode = () => sh('stat -c %i "$1"', `${bed.server.tree}/big`);
    const before = inode();
    const { up, down } = await push(bed);
    assert.ok(up + down < MIB, `${up} and ${down} bytes`);
    assert.equal(inode() === before, isSame);
    assertEqual(bed);
  });
}
