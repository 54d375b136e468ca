import assert from "node:assert/strict";
import { Bed } from "../../tests/support/journey_bed.ts";
import { notePushes, unseenPushes } from "../state/mod.ts";

/** Told by the note that a push leaves. */
async function pushed(bed: Bed, ...files: readonly string[]): Promise<void> {
  const sent = files.map((file) => ({ name: bed.name(file), peer: "b.demo" }));
  await bed.state.transaction((tx) => notePushes(tx, { sent }));
}

Deno.test("check() marks what was pushed before it was ever seen, and has gone since", async () => {
  await using bed = new Bed("group g { host a.demo b.demo; key k; include @/a; }", {
    "a/here": "",
    "a/d/f": "",
  });
  await bed.check();
  await bed.clearDirty();
  await pushed(bed, "a/here", "a/gone", "a/d/gone", "b/strange");
  await bed.check({ targets: [bed.target("a/d")] });
  assert.deepEqual(await bed.dirty(), ["a/d/gone -> b.demo"]);
  await bed.check();
  assert.deepEqual(await bed.dirty(), ["a/d/gone -> b.demo", "a/gone -> b.demo"]);
  const left = (await unseenPushes(bed.state)).map(({ name }) => bed.short(name));
  assert.deepEqual(left, ["b/strange"], "which no group has");
});

Deno.test("check() holds what was pushed unseen as any other removal, and finds it again", async () => {
  await using bed = new Bed("group g { host a.demo b.demo; key k; include @/a; }", { "a/f": "" });
  await bed.check();
  await bed.clearDirty();
  await pushed(bed, "a/gone");
  await bed.check({ maxRemovals: { kind: "names", most: 0 } });
  assert.deepEqual(await bed.dirty(), []);
  assert.equal((await unseenPushes(bed.state)).length, 1);
  await bed.check({ init: true });
  assert.deepEqual(await unseenPushes(bed.state), []);
  await pushed(bed, "a/gone");
  bed.tree.make({ "a/gone": "back" });
  await bed.check();
  assert.deepEqual(await unseenPushes(bed.state), []);
});
