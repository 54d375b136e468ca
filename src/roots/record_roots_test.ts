import assert from "node:assert/strict";
import { Bed } from "../../tests/support/journey_bed.ts";
import type { ReadJail } from "../fs/mod.ts";
import type { DirectoryPlace } from "../model/mod.ts";

const DISK: DirectoryPlace = {
  mountPoint: "/data",
  source: "xfs /dev/sdb1 /",
  type: "58465342",
  device: "8:17",
  inode: "128",
};
const BARE: DirectoryPlace = {
  ...DISK,
  mountPoint: "/",
  source: "xfs /dev/sda1 /",
  device: "8:1",
};
const GROUP = "group g { host a.demo b.demo; key k; include @/a @/z; }";

/** `z` lies on a disk, which goes when the walk, which takes `z` first, has come to `a/1`. */
class PullBed extends Bed {
  isPulled = false;
  pullsAt: "a/1" | undefined;

  get pulling(): ReadJail {
    const { jail } = this;
    const pull = () => {
      this.isPulled = true;
      for (const name of ["z/1", "z/2"]) this.tree.remove(name);
    };
    const isDue = (name: string) =>
      !this.isPulled && this.pullsAt !== undefined && name.endsWith(`/${this.pullsAt}`);
    return {
      look: (at) => jail.look(at),
      lookClosely: (at) => jail.lookClosely(at),
      lookEach: (ats) => jail.lookEach(ats),
      absentEach: (ats) => jail.absentEach(ats),
      readSmallEach: (wanted) => jail.readSmallEach(wanted),
      readSmall: (at, into) => jail.readSmall(at, into),
      open: (at) => jail.open(at),
      *walk(at, options) {
        for (const step of jail.walk(at, options)) {
          if (isDue(step.name)) pull();
          yield step;
        }
      },
      placeOf: (at) => {
        const real = jail.placeOf(at);
        return real && (!at.below.endsWith("/z") ? real : this.isPulled ? BARE : DISK);
      },
      [Symbol.dispose]: () => {},
    };
  }

  async placeOfZ(): Promise<string | undefined> {
    const row = (await this.state.roots()).find(({ name }) => name === this.name("z"));
    return row?.of === "itself" ? row.place.mountPoint : row?.of;
  }
}

for (const isFirst of [true, false]) {
  const when = isFirst ? "the first check" : "a later check";
  Deno.test(`D 7.3.2 check(): a disk that goes behind the walk of ${when} stays recorded`, async () => {
    await using bed = new PullBed(GROUP, { "a/1": "", "z/1": "", "z/2": "" });
    const jail = bed.pulling;
    if (!isFirst) await bed.check({ jail });
    bed.pullsAt = "a/1";
    await bed.check({ jail });
    assert.ok(bed.isPulled);
    assert.deepEqual(await bed.placeOfZ(), "/data", "its bare mount point is not where it belongs");
    await bed.clearDirty();
    await bed.check({ jail });
    assert.deepEqual(await bed.dirty(), [], "nothing is removed at the peers");
    assert.equal(bed.reporter.errors, isFirst ? 0 : 1, "the first one has recorded nothing of it");
  });
}

Deno.test("D 7.3.2 check() below a root: a disk that goes meanwhile is not recorded", async () => {
  await using bed = new PullBed(GROUP, { "a/1": "", "z/1": "", "z/2": "" });
  const jail = bed.pulling, targets = [bed.target("z/1", false), bed.target("a/1")];
  await bed.check({ jail, targets });
  assert.equal(await bed.placeOfZ(), undefined, "a new name proves nothing");
  bed.pullsAt = "a/1";
  await bed.check({ jail, targets });
  assert.ok(bed.isPulled);
  assert.equal(await bed.placeOfZ(), undefined);
});
