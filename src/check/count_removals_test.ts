import assert from "node:assert/strict";
import { Bed } from "../../tests/support/journey_bed.ts";
import { parseRemovalLimit } from "../reconcile/mod.ts";
import type { CheckTarget } from "./spaces.ts";

const GROUP = "group g { host a.demo b.demo; key k; include @/a @/b; }";
const limit = (text: string) => ({ maxRemovals: parseRemovalLimit(text)! });

/** Ten names in a, ten in b; half of a's go, and a directory of b with what is in it. */
async function bed(): Promise<Bed> {
  const made = new Bed(GROUP, {
    ...Object.fromEntries(
      ["a/1", "a/2", "a/3", "a/4", "a/d/5", "a/d/6", "a/d/7"].map((n) => [n, ""]),
    ),
    ...Object.fromEntries(["b/1", "b/2", "b/3", "b/e/4", "b/e/5", "b/e/6"].map((n) => [n, ""])),
  });
  await made.check({ targets: [made.target("/")] });
  await made.clearDirty();
  for (const name of ["a/1", "a/2", "b/e"]) made.tree.remove(name);
  return made;
}

const CASES: readonly {
  readonly name: string;
  readonly targets: (bed: Bed) => readonly CheckTarget[] | "hints";
  /** As counted. */
  readonly count: number;
  readonly known?: number;
}[] = [
  { name: "everything", targets: (b) => [b.target("/")], count: 6, known: 17 },
  { name: "one tree", targets: (b) => [b.target("a")], count: 2, known: 9 },
  { name: "two trees", targets: (b) => [b.target("a"), b.target("b")], count: 6, known: 17 },
  {
    name: "a tree, and names in it",
    targets: (
      b,
    ) => [b.target("b/e/4", false), b.target("b"), b.target("b/e"), b.target("b", false)],
    count: 4,
    known: 8,
  },
  {
    name: "a directory that is gone, and names in it",
    targets: (b) => [b.target("b/e", false), b.target("b/e/4", false), b.target("b/e/4", false)],
    count: 4,
    known: 8,
  },
  {
    name: "names",
    targets: (b) => [b.target("a/1", false), b.target("a/3", false), b.target("a/2", false)],
    count: 2,
    known: 9,
  },
];
for (const { name, targets, count, known = 0 } of CASES) {
  Deno.test(`D 7.3.2 --max-removals of ${name} counts each name once`, async () => {
    await using b = await bed();
    const before = await b.recordNames();
    await b.check({ targets: targets(b), ...limit(`${count - 1}`) });
    assert.match(
      b.lines(0).join("\n"),
      new RegExp(`^ERROR: ${count} recorded names would be removed`),
    );
    assert.deepEqual(await b.recordNames(), before);
    assert.deepEqual(await b.dirty(), []);
    const percent = Math.ceil(100 * count / known) - 1;
    await b.check({ targets: targets(b), ...limit(`${percent}%`) });
    assert.match(b.lines(0).join("\n"), new RegExp(`^ERROR: ${count} recorded names of ${known} `));
    await b.check({ targets: targets(b), ...limit(`${count}`) });
    assert.deepEqual([b.lines(0), b.reporter.errors], [[], 0]);
    assert.equal((await b.recordNames()).length, before.length - count);
    assert.equal((await b.dirty()).length, count);
  });
}

Deno.test("D 7.3.2 --max-removals keeps the hints whose removals it holds", async () => {
  await using b = await bed();
  const hints = [b.target("a/1", false), b.target("a/2", false), b.target("a/3", false)];
  await b.state.transaction(async (tx) => {
    for (const hint of hints) await tx.addHint(hint);
  });
  await b.check({ targets: "hints", ...limit("1") });
  assert.deepEqual((await b.state.hints()).map(({ path }) => b.short(path)), ["a/1", "a/2"]);
  await b.check({ targets: "hints", ...limit("2") });
  assert.deepEqual(await b.state.hints(), []);
  assert.equal((await b.dirty()).length, 2);
});

Deno.test("D 7.3.2 --max-removals holds what vanishes after it has counted", async () => {
  await using b = await bed();
  let looks = 0;
  const jail = Object.create(b.jail, {
    walk: {
      value: (...args: Parameters<typeof b.jail.walk>) => {
        // The second walk of a is the real one.
        if (args[1].name === b.name("a") && ++looks === 2) b.tree.remove("a/d");
        return b.jail.walk(...args);
      },
    },
    look: { value: b.jail.look.bind(b.jail) },
    placeOf: { value: b.jail.placeOf.bind(b.jail) },
  });
  await b.check({ jail, targets: [b.target("a")], ...limit("2") });
  assert.match(b.lines(0).join("\n"), /^ERROR: 6 recorded names would be removed, more than .* 2 /);
  assert.deepEqual(await b.dirty(), []);
});

Deno.test("D 7.3.2 --max-removals does not count what a missing root holds", async () => {
  await using b = await bed();
  b.tree.remove("b");
  await b.check({ targets: [b.target("/")], ...limit("2") });
  assert.deepEqual(b.reporter.events.filter((e) => e.isError).map((e) => e.event), [
    "removals-held",
  ]);
  assert.deepEqual(await b.dirty(), ["a/1 -> b.demo", "a/2 -> b.demo"]);
});

Deno.test("--max-removals says nothing and prints no directory while it counts", async () => {
  await using b = await bed();
  const dumped: string[] = [];
  await b.check({ targets: [b.target("/")], ...limit("50"), dump: (name) => dumped.push(name) });
  assert.equal(new Set(dumped).size, dumped.length);
  const checked = b.reporter.events.filter(({ event }) => event === "file-checked");
  assert.equal(new Set(checked.map(({ name }) => name)).size, checked.length);
});
