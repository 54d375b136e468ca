import assert from "node:assert/strict";
import { brokenConnection, FakePeer, markFor } from "../../tests/support/fake_peer.ts";
import { Bed } from "../../tests/support/journey_bed.ts";
import { RangedPeer, type RangedPeerOptions } from "../../tests/support/ranged_peer.ts";
import { directory, fifo, link } from "../../tests/support/tree.ts";
import { type DbName, failed, type HostName, percentEncode, storedInUnit } from "../model/mod.ts";
import type { ListedRow } from "../protocol/mod.ts";
import { MemoryReporter } from "../report/mod.ts";
import { compare, type CompareOptions } from "./compare.ts";

const THREE = "group g { host a.demo b.demo c.demo; key k; include %p%; } prefix p { on *: @/a; }";
const TWO = THREE.replace(" c.demo", "");
const SPEC = {
  "a/": directory(),
  "a/x/": directory(),
  "a/x/1.txt": { data: "local\n", mtime: 100_000_000_000n },
  "a/x/2.txt": "two\n",
  "a/only_a": "a\n",
};
const DIR = "v1:mode=16877:uid=0:gid=0:type=dir";
const file = (mtime: string, size: number) =>
  `v1:mtime=${mtime}:mode=33188:uid=0:gid=0:type=reg:size=${size}`;
const row = (name: string, checkText: string): ListedRow => ({
  key: percentEncode(name),
  stored: percentEncode(checkText),
});
const THEIRS = [
  row("%p%", DIR),
  row("%p%/only_b", file("1000000000", 2)),
  row("%p%/x", DIR),
  row("%p%/x/1.txt", file("200", 7)),
];
const CONTENTS = { "%p%/x/1.txt": "remote\n", "%p%/only_b": "b\n" };

class CompareBed extends Bed {
  readonly logs: string[][] = [];
  /** What the peers are. */
  Peer: new (options: RangedPeerOptions) => FakePeer = FakePeer;

  /** Runs with a fresh fake peer per connection; undefined: it cannot be dialled. */
  async compare(
    options: Partial<CompareOptions> = {},
    peers: Record<string, RangedPeerOptions> = { "b.demo": { rows: THEIRS, contents: CONTENTS } },
  ): Promise<{ found: number; printed: string[] }> {
    this.reporter = new MemoryReporter();
    const { config, state, jail, reporter } = this;
    const dial = (name: HostName) => {
      const made = peers[name];
      const peer = made && new this.Peer(made);
      if (peer !== undefined) this.logs.push(peer.log);
      return Promise.resolve(peer);
    };
    const found = await compare({ config, state, jail, reporter, dial, ...options });
    return { found, printed: reporter.printed };
  }
}

async function initialised(text = TWO, spec: Record<string, unknown> = SPEC): Promise<CompareBed> {
  const bed = new CompareBed(text, spec as never);
  await bed.check({ init: true });
  return bed;
}

const ROWS = [
  "L\ta.demo\tb.demo\t%p%/only_a",
  "R\ta.demo\tb.demo\t%p%/only_b",
  "X\ta.demo\tb.demo\t%p%/x/1.txt",
  "L\ta.demo\tb.demo\t%p%/x/2.txt",
];
const PAIR = { myName: "a.demo", peer: "b.demo" };

Deno.test("compare() prints what is here only, there only and different", async () => {
  await using bed = await initialised();
  assert.deepEqual(await bed.compare(), { found: 4, printed: ROWS });
  assert.deepEqual(bed.logs[0], ["HELLO a.demo", "LIST b.demo - 1"]);
  assert.deepEqual(bed.lines(), ["Running in-sync check for a.demo <-> b.demo."]);
  assert.deepEqual(await bed.compare({ pair: PAIR }), { found: 4, printed: ROWS });
  assert.deepEqual(await bed.dirty(), []);
});

Deno.test("compare() of one file never looks below it", async () => {
  await using bed = await initialised();
  const one = await bed.compare({ file: bed.path("a/x/1.txt") });
  assert.deepEqual(one, { found: 1, printed: [ROWS[2]] });
  for (const path of ["a/x", "a/none", "b"]) {
    assert.deepEqual(await bed.compare({ file: bed.path(path) }), { found: 0, printed: [] });
    assert.equal(bed.reporter.errors, 0);
  }
  assert.deepEqual(await bed.compare({ pair: PAIR, file: bed.path("a/only_a") }), {
    found: 1,
    printed: [ROWS[0]],
  });
});

Deno.test("compare() of pairs that are not configured is an error, names with case", async () => {
  await using bed = await initialised();
  for (const [myName, peer] of [["b.demo", "a.demo"], ["a.demo", "zz"], ["A.DEMO", "b.demo"]]) {
    const { found } = await bed.compare({ pair: { myName: myName!, peer: peer! } });
    assert.equal(found, 0);
    assert.deepEqual(bed.lines(), ["Host pair not found in configuration."]);
    assert.equal(bed.reporter.errors, 1);
  }
  await bed.compare({
    pair: { myName: "a.demo", peer: "zz" },
    file: bed.path("a/x"),
    contents: true,
  });
  assert.deepEqual(bed.lines(), ["Host pair + file not found in configuration."]);
  await bed.compare({ file: bed.path("b"), contents: true });
  assert.deepEqual(bed.lines(), ["Host pair + file not found in configuration."]);
});

Deno.test("D 7.4.12 compare() goes on with the next pair after one that fails", async () => {
  await using bed = await initialised(THREE);
  const b = { rows: THEIRS, contents: CONTENTS };
  const broken = {
    instead: (request: string) => {
      if (request.startsWith("LIST")) throw brokenConnection();
    },
  };
  const refusing = { instead: () => failed("Identification failed!") };
  for (
    const [c, errors, text] of [
      [undefined, 0, undefined], // reported by dial
      [broken, 1, "ERROR: Connection to c.demo lost: Cannot read: Connection reset by peer"],
      [refusing, 1, "ERROR: remote host c.demo did not accept my identification."],
    ] as const
  ) {
    const { printed } = await bed.compare({}, { "b.demo": b, ...(c && { "c.demo": c }) });
    assert.deepEqual(printed, ROWS);
    assert.equal(bed.reporter.errors, errors);
    assert.deepEqual(bed.lines(0), text === undefined ? [] : [text]);
  }
});

Deno.test("D 7.4.4 compare() compares in the order of encoded names", async () => {
  await using bed = await initialised(TWO, { "a/": directory(), "a/f!": "", "a/f b": "" });
  const { printed } = await bed.compare({}, {
    "b.demo": { rows: [row("%p%", DIR), row("%p%/f b", file("1000000000", 0))] },
  });
  assert.deepEqual(printed, ["L\ta.demo\tb.demo\t%p%/f!"]);
});

Deno.test("compare() takes a listing out of order for an error of the peer", async () => {
  await using bed = await initialised();
  await bed.compare({}, { "b.demo": { rows: THEIRS.toReversed() } });
  assert.equal(bed.reporter.errors, 1);
  assert.match(bed.lines(0)[0]!, /not in order/);
});

Deno.test("compare() compares times in seconds when one side has seconds (W 18.4)", async () => {
  await using bed = await initialised(TWO, {
    "a/": directory(),
    "a/f": { data: "", mtime: 1_500_000_000_000_000_007n },
  });
  for (
    const [mtime, found] of [
      ["1500000000", 0],
      ["1500000000999999999", 0],
      ["1500000001000000000", 1],
      ["1500000001", 1],
    ] as const
  ) {
    const rows = [row("%p%", DIR), row("%p%/f", file(mtime, 0))];
    assert.equal((await bed.compare({}, { "b.demo": { rows } })).found, found, mtime);
  }
});

Deno.test("compare() with -I marks what is found, as -X, -U and -F say", async () => {
  const names = ["%p%/only_a", "%p%/x/1.txt", "%p%/x/2.txt"];
  const withRemoval = ["%p%/only_a", "%p%/only_b", "%p%/x/1.txt", "%p%/x/2.txt"];
  for (
    const [mark, wanted, peers, flag] of [
      [{}, names, ["b", "c"], ""],
      [{ removals: true }, withRemoval, ["b", "c"], ""],
      [{ onlyThisPeer: true }, names, ["b"], ""],
      [{ removals: true, onlyThisPeer: true, forced: true }, withRemoval, ["b"], "!"],
    ] as const
  ) {
    for (const contents of [false, true]) {
      await using bed = await initialised(THREE);
      await bed.compare({ pair: PAIR, mark, contents });
      assert.deepEqual(
        await bed.dirty(),
        wanted.flatMap((name) => peers.map((peer) => `${flag}${name} -> ${peer}.demo`)),
      );
    }
  }
});

Deno.test("compare() with -I marks what it has printed when the peer breaks off", async () => {
  await using bed = await initialised();
  const rows = [THEIRS[0]!, row("%p%/only_c", DIR), row("%p%/only_b", DIR)];
  const { printed } = await bed.compare({ mark: { removals: true } }, { "b.demo": { rows } });
  assert.deepEqual(printed, [ROWS[0], "R\ta.demo\tb.demo\t%p%/only_c"]);
  assert.equal(bed.reporter.errors, 1);
  assert.deepEqual(await bed.dirty(), ["%p%/only_a -> b.demo", "%p%/only_c -> b.demo"]);
});

Deno.test("compare() with -I schedules the local actions of what it marks", async () => {
  await using bed = await initialised();
  await bed.compare({
    mark: { actionsFor: (name) => [{ name, command: "c", logfile: "/l" }] },
  });
  assert.equal((await bed.state.actions()).length, 3);
});

Deno.test("compare() shows contents in the reverse order of the rows (D 4.5)", async () => {
  await using bed = await initialised();
  const { found, printed } = await bed.compare({ contents: true });
  assert.equal(found, 4);
  assert.deepEqual(printed, [
    "--- b.demo:%p%/x/2.txt",
    "+++ a.demo:%p%/x/2.txt",
    "@@ -0,0 +1 @@",
    "+two",
    "--- b.demo:%p%/x/1.txt",
    "+++ a.demo:%p%/x/1.txt",
    "@@ -1 +1 @@",
    "-remote",
    "+local",
    "--- b.demo:%p%/only_b",
    "+++ a.demo:%p%/only_b",
    "@@ -1 +0,0 @@",
    "-b",
    "--- b.demo:%p%/only_a",
    "+++ a.demo:%p%/only_a",
    "@@ -0,0 +1 @@",
    "+a",
  ]);
  for (const log of bed.logs.slice(1)) {
    assert.deepEqual(log.map((line) => line.split(" ")[0]), ["HELLO", "SIG", "TYPE"]);
  }
});

Deno.test("D 7.4.2 contents of one file count as different or in sync, as -T", async () => {
  await using bed = await initialised();
  const file = bed.path("a/x/1.txt");
  assert.equal((await bed.compare({ contents: true, file })).found, 1);
  assert.equal((await bed.compare({ contents: true, file, pair: PAIR })).found, 1);
  const same = await bed.compare({ contents: true, file }, {
    "b.demo": { contents: { "%p%/x/1.txt": "local\n" } },
  });
  assert.deepEqual(same, {
    found: 0,
    printed: ["Files b.demo:%p%/x/1.txt and a.demo:%p%/x/1.txt are identical"],
  });
});

Deno.test("contents that end before their length are an error, no difference", async () => {
  await using bed = await initialised();
  const name = "%p%/x/1.txt";
  const cut = await bed.compare({ contents: true, file: bed.path("a/x/1.txt") }, {
    "b.demo": { files: { [name]: "remote and long\n" }, contents: { [name]: "remote" } },
  });
  assert.deepEqual(cut, { found: 0, printed: [] });
  assert.deepEqual(bed.lines(0), [
    `ERROR: Cannot show the difference of ${name}: 6 of 16 bytes came from b.demo: ` +
    "the connection was lost, or the file was cut meanwhile (try again)",
  ]);
});

Deno.test("contents follow links inside the tree only, and open nothing but files", async () => {
  await using bed = await initialised(TWO, {
    "a/same": "same\n",
    "a/l": link("same"),
    "a/up": link("../outside"),
    "a/abs": link("/etc/hostname"),
    "a/loop": link("loop"),
    "a/sub/down": link("../same"),
    "a/p": fifo(),
    "a/d": directory(),
    "a/to-d": link("d/../d"),
    outside: "secret\n",
  });
  const shown = async (name: string) => {
    const { printed } = await bed.compare({ contents: true, file: bed.path(name) }, {
      "b.demo": {},
    });
    return [printed.slice(3).join(), bed.reporter.errors, bed.lines(0).join()];
  };
  assert.deepEqual(await shown("a/l"), ["+same", 0, ""]);
  assert.deepEqual(await shown("a/sub/down"), ["+same", 0, ""]);
  for (const name of ["a/up", "a/abs", "a/loop"]) assert.deepEqual(await shown(name), ["", 0, ""]);
  const refusal = "Cannot show the difference of %p%/p: it is no regular file here";
  assert.deepEqual(await shown("a/p"), ["", 1, refusal]);
  for (const name of ["a/d", "a/to-d"]) {
    assert.deepEqual(await shown(name), ["", 0, "diff: cannot compare '-' to a directory"]);
  }
});

Deno.test("contents that a peer refuses or that are too long are errors", async () => {
  await using bed = await initialised();
  const file = bed.path("a/x/1.txt");
  await bed.compare({ contents: true, file }, {
    "b.demo": { instead: (r) => r.startsWith("TYPE") ? failed("Is a directory") : undefined },
  });
  assert.deepEqual(bed.lines(0), ["ERROR from peer: Is a directory"]);
  await bed.compare({ contents: true, file }, {
    "b.demo": { contents: { "%p%/x/1.txt": "x".repeat(33 * 1_048_576) } },
  });
  assert.deepEqual(bed.lines(0), [
    "Cannot show the difference of %p%/x/1.txt: more than 33554432 bytes at b.demo",
  ]);
  assert.equal(bed.reporter.errors, 1);
});

Deno.test("compare() over ranges tells and marks what it does over a whole list", async () => {
  for (const contents of [false, true]) {
    await using plain = await initialised(), ranged = await initialised();
    ranged.Peer = RangedPeer;
    const mark = { removals: true };
    const listed = await plain.compare({ mark, contents });
    assert.deepEqual(await ranged.compare({ mark, contents }), listed);
    assert.equal(listed.found, 4);
    assert.deepEqual(await ranged.dirty(), await plain.dirty());
    assert.deepEqual(ranged.lines(2), plain.lines(2));
    const asked = ranged.logs[0]!.slice(0, 3);
    assert.deepEqual(asked, ["HELLO a.demo", "DIGESTS b.demo 1 1", "RANGE b.demo % 0 1"]);
  }
});

Deno.test("compare() over ranges asks for no row where nothing differs, and as ever for one name", async () => {
  await using bed = await initialised();
  bed.Peer = RangedPeer;
  const rows: ListedRow[] = [];
  for await (const records of bed.state.records("ascending")) {
    for (const record of records) {
      rows.push({ key: percentEncode(record.name), stored: storedInUnit(record, "nanos") });
    }
  }
  const peers = { "b.demo": { rows } };
  assert.deepEqual(await bed.compare({}, peers), { found: 0, printed: [] });
  assert.deepEqual(bed.logs[0], ["HELLO a.demo", "DIGESTS b.demo 1 1"]);
  const one = await bed.compare({ file: bed.path("a/x/1.txt") }, peers);
  assert.deepEqual(one, { found: 0, printed: [] });
  assert.deepEqual(bed.logs[1], ["HELLO a.demo", "LIST b.demo %p%/x/1.txt 1"]);
});

Deno.test("compare() over ranges takes a peer that tells nonsense for an error, and marks what it told before", async () => {
  await using bed = await initialised();
  bed.Peer = RangedPeer;
  const rows = [THEIRS[0]!, row("%p%/only_c", DIR), row("%p%/only_b", DIR)];
  const { printed } = await bed.compare({ mark: { removals: true } }, { "b.demo": { rows } });
  assert.deepEqual(printed, [ROWS[0], "R\ta.demo\tb.demo\t%p%/only_c"]);
  assert.match(bed.lines(0)[0]!, /^ERROR: Connection to b.demo lost: .*not in order/);
  assert.deepEqual(await bed.dirty(), ["%p%/only_a -> b.demo", "%p%/only_c -> b.demo"]);
});

Deno.test("compare() tells names that are marked here and differ though their records are equal", async () => {
  for (const Peer of [FakePeer, RangedPeer]) {
    await using bed = new CompareBed(TWO, { "a/": directory(), "a/f": "one", "a/g": "two" });
    bed.Peer = Peer;
    await bed.check({ init: true });
    const rows = [...(await Array.fromAsync(bed.state.records("ascending"))).flat()].map(
      (record) => ({ key: percentEncode(record.name), stored: storedInUnit(record, "nanos") }),
    );
    await bed.state.transaction((tx) => tx.mark([markFor("%p%/f" as DbName, "b.demo")]));
    for (
      const [content, found] of [["one", 0], ["two", 1], ["longer", 1]] as const
    ) {
      const peer = { rows, files: { "%p%/f": content, "%p%/g": "not looked at" } };
      assert.equal((await bed.compare({}, { "b.demo": peer })).found, found, content);
    }
    const hidden = { rows, files: { "%p%/f": "two" }, unreadable: ["%p%/f"] };
    if (Peer === RangedPeer) assert.equal((await bed.compare({}, { "b.demo": hidden })).found, 0);
    const asked = bed.logs[1]!.slice(2);
    const digest = Peer === RangedPeer ? ["DIGEST %p%/f"] : [];
    assert.deepEqual(asked, ["SIG %p%/f", ...digest]);
  }
});

Deno.test("compare() looks at marked names side by side, and tells them in order", async () => {
  const files = Array.from({ length: 100 }, (_, n) => `f${String(n).padStart(3, "0")}`);
  const tree = Object.fromEntries(files.map((name) => [`a/${name}`, "one"]));
  await using bed = new CompareBed(TWO, { "a/": directory(), ...tree });
  await bed.check({ init: true });
  const names = files.map((name) => `%p%/${name}` as DbName);
  await bed.state.transaction((tx) => tx.mark(names.map((name) => markFor(name, "b.demo"))));
  const rows = [...(await Array.fromAsync(bed.state.records("ascending"))).flat()].map(
    (record) => ({ key: percentEncode(record.name), stored: storedInUnit(record, "nanos") }),
  );
  const contents = Object.fromEntries(names.map((name, n) => [name, n % 3 === 0 ? "two" : "one"]));
  const wanted = names.filter((_, n) => n % 3 === 0 && n < 50);
  for (const Peer of [FakePeer, RangedPeer]) {
    bed.Peer = Peer;
    let underWay = 0, most = 0;
    const instead = async (request: string) => {
      if (!request.startsWith("SIG")) return;
      most = Math.max(most, ++underWay);
      await new Promise((go) => setTimeout(go, 100 - Number(request.slice(-3)))); // the last one first
      underWay--;
      if (request.endsWith("f050")) throw brokenConnection();
    };
    const options = { rows, files: contents, instead, window: 16 };
    const { printed } = await bed.compare({}, { "b.demo": options });
    assert.deepEqual(printed, wanted.map((name) => `X\ta.demo\tb.demo\t${name}`));
    assert.deepEqual([most, underWay], [16, 0]);
    assert.match(bed.lines(0)[0]!, /^ERROR: Connection to b.demo lost/);
  }
});
