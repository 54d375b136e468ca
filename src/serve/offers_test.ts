import { deepStrictEqual as equal } from "node:assert/strict";
import { ReceiverBed, type ReceiverBedOptions } from "../../tests/support/receiving.ts";
import { keyOf } from "../../tests/support/config.ts";
import { type DiskPath, nanos, type Present } from "../model/mod.ts";
import type { Offered } from "../protocol/mod.ts";

const TIME = 1_600_000_000_123_456_789n;
const SAME = { kind: "same" };

function test(
  name: string,
  work: (bed: ReceiverBed) => Promise<void>,
  options: ReceiverBedOptions = {},
): void {
  Deno.test(`offer() ${name}`, async () => {
    await using bed = await ReceiverBed.open(options);
    await work(bed);
    equal(bed.locks.size, 0);
  });
}

/** A file with a time that has a fraction, or not. */
function write(bed: ReceiverBed, file: string, { content = "x", time = TIME } = {}): void {
  Deno.writeTextFileSync(bed.name(file), content);
  const at = { seconds: Number(time / 1_000_000_000n), nanos: Number(time % 1_000_000_000n) };
  Deno.utimeSync(bed.name(file), at.seconds, at.seconds + at.nanos / 1e9);
}

function kinds(answers: readonly { readonly kind: string }[]): string[] {
  return answers.map(({ kind }) => kind);
}

test("is same for everything that is equal and recorded on both sides", async (bed) => {
  write(bed, "F");
  Deno.mkdirSync(bed.name("D"));
  Deno.symlinkSync("target", bed.name("L"));
  await bed.check("F", "D", "L");
  equal(await bed.offer(bed.row("F"), bed.row("D"), bed.row("L")), [SAME, SAME, SAME]);
  equal(await bed.offer(), []);
});

for (
  const [what, change] of [
    ["time", (here) => ({ ...here, meta: { ...here.meta, mtime: nanos(here.meta.mtime + 1n) } })],
    ["mode", (here) => ({ ...here, meta: { ...here.meta, mode: here.meta.mode ^ 1 } })],
    ["uid", (here) => ({ ...here, meta: { ...here.meta, uid: here.meta.uid + 1 } })],
    ["gid", (here) => ({ ...here, meta: { ...here.meta, gid: here.meta.gid + 1 } })],
    ["size", (here) => ({ ...here, size: 2 } as Present)],
    ["type", (here) => ({ kind: "fifo", meta: here.meta })],
  ] as const satisfies readonly (readonly [string, (here: Present) => Present])[]
) {
  test(`tells what is there when the ${what} differs`, async (bed) => {
    write(bed, "F");
    await bed.check("F");
    const { mode, uid, gid, mtime } = bed.seen("F").meta;
    const checkText = `v1:mtime=${mtime}:mode=${mode}:uid=${uid}:gid=${gid}:type=reg:size=1`;
    const answers = await bed.offer(bed.row("F", { here: change(bed.seen("F")) }));
    equal(answers, [{ kind: "there", checkText }]);
  });
}

test("does not look at what is ignored", async (bed) => {
  write(bed, "F");
  await bed.check("F");
  const here = bed.seen("F");
  const other = { ...here, meta: { ...here.meta, uid: 77, gid: 77, mode: here.meta.mode ^ 1 } };
  equal(await bed.offer(bed.row("F", { here: other })), [SAME]);
}, {
  config: "nossl * *; ignore uid gid mod; group g { host a.demo b.demo; key k; include ROOT; }",
});

test("takes the time of a link for nothing, that of a directory for something", async (bed) => {
  Deno.mkdirSync(bed.name("D"));
  Deno.symlinkSync("target", bed.name("L"));
  await bed.check("D", "L");
  const later = (file: string) => {
    const here = bed.seen(file);
    return bed.row(file, { here: { ...here, meta: { ...here.meta, mtime: nanos(5n) } } });
  };
  equal(kinds(await bed.offer(later("L"), later("D"))), ["same", "there"]);
});

test("believes no record that is not current, on neither side", async (bed) => {
  write(bed, "theirs");
  write(bed, "ours");
  write(bed, "none");
  await bed.check("theirs", "ours");
  write(bed, "ours", { content: "y", time: TIME + 1_000_000_000n });
  const rows = [bed.row("theirs", { isCurrent: false }), bed.row("ours"), bed.row("none")];
  equal(kinds(await bed.offer(...rows)), ["there", "there", "there"]);
});

test("believes no record without the fraction of its time", async (bed) => {
  write(bed, "F");
  await bed.check("F");
  const { stored } = (await bed.state.record(bed.name("F")))!;
  await bed.state.transaction((tx) => tx.putRecords([{ name: bed.name("F"), stored }]));
  equal(kinds(await bed.offer(bed.row("F"))), ["there"]);
});

test("clears the peer's mark for what is the same and has no content", async (bed) => {
  Deno.mkdirSync(bed.name("D"));
  Deno.symlinkSync("target", bed.name("L"));
  await bed.check("D", "L");
  for (const file of ["D", "L", "G"]) await bed.mark(file, "a.demo");
  equal(await bed.offer(bed.row("D"), bed.row("L")), [SAME, SAME]);
  equal(await bed.marks(), ["a.demo G"]);
});

test("leaves a marked file to its content, however equal its time", async (bed) => {
  write(bed, "F", { time: 1_600_000_000_000_000_000n });
  write(bed, "G");
  await bed.check("F", "G");
  equal(kinds(await bed.offer(bed.row("F"), bed.row("G"))), ["there", "same"]); // whole seconds
  for (const file of ["F", "G"]) await bed.mark(file, "a.demo");
  equal(kinds(await bed.offer(bed.row("F"), bed.row("G"))), ["there", "there"]);
  equal(await bed.marks(), ["a.demo F", "a.demo G"]);
});

test("leaves what another host has to be told of as it is", async (bed) => {
  write(bed, "F");
  write(bed, "G");
  await bed.check("F", "G");
  for (const peer of ["c.demo", "a.demo"]) await bed.mark("F", peer);
  await bed.mark("G", "c.demo");
  equal(kinds(await bed.offer(bed.row("F"), bed.row("G"))), ["there", "there"]);
  equal((await bed.marks()).toSorted(), ["a.demo F", "c.demo F", "c.demo G"]);
});

test("keeps the mark of a change that is recorded after the look", async (bed) => {
  Deno.mkdirSync(bed.name("F"));
  await bed.check("F");
  await bed.mark("F", "a.demo");
  const row = bed.row("F");
  const { transaction } = bed.state;
  // Another process finds a change and marks it: directly before the mark would go.
  bed.state.transaction = async (work) => {
    bed.state.transaction = transaction;
    Deno.chmodSync(bed.name("F"), 0o700);
    await bed.check("F");
    await bed.mark("F", "a.demo");
    return await bed.state.transaction(work);
  };
  equal(kinds(await bed.offer(row)), ["there"]);
  equal(await bed.marks(), ["a.demo F"]);
});

test("says what look says of what is not there", async (bed) => {
  Deno.writeTextFileSync(bed.name("file"), "");
  Deno.mkdirSync(bed.name("dir"));
  Deno.writeTextFileSync(bed.name("dir/F"), "");
  Deno.symlinkSync("dir", bed.name("link"));
  const here = bed.seen("dir/F");
  const files = ["F", "none/F", "link/F", "file/F"];
  const rows = files.map((file) => bed.row(file, { here }));
  const answers = [
    { kind: "absent" },
    { kind: "parent-missing" },
    { kind: "behind-link" },
    { kind: "failed", reply: "Not a directory" },
  ];
  equal(await bed.offer(...rows), answers);
  equal(await Promise.all(rows.map((row) => bed.receiver.look(row))), answers);
});

test("denies wrong keys and names outside of the groups, row by row", async (bed) => {
  write(bed, "F");
  await bed.check("F");
  const here = bed.seen("F");
  const outside: Offered = { key: keyOf("k"), name: "/etc/x" as never, here, isCurrent: true };
  const rows = [bed.row("F", { key: keyOf("wrong") }), bed.row("F"), outside];
  const denied = { kind: "denied", why: "no grant" };
  equal(await bed.offer(...rows), [denied, SAME, denied]);
  equal(await bed.marks(), []);
});

test("refuses a slave, which gets our copies back", async (bed) => {
  write(bed, "F");
  write(bed, "G");
  await bed.check("F", "G");
  const slave = { kind: "denied", why: "slave" };
  equal(await bed.offer(bed.row("F"), bed.row("G")), [slave, slave]);
  equal(await bed.marks(), ["a.demo F", "a.demo G"]);
}, { hosts: "(a.demo) b.demo c.demo" });

test("goes by GROUP", async (bed) => {
  for (const dir of ["one", "two"]) Deno.mkdirSync(bed.name(dir));
  write(bed, "one/F");
  write(bed, "two/F");
  await bed.check("one/F", "two/F");
  await bed.receiver.restrictGroups(["g"]);
  equal(kinds(await bed.offer(bed.row("one/F"), bed.row("two/F"))), ["same", "denied"]);
}, {
  config: "nossl * *; group g { host a.demo b.demo; key k; include ROOT/one; } " +
    "group h { host a.demo b.demo; key k; include ROOT/two; }",
});

test("goes by the name of a prefix, and knows one that has no path here", async (bed) => {
  Deno.mkdirSync(bed.name("p"));
  write(bed, "p/F");
  await bed.check("%p%/F");
  const here = bed.seen("p/F");
  const elsewhere = bed.row("%q%/F", { here });
  equal(await bed.offer(bed.row("%p%/F"), elsewhere), [
    SAME,
    { kind: "failed", reply: "Prefix 'q' is not defined for host 'b.demo'." },
  ]);
  // The other name of the same file has no record of its own.
  equal(kinds(await bed.offer(bed.row("p/F"))), ["denied"]);
}, {
  config: "nossl * *; prefix p { on b.demo: ROOT/p; } prefix q { on a.demo: /q; } " +
    "group g { host a.demo b.demo; key k; include %p%; include %q%; }",
});

test("waits for what is being replaced, and tells of the rest meanwhile", async (bed) => {
  write(bed, "F");
  write(bed, "G");
  await bed.check("F", "G");
  const rows = [bed.row("F"), bed.row("G")];
  const lock = bed.locks.tryTake(bed.name("F") as string as DiskPath)!;
  const answers = bed.offer(...rows);
  equal(await Promise.race([answers, new Promise((go) => setTimeout(go, 20, "waits"))]), "waits");
  Deno.removeSync(bed.name("F"));
  lock[Symbol.dispose]();
  equal(await answers, [{ kind: "absent" }, SAME]);
});

test("says that a path is busy when that takes too long", async (bed) => {
  write(bed, "F");
  await bed.check("F");
  using _lock = bed.locks.tryTake(bed.name("F") as string as DiskPath)!;
  const answers = await bed.offer(bed.row("F"));
  equal(answers, [{ kind: "failed", reply: "Device or resource busy" }]);
  _lock[Symbol.dispose]();
}, { lockWaitMs: 5 });

test("D 7.3.2 refuses what is below a root that is gone", async (bed) => {
  Deno.mkdirSync(bed.name("tree"));
  Deno.mkdirSync(bed.name("other"));
  write(bed, "tree/F");
  write(bed, "other/F");
  await bed.check("tree", "tree/F", "other", "other/F");
  const rows = [bed.row("tree/F"), bed.row("other/F"), bed.row("tree")];
  Deno.removeSync(bed.name("tree"), { recursive: true });
  equal(kinds(await bed.offer(...rows)), ["failed", "same", "failed"]);
}, {
  config:
    "nossl * *; group g { host a.demo b.demo; key k; include ROOT/tree; include ROOT/other; }",
});

test("is the failure of every row when the state fails", async (bed) => {
  write(bed, "F");
  const rows = [bed.row("F"), bed.row("F")];
  await bed.state[Symbol.asyncDispose]();
  const failed = { kind: "failed", reply: "Input/output error" };
  equal(await bed.offer(...rows), [failed, failed]);
});
