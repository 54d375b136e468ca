import assert from "node:assert/strict";
import { Bed } from "../../tests/support/journey_bed.ts";
import { directory, link, type TreeSpec } from "../../tests/support/tree.ts";
import type { ReadJail } from "../fs/mod.ts";
import type { DbName, DirectoryPlace, Located } from "../model/mod.ts";
import { OsError } from "../os/mod.ts";
import { recordCovered, sightRoots } from "./record_roots.ts";
import { RootGuard, type RootGuardOptions } from "./root_guard.ts";

const GROUP = "group g { host a.demo b.demo; key k; include @/data; }";
const DISK: DirectoryPlace = {
  mountPoint: "/data",
  source: "xfs /dev/sdb1 /",
  type: "58465342",
  device: "8:17",
  inode: "128",
};
/** The same disk with other names and numbers. */
const RENUMBERED: DirectoryPlace = { ...DISK, source: "xfs /dev/sdc1 /", device: "8:33" };
const UNMOUNTED: DirectoryPlace = {
  ...DISK,
  mountPoint: "/",
  source: "xfs /dev/sda1 /",
  device: "8:1",
};

/** A bed in which the test says where directories lie. */
class RootBed extends Bed {
  place: DirectoryPlace | undefined;
  /** Errors of looking at names that end like this. */
  broken: string | undefined;

  get fake(): ReadJail {
    const { jail } = this;
    const broken = ({ below }: Located) => this.broken !== undefined && below.endsWith(this.broken);
    return {
      look: (at) => {
        if (broken(at)) throw new OsError("openat2", at.below, "EIO", "Input/output error");
        return jail.look(at);
      },
      lookClosely: (at) => jail.lookClosely(at),
      lookEach: (ats) => jail.lookEach(ats),
      absentEach: (ats) => jail.absentEach(ats),
      readSmallEach: (wanted) => jail.readSmallEach(wanted),
      readSmall: (at, into) => jail.readSmall(at, into),
      open: (at) => jail.open(at),
      walk: (at, options) => jail.walk(at, options),
      placeOf: (at) => {
        const real = jail.placeOf(at);
        return real && (this.place ?? real);
      },
      [Symbol.dispose]: () => {},
    };
  }

  guard(options: Partial<RootGuardOptions> = {}): RootGuard {
    return new RootGuard({ config: this.config, state: this.state, jail: this.fake, ...options });
  }

  /** Why the name is held. */
  async why(name: string, guard = this.guard()): Promise<string | undefined> {
    return (await guard.faultOver(this.name(name)))?.why;
  }

  /** As at the end of a complete check. */
  async settle(options: { allowsRemovals?: boolean; held?: readonly string[] } = {}) {
    const held = new Set((options.held ?? []).map((name) => this.name(name)));
    await recordCovered({
      config: this.config,
      state: this.state,
      jail: this.fake,
      isHeld: (root) => held.has(root),
      isCovered: () => true,
      before: await sightRoots({ ...this, jail: this.fake }, () => true),
      mountPoints: new Map(),
      allowsRemovals: options.allowsRemovals ?? false,
    });
  }

  async rootRows(): Promise<string[]> {
    return (await this.state.roots()).map(({ name, of }) => `${this.short(name)} ${of}`);
  }
}

async function checked(text: string, spec: TreeSpec, place?: DirectoryPlace): Promise<RootBed> {
  const bed = new RootBed(text, spec);
  bed.place = place;
  await bed.check({ jail: bed.fake });
  return bed;
}

Deno.test("D 7.3.2 RootGuard: nothing is at fault where a root is as recorded", async () => {
  await using bed = await checked(GROUP, { "data/1": "" }, DISK);
  assert.deepEqual(await bed.rootRows(), ["data itself"]);
  assert.equal(await bed.why("data/gone"), undefined);
});

Deno.test("D 7.3.2 RootGuard: other numbers are no fault while something recorded is there", async () => {
  await using bed = await checked(GROUP, { "data/1": "", "data/2": "" }, DISK);
  bed.place = RENUMBERED;
  bed.tree.remove("data/1");
  assert.equal(await bed.why("data/1"), undefined);
  bed.tree.remove("data/2");
  assert.equal(await bed.why("data/2"), "other-device");
});

Deno.test("D 7.3.2 RootGuard: a disk with other numbers is adopted by the next check", async () => {
  await using bed = await checked(GROUP, { "data/1": "" }, DISK);
  bed.place = RENUMBERED;
  await bed.settle();
  bed.tree.remove("data/1");
  assert.equal(await bed.why("data/1"), undefined, "the last file may go");
});

Deno.test("D 7.3.2 RootGuard: what is left below a bare mount point is no evidence", async () => {
  await using bed = await checked(GROUP, { "data/1": "", "data/2": "" }, DISK);
  bed.place = UNMOUNTED;
  bed.tree.remove("data/1");
  assert.equal(await bed.why("data/1"), "other-device");
  await bed.settle({ held: ["data"] });
  assert.equal(await bed.why("data/1"), "other-device", "not adopted while it holds something");
});

Deno.test("D 7.3.2 RootGuard: a fault lasts as long as the guard, so that nothing slips through", async () => {
  await using bed = await checked(GROUP, { "data/1": "" }, DISK);
  const guard = bed.guard(), loose = bed.guard({ isSticky: false });
  bed.place = UNMOUNTED;
  for (const one of [guard, loose]) assert.equal(await bed.why("data/1", one), "other-device");
  bed.place = DISK;
  for (const one of [guard, loose]) one.refresh();
  assert.equal(await bed.why("data/1", guard), "other-device");
  assert.equal(await bed.why("data/1", loose), undefined);
});

Deno.test("D 7.3.2 RootGuard: a root that was never there is none that is gone", async () => {
  await using bed = await checked(GROUP, { other: "" });
  const refused = async (name: string) => (await bed.guard().refusalOf(bed.name(name)))?.why;
  assert.equal(await refused("data"), undefined);
  assert.equal(await refused("data/1"), undefined);
  assert.equal(await bed.why("data"), undefined);
});

Deno.test("D 7.3.2 RootGuard: records alone tell that a root was there", async () => {
  await using bed = new RootBed(GROUP, {});
  const record = { name: bed.name("data/x/y"), stored: "v1%3Amode=33188%3Atype=reg%3Asize=1" };
  await bed.state.transaction((tx) => tx.putRecords([record]));
  assert.equal(await bed.why("data/x/y"), "gone");
  assert.equal((await bed.guard().refusalOf(bed.name("data/new")))?.why, "gone");
  assert.equal(await bed.why("data/x/y", bed.guard({ allowsRemovals: true })), undefined);
});

Deno.test("D 7.3.2 RootGuard: marks below a root that is gone are enough for an update", async () => {
  await using bed = new RootBed(GROUP, {});
  assert.equal(await bed.why("data/marked"), "gone");
  assert.equal(await bed.why("data"), undefined, "it may have been a single file");
});

Deno.test("D 7.3.2 RootGuard: the root of a pattern is what stands before its wildcard", async () => {
  const text = GROUP.replace("@/data", "@/data/conf*/x");
  await using bed = await checked(text, { "data/conf.d/x": "", "data/other": "" });
  bed.tree.remove("data/conf.d");
  assert.equal(await bed.why("data/conf.d/x"), undefined);
  bed.tree.remove("data");
  assert.equal(await bed.why("data/conf.d/x"), "gone");
});

Deno.test("D 7.3.2 RootGuard: a directory that became a file or a link is at fault, a file is not", async () => {
  const text = GROUP.replace("@/data", "@/data @/file");
  await using bed = await checked(text, { "data/1": "", file: "" });
  bed.tree.remove("data");
  bed.tree.remove("file");
  bed.tree.make({ data: link("elsewhere"), "file/x": "" });
  assert.equal(await bed.why("data/1"), "no-directory");
  const at = async (name: string) => (await bed.guard().faultAt(bed.name(name)))?.why;
  assert.equal(await at("data"), "no-directory");
  assert.equal(await at("file"), undefined);
});

Deno.test("D 7.3.2 RootGuard: what --allow-removals let go stays released, until it is there again", async () => {
  await using bed = await checked(GROUP, { "data/1": "" });
  bed.tree.remove("data");
  await bed.check({ allowsRemovals: true });
  assert.deepEqual(await bed.recordNames(), []);
  assert.deepEqual(await bed.rootRows(), ["data nothing"]);
  assert.equal(await bed.why("data/1"), undefined);
  assert.equal(await bed.why("data"), undefined);
  bed.tree.make({ "data/1": "" });
  await bed.check();
  assert.deepEqual(await bed.rootRows(), ["data itself"]);
  bed.tree.remove("data");
  assert.equal(await bed.why("data/1"), "gone");
});

Deno.test("D 7.3.2 RootGuard: a root that cannot be examined holds, and keeps what is recorded", async () => {
  await using bed = await checked(GROUP, { "data/1": "" }, DISK);
  bed.broken = "/data";
  assert.equal(await bed.why("data/1"), "unreadable");
  await bed.settle();
  bed.broken = undefined;
  bed.place = UNMOUNTED;
  assert.equal(await bed.why("data/1"), "other-device");
});

Deno.test("D 7.3.2 RootGuard: the bare mount point's own owner and mode are not to be believed", async () => {
  await using bed = await checked(GROUP, { "data/1": "" }, DISK);
  bed.place = UNMOUNTED;
  const at = async () => (await bed.guard().faultAt(bed.name("data")))?.why;
  assert.equal(await at(), undefined, "what is recorded is there");
  bed.tree.remove("data/1");
  assert.equal(await at(), "other-device");
});

Deno.test("D 7.3.2 check() leaves the records of a root alone that lies elsewhere", async () => {
  await using bed = await checked(GROUP, { "data/1": "", "data/d/2": "" }, DISK);
  await bed.clearDirty();
  const before = await bed.records();
  bed.place = UNMOUNTED;
  bed.tree.remove("data");
  bed.tree.make({ "data/": directory({ mode: 0o711 }), "data/stray": "" });
  await bed.check({ jail: bed.fake });
  const { "data/stray": _, ...after } = await bed.records();
  assert.deepEqual(after, before);
  assert.deepEqual(await bed.dirty(), ["data/stray -> b.demo"], "the rest goes on");
  assert.equal(bed.reporter.errors, 1);
  const event = bed.reporter.events.find(({ event }) => event === "removals-held");
  assert.deepEqual([event?.count, event?.reason], [4, "other-device"]);
});

Deno.test("D 7.3.2 check() of one name records where its root lies, if that is not known yet", async () => {
  await using bed = new RootBed(GROUP, { "data/1": "" });
  bed.place = DISK;
  const target = bed.target("data/1", false);
  await bed.check({ jail: bed.fake, targets: [target] });
  assert.deepEqual(await bed.rootRows(), [], "a new name proves nothing");
  await bed.check({ jail: bed.fake, targets: [target] });
  assert.deepEqual(await bed.rootRows(), ["data itself"]);
  bed.place = UNMOUNTED;
  await bed.check({ jail: bed.fake, targets: [target] });
  assert.equal((await bed.state.roots())[0]!.of, "itself");
  assert.equal(await bed.why("data/1"), "other-device", "nor does one name adopt another disk");
});

Deno.test("D 7.3.2 check() writes nothing about roots when nothing has changed", async () => {
  await using bed = await checked(GROUP, { "data/1": "" });
  let count = 0;
  const { state } = bed;
  const counting: typeof state = Object.create(state, {
    transaction: { value: (work: never) => (count++, state.transaction(work)) },
  });
  for (const method of ["records", "record", "roots", "hints", "foreignCommits", "note"] as const) {
    Object.defineProperty(counting, method, { value: state[method].bind(state) });
  }
  Object.defineProperty(counting, "timeUnit", { value: state.timeUnit });
  await bed.check({ state: counting });
  assert.equal(count, 0);
});

Deno.test("D 7.3.2 recordCovered() forgets mount points that are none any more", async () => {
  await using bed = await checked(GROUP, { "data/m/1": "" }, { ...DISK, mountPoint: "/" });
  const inner = { ...DISK, inode: "2" };
  const row = { name: bed.name("data/m"), of: "itself", place: inner } as const;
  const foreign = { name: "/other/root" as DbName, of: "itself", place: DISK } as const;
  await bed.state.transaction(async (tx) => {
    await tx.putRoot(row);
    await tx.putRoot(foreign);
  });
  assert.equal(await bed.why("data/m/1"), "other-device");
  await bed.settle();
  assert.deepEqual(await bed.rootRows(), ["/other/root itself", "data itself"].sort());
  assert.equal(await bed.why("data/m/1"), undefined);
});
