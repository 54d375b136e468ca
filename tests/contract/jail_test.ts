/** One suite for both ways of opening beneath a directory: openat2 and the walk by steps. */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { openBeneath, openByOpenat2, openBySteps, type Purpose } from "../../src/fs/beneath.ts";
import { type Jail, openJail, type WalkStep } from "../../src/fs/mod.ts";
import type { DbName, DiskPath, Entry, Name } from "../../src/model/mod.ts";
import { entryOf, O_DIRECTORY, O_PATH, openAt, OsError } from "../../src/os/mod.ts";
import { failsAt, meddlesAt } from "../support/fault.ts";
import { directory, fifo, link, type Tree, tree, type TreeSpec } from "../support/tree.ts";

const HAS_OPENAT2 = openBeneath() === openByOpenat2;
const IMPLEMENTATIONS = [
  { name: "openat2", open: openByOpenat2, skip: !HAS_OPENAT2 }, // skip: the kernel or a sandbox lacks it
  { name: "steps", open: openBySteps, skip: false },
] as const;

const LONG = "l".repeat(255);
const RAW = "caf\xe9\n\x01\xff";
const DEEP = Array.from({ length: 30 }, () => "d".repeat(200)).join("/");

const T: TreeSpec = {
  "D/F": "content",
  "D/E/": directory(),
  "D/out": link("/etc"),
  "D/in": link("E"),
  "D/fifo": fifo(),
  [`D/${RAW}`]: "raw",
  [`D/${LONG}`]: "long",
  "L": link("D"),
  "loop": link("loop"),
  [`${DEEP}/F`]: "deep",
};

interface Case {
  readonly below: string;
  readonly purpose: Purpose;
  /** Kind of what is opened, or the name of the error. */
  readonly want: string;
}

const CASES: readonly Case[] = [
  { below: "", purpose: "path", want: "dir" },
  { below: "", purpose: "directory", want: "dir" },
  { below: "", purpose: "object", want: "dir" },
  { below: "D", purpose: "path", want: "dir" },
  { below: "D", purpose: "directory", want: "dir" },
  { below: "D", purpose: "object", want: "dir" },
  { below: "D/F", purpose: "object", want: "reg" },
  { below: "D/F", purpose: "content", want: "reg" },
  { below: "D/F", purpose: "path", want: "ENOTDIR" },
  { below: "D/F", purpose: "directory", want: "ENOTDIR" },
  { below: `D/${RAW}`, purpose: "content", want: "reg" },
  { below: `D/${LONG}`, purpose: "content", want: "reg" },
  { below: `D/${LONG}x`, purpose: "object", want: "ENAMETOOLONG" },
  { below: `${DEEP}/F`, purpose: "content", want: "reg" },
  { below: `${DEEP}/F`, purpose: "object", want: "reg" },
  { below: `${DEEP}/no`, purpose: "object", want: "ENOENT" },
  { below: DEEP, purpose: "directory", want: "dir" },
  { below: "D/fifo", purpose: "object", want: "fifo" },
  { below: "D/fifo", purpose: "content", want: "fifo" },
  { below: "D/no", purpose: "object", want: "ENOENT" },
  { below: "no/no", purpose: "object", want: "ENOENT" },
  { below: "D/F/x", purpose: "object", want: "ENOTDIR" },
  { below: "D/F/x/y", purpose: "path", want: "ENOTDIR" },
  { below: "D/out", purpose: "object", want: "lnk" },
  { below: "D/out", purpose: "content", want: "ELOOP" },
  { below: "D/out", purpose: "path", want: "ELOOP" },
  { below: "D/out", purpose: "directory", want: "ELOOP" },
  { below: "D/out/passwd", purpose: "object", want: "ELOOP" },
  { below: "D/out/passwd", purpose: "content", want: "ELOOP" },
  { below: "D/out/no/such", purpose: "object", want: "ELOOP" },
  { below: "D/in/x", purpose: "object", want: "ELOOP" },
  { below: "L/F", purpose: "content", want: "ELOOP" },
  { below: "L", purpose: "object", want: "lnk" },
  { below: "loop", purpose: "object", want: "lnk" },
  { below: "loop/x", purpose: "object", want: "ELOOP" },
  { below: "..", purpose: "path", want: "EINVAL" },
  { below: "D/../D/F", purpose: "object", want: "EINVAL" },
  { below: "D/..", purpose: "object", want: "EINVAL" },
  { below: "D/./F", purpose: "object", want: "EINVAL" },
  { below: ".", purpose: "path", want: "EINVAL" },
  { below: "/etc", purpose: "path", want: "EINVAL" },
  { below: "D//F", purpose: "object", want: "EINVAL" },
  { below: "D/", purpose: "object", want: "EINVAL" },
  { below: "/", purpose: "object", want: "EINVAL" },
  { below: "D/F\0x", purpose: "object", want: "EINVAL" },
];

for (const { name, open, skip } of IMPLEMENTATIONS) {
  Deno.test({
    name: `beneath (${name}) opens what lies beneath and refuses every link`,
    ignore: skip,
    fn: async (t) => {
      using made = tree(T);
      using anchor = openAt(made.path, { flags: O_PATH | O_DIRECTORY });
      for (const c of CASES) {
        const shown = c.below.length > 40 ? `${c.below.slice(0, 37)}...` : c.below;
        await t.step(`${JSON.stringify(shown)} as ${c.purpose}: ${c.want}`, () => {
          equal(outcome(() => open(anchor, c.below, c.purpose)), c.want);
        });
      }
    },
  });

  Deno.test({
    name: `beneath (${name}) leaves no descriptor behind when a call fails`,
    ignore: skip,
    fn: async () => {
      using made = tree({ "a/b/c/F": "x", "a/l": link("b") });
      using anchor = openAt(made.path, { flags: O_PATH | O_DIRECTORY });
      for (const below of ["a/b/c/F", "a/b/no/F", "a/l/c"]) {
        for (let n = 0, reached = true; reached; n++) {
          const run = await failsAt(n, () => outcome(() => open(anchor, below, "content")));
          equal(openBelow(made.path), 1, `${below}, call ${n}`);
          reached = run.reached;
        }
      }
    },
  });
}

function outcome(open: () => ReturnType<typeof openByOpenat2>): string {
  try {
    using fd = open();
    return entryOf(fd, "").kind;
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    return error.errnoName;
  }
}

/** How many descriptors are of something below `root`: other threads have others. */
function openBelow(root: string): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(root);
    } catch {
      return false; // closed meanwhile
    }
  }).length;
}

/** `below` as a place has it, whatever it is: nothing is made proper. */
function placed(place: (below: string) => { below: string }, below: string): string {
  const above = place("X").below.slice(0, -1);
  return below === "" && above.endsWith("/") ? above.slice(0, -1) : above + below;
}

const at = (made: Tree, below: string) => made.atRoot(below);

for (const { name, open, skip } of IMPLEMENTATIONS) {
  const suite = (what: string, fn: (jail: Jail) => void | Promise<void>) =>
    Deno.test({
      name: `jail (${name}) ${what}`,
      ignore: skip,
      fn: async () => {
        using jail = openJail({ beneath: open });
        await fn(jail);
      },
    });

  suite("look() tells what is there, or why nothing is", (jail) => {
    using made = tree(T);
    const kinds: [string, Partial<Entry>][] = [
      ["D", { kind: "dir" }],
      ["D/F", { kind: "reg", size: 7 }],
      ["D/out", { kind: "lnk", target: "/etc" }],
      ["D/no", { kind: "absent", because: "leaf" }],
      ["no/no/no", { kind: "absent", because: "parent" }],
      ["D/no/F", { kind: "absent", because: "parent" }],
      ["D/F/x", { kind: "absent", because: "parent", errno: "ENOTDIR" }],
      ["D/F/x/y", { kind: "absent", because: "parent", errno: "ENOTDIR" }],
      ["D/out/passwd", { kind: "absent", because: "link" }],
      ["D/in/no", { kind: "absent", because: "link" }],
      ["loop/x/y", { kind: "absent", because: "link" }],
    ];
    for (const [below, want] of kinds) {
      for (const where of [made.at(below), made.atRoot(below)]) {
        const { meta: _, ...rest } = { meta: 0, ...jail.look(where) };
        deepEqual(rest, want, below);
        equal(jail.lookClosely(where).entry.kind, want.kind, below);
        equal(jail.lookClosely(where).fingerprint === undefined, want.kind === "absent", below);
      }
    }
  });

  suite("lookEach() says for every case what look() says", (jail) => {
    using made = tree(T);
    const cases = [...CASES.map((c) => c.below), "D", "no/no/no", `${DEEP}/F`, "D/E", "D/F/x"];
    for (const place of [made.at.bind(made), made.atRoot.bind(made)]) {
      const ats = cases.map((below) => ({ ...place("X"), below: placed(place, below) }));
      const alone = ats.map((at) => {
        try {
          return jail.look(at);
        } catch (error) {
          ok(error instanceof OsError);
          return error.errnoName;
        }
      });
      const shown = (found: Entry | OsError) => found instanceof OsError ? found.errnoName : found;
      jail.lookEach(ats).forEach((found, n) => deepEqual(shown(found), alone[n], cases[n]));
      jail.lookEach(ats.toReversed()).forEach((found, n) =>
        deepEqual(shown(found), alone.at(-1 - n), cases.at(-1 - n))
      );
    }
  });

  suite("lookEach() opens a directory once, and keeps none", async (jail) => {
    const names = Array.from({ length: 40 }, (_, n) => `D${n}/F`);
    using made = tree(Object.fromEntries(names.flatMap((n) => [[n, "x"], [`${n}2`, "y"]])));
    const ats = names.flatMap((n) => [at(made, n), at(made, `${n}2`), at(made, `${n}3`)]);
    const run = await failsAt(Infinity, () => jail.lookEach(ats));
    const kinds = run.value!.map((found) => "kind" in found && found.kind);
    deepEqual(kinds, names.flatMap(() => ["reg", "reg", "absent"]));
    equal(run.calls.filter((call) => call === "statx").length, ats.length);
    equal(openBelow(made.path), 0);
  });

  suite("lookEach() tells the failure of each, and of no other", async (jail) => {
    using made = tree({ "D/F": "x", "E/G": "y", "E/H": "z" });
    const ats = ["D/F", "E/G", "E/H"].map((below) => at(made, below));
    jail.look(at(made, "D")); // the root is open
    for (let n = 0, reached = true; reached; n++) {
      const run = await failsAt(n, () => jail.lookEach(ats), { errno: "EACCES" });
      equal(run.error, undefined);
      reached = run.reached;
      const failures = run.value!.filter((found) => found instanceof OsError);
      equal(failures.length > 0, reached);
      for (const failure of failures) ok(failure.path.startsWith(made.path), failure.path);
      equal(openBelow(made.path), 0);
    }
  });

  suite("absentEach() says for every place whether look() finds nothing", async (jail) => {
    using made = tree({
      ...T,
      ...Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`D/many/${n}`, `${n}`])),
      "D/few/only": "1",
    });
    const numbers = Array.from({ length: 50 }, (_, n) => n);
    const names = [
      ...numbers.map((n) => `D/many/${n}`),
      ...numbers.slice(0, 12).map((n) => `D/few/${n}`),
      "D/few/only",
      ...numbers.slice(0, 3).map((n) => `D/many/${n}`),
      ...numbers.slice(0, 9).map((n) => `D/none/${n}`),
      ...numbers.slice(0, 9).map((n) => `D/in/${n}`),
      ...numbers.slice(0, 9).map((n) => `D/F/${n}`),
      ...numbers.slice(0, 9).map((n) => `D/many/${"x".repeat(300)}${n}`),
      ...["D", "D/F", "D/out", "D/in", "D/fifo", "D/no", "D/F/x", "D/none/x", "D/in/x"],
    ];
    const ats = [
      ...names.map((name) => at(made, name)),
      { anchor: "/" as DiskPath, below: "" },
      ...numbers.slice(0, 9).map(() => ({ anchor: "/" as DiskPath, below: "../x" })),
    ];
    const want = jail.lookEach(ats).map((entry) =>
      entry instanceof OsError ? entry.errnoName : entry.kind === "absent"
    );
    const found = jail.absentEach(ats);
    deepEqual(found.map((one) => one instanceof OsError ? one.errnoName : one), want);
    ok(want.includes(true) && want.includes(false) && want.includes("ENAMETOOLONG"));
    deepEqual(jail.absentEach([]), []);
    equal(openBelow(made.path), 0);
    for (let n = 0, reached = true; reached; n++) {
      const run = await failsAt(n, () => jail.absentEach(ats), { errno: "EIO" });
      reached = run.reached;
      // A listing that fails is made up for by looks; what cannot be looked at is not absent.
      run.value!.forEach((one, at) => ok(one instanceof OsError || one === want[at], `${at}`));
      equal(openBelow(made.path), 0);
    }
  });

  suite("absentEach() finds what is put in the place of another while it lists", async (jail) => {
    using made = tree(
      Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`D/${n}`, `${n}`])),
    );
    const ats = Array.from({ length: 20 }, (_, n) => at(made, `D/${n}`));
    for (let n = 0, reached = true; reached; n++) {
      const meddle = () => {
        Deno.writeTextFileSync(made.join("new"), "new");
        Deno.renameSync(made.join("new"), made.join("D/7"));
      };
      const run = await meddlesAt(n, () => jail.absentEach(ats), { meddle });
      reached = run.reached;
      deepEqual(run.value, ats.map(() => false));
    }
  });

  suite("readSmall() reads one state of a regular file that fits", async (jail) => {
    using made = tree(T);
    const into = new Uint8Array(20).fill(1);
    const found = jail.readSmall(at(made, "D/F"), into)!;
    deepEqual(found, jail.lookClosely(at(made, "D/F")));
    equal(new TextDecoder().decode(into.subarray(0, found.entry.size)), "content");
    equal(into[7], 1);
    equal(jail.readSmall(at(made, "D/F"), into.subarray(0, 7))!.entry.size, 7);
    equal(jail.readSmall(at(made, "D/F"), into.subarray(0, 6)), undefined);
    throws(() => jail.readSmall(at(made, "D"), into), { code: "os/EINVAL" });
    throws(() => jail.readSmall(at(made, "D/fifo"), into), { code: "os/EINVAL" });
    throws(() => jail.readSmall(at(made, "D/out"), into), { code: "os/ELOOP" });
    throws(() => jail.readSmall(at(made, "D/in/x"), into), { code: "os/ELOOP" });
    throws(() => jail.readSmall(at(made, "D/no"), into), { code: "os/ENOENT" });
    for (const written of ["a longer content", "short", "CONTENT"]) {
      for (let n = 0, reached = true; reached; n++) {
        Deno.writeTextFileSync(made.join("D/F"), "content");
        const meddle = () => Deno.writeTextFileSync(made.join("D/F"), written);
        const run = await meddlesAt(n, () => jail.readSmall(at(made, "D/F"), into), { meddle });
        reached = run.reached;
        equal(run.error, undefined);
        if (run.value === undefined) continue;
        const text = new TextDecoder().decode(into.subarray(0, run.value.entry.size));
        ok(text === "content" || text === written, text);
      }
    }
  });

  suite(
    "readSmallEach() says for every file what readSmall() says, and keeps nothing open",
    async (jail) => {
      using made = tree({ ...T, "D/G": "more" });
      const names = [
        "D/F",
        "D/G",
        "D",
        "D/fifo",
        "D/out",
        "D/in/x",
        "D/no",
        "no/F",
        "D/F/x",
        "D/F",
      ];
      const told = (work: () => unknown) => {
        try {
          const found = work();
          if (found instanceof OsError) throw found;
          return found;
        } catch (error) {
          if (!(error instanceof OsError)) throw error;
          return `${error.errnoName} ${error.path}`;
        }
      };
      for (const size of [20, 5]) {
        const wanted = names.map((name) => ({ at: at(made, name), into: new Uint8Array(size) }));
        const alone = wanted.map(({ at }) => told(() => jail.readSmall(at, new Uint8Array(size))));
        const found = jail.readSmallEach(wanted);
        deepEqual(found.map((one) => told(() => one)), alone);
        if (size === 20) equal(new TextDecoder().decode(wanted[1]!.into.subarray(0, 4)), "more");
        equal(openBelow(made.path), 0);
      }
      for (let n = 0, reached = true; reached; n++) {
        const wanted = names.map((name) => ({ at: at(made, name), into: new Uint8Array(20) }));
        const run = await failsAt(n, () => jail.readSmallEach(wanted), { errno: "EIO" });
        reached = run.reached;
        equal(run.error, undefined);
        equal(run.value!.some((one) => one instanceof OsError && one.errnoName === "EIO"), reached);
        equal(openBelow(made.path), 0);
      }
    },
  );

  suite("follows links above an anchor and in its place, never below", (jail) => {
    using made = tree({ "real/P/F": "x", "real/P/l": link("F"), alias: link("real") });
    const anchor = made.join("alias");
    equal(jail.look({ anchor, below: "P/F" }).kind, "reg");
    equal(jail.look({ anchor, below: "" }).kind, "dir");
    throws(() => jail.open({ anchor, below: "P/l" }), { code: "os/ELOOP" });
    deepEqual(jail.look({ anchor: "/" as DiskPath, below: made.join("alias/P/F").slice(1) }), {
      kind: "absent",
      because: "link",
    });
  });

  suite("follows no link of another user to an anchor", (jail) => {
    using made = tree({
      "real/P/F": "x",
      alias: { ...link("real"), uid: 12_345 },
      "in/here": { ...link("../real"), uid: 12_345 },
      ours: link("in/here"),
      "far/away": link("../real/../real/./P"),
    });
    for (
      const anchor of ["alias", "alias/P", "in/here", "ours", "ours/P"].map((n) => made.join(n))
    ) {
      throws(() => jail.look({ anchor, below: "P/F" }), { code: "os/ELOOP" }, anchor);
      throws(() => jail.parentOf({ anchor, below: "new" }), { code: "os/ELOOP" }, anchor);
    }
    equal(jail.look({ anchor: made.join("far/away"), below: "F" }).kind, "reg");
  });

  suite("a missing or unreachable anchor is not an absent file by mistake", (jail) => {
    using made = tree({ loop: link("loop"), F: "x" });
    const look = (anchor: string, below: string) => jail.look({ anchor: made.join(anchor), below });
    deepEqual(look("no", "a"), { kind: "absent", because: "parent" });
    deepEqual(look("no", ""), { kind: "absent", because: "leaf" });
    deepEqual(look("F", "a"), { kind: "absent", because: "parent", errno: "ENOTDIR" });
    throws(() => look("loop", "a"), { code: "os/ELOOP" });
  });

  suite("parentOf() refuses links and what is missing", (jail) => {
    using made = tree(T);
    throws(() => jail.parentOf(at(made, "D/out/x")), { code: "os/ELOOP" });
    throws(() => jail.parentOf(at(made, "L/F")), { code: "os/ELOOP" });
    throws(() => jail.parentOf(at(made, "no/F")), { code: "os/ENOENT" });
    throws(() => jail.parentOf(at(made, "D/F/x")), { code: "os/ENOTDIR" });
    using dir = jail.parentOf(at(made, "D/F")).dir;
    equal(jail.parentOf(at(made, "D/F")).leaf, "F");
    for (const leaf of ["..", "a/b", "", "../x", "F\0"]) {
      throws(() => dir.look(leaf as Name), { code: "os/EINVAL" });
      throws(() => dir.unlink(leaf as Name), { code: "os/EINVAL" });
      throws(() => dir.mkdir(leaf as Name, 0o700), { code: "os/EINVAL" });
      throws(() => dir.enter(leaf as Name), { code: "os/EINVAL" });
      throws(() => dir.open(leaf as Name), { code: "os/EINVAL" });
      throws(() => dir.rename("F" as Name, leaf as Name), { code: "os/EINVAL" });
    }
    throws(() => dir.enter("out" as Name), { code: "os/ENOTDIR" });
    throws(() => dir.open("out" as Name), { code: "os/ELOOP" });
    throws(() => dir.open("fifo" as Name), { code: "os/EINVAL" });
    throws(() => dir.open("no" as Name), { code: "os/ENOENT" });
  });

  suite("parentOf() an anchor allows metadata and nothing destructive", (jail) => {
    using made = tree({ "A/F": "x" });
    const { dir, leaf } = jail.parentOf({ anchor: made.join("A"), below: "" });
    using held = dir;
    {
      using anchor = held.hold(leaf);
      anchor.setMode(0o700);
    }
    equal(made.entry("A").kind === "dir" && held.look(leaf).kind, "dir");
    throws(() => held.rmdir(leaf), OsError);
    throws(() => held.unlink(leaf), OsError);
    {
      using temp = held.createTemp(leaf);
      throws(() => temp.installAs(leaf), OsError);
    }
    deepEqual(made.read(), { "A/": "", "A/F": "x" });
  });

  suite("open() reads regular files only", (jail) => {
    using made = tree(T);
    {
      using file = jail.open(at(made, "D/F"));
      const bytes = new Uint8Array(20);
      equal(file.size, 7);
      equal(file.readAt(bytes, 3), 4);
      equal(new TextDecoder().decode(bytes.subarray(0, 4)), "tent");
      equal(file.readAt(bytes, 7), 0);
    }
    throws(() => jail.open(at(made, "D")), { code: "os/EINVAL" });
    throws(() => jail.open(at(made, "D/fifo")), { code: "os/EINVAL" });
    throws(() => jail.open(at(made, "D/out")), { code: "os/ELOOP" });
    throws(() => jail.open(at(made, "D/out/passwd")), { code: "os/ELOOP" });
    throws(() => jail.open(at(made, "D/no")), { code: "os/ENOENT" });
    throws(() => jail.open(at(made, "D/F/no")), { code: "os/ENOTDIR" });
  });

  suite("isUnchanged() notices content, replacement, removal and a swapped parent", (jail) => {
    const changes: [string, (made: Tree) => void][] = [
      ["content", (m) => Deno.writeTextFileSync(m.join("D/F"), "other")],
      ["metadata", (m) => Deno.chmodSync(m.join("D/F"), 0o600)],
      ["replacement", (m) => m.make({ "D/F": "old" })],
      ["removal", (m) => m.remove("D/F")],
      ["a link", (m) => {
        Deno.renameSync(m.join("D/F"), m.join("G"));
        Deno.symlinkSync("../G", m.join("D/F"));
      }],
      ["parent", (m) => {
        Deno.renameSync(m.join("D"), m.join("E"));
        Deno.symlinkSync("E", m.join("D"));
      }],
    ];
    for (const [what, change] of changes) {
      using made = tree({ "D/F": "old" });
      using file = jail.open(at(made, "D/F"));
      equal(file.isUnchanged(), true, what);
      change(made);
      equal(file.isUnchanged(), false, what);
    }
  });

  for (const swapped of ["D", "D/E", "D/E/F"]) {
    suite(`cannot be led outside when ${swapped} becomes a link meanwhile`, async (jail) => {
      for (let n = 0, reached = true; reached; n++) {
        using outside = tree({ "E/F": "secret", "E/keep/": directory(), F: "secret", "keep/": "" });
        using made = tree({ "D/E/F": "ours" });
        const lure = { D: outside.path, "D/E": outside.path, "D/E/F": outside.join("F") }[swapped]!;
        const swap = () => {
          if (made.entry(swapped).kind !== "absent") {
            Deno.renameSync(made.join(swapped), made.join("old"));
          }
          Deno.symlinkSync(lure, made.join(swapped));
        };
        const before = outside.read();
        const run = await meddlesAt(n, () => attempt(jail, made), { meddle: swap });
        equal(run.error, undefined, `swapped before call ${n}`);
        deepEqual(outside.read(), before, `swapped before call ${n}`);
        reached = run.reached;
        ok(n < 200);
      }
    });
  }

  suite("walk() reports what it cannot read, and goes on", async (jail) => {
    using made = tree({ "a/x": "", "b/y": "", "c": "" });
    for (const directories of ["after", "before"] as const) {
      const whole = walked(jail, made, directories).names;
      for (let n = 0, reached = true; reached; n++) {
        const run = await failsAt(n, () => walked(jail, made, directories), { errno: "EACCES" });
        equal(run.error, undefined);
        equal(openBelow(made.path), 0);
        reached = run.reached;
        if (!reached) continue;
        const { names, errors } = run.value!;
        ok(errors.length >= 1, `call ${n} ${run.calls[n]}: an error is reported`);
        for (const name of whole.filter((name) => !names.includes(name))) {
          ok(errors.some((e) => name === e || name.startsWith(`${e}/`)), `${name} is unknown`);
        }
      }
    }
  });

  suite("walk() leaves out what vanishes meanwhile", async (jail) => {
    for (const directories of ["after", "before"] as const) {
      for (let n = 0, reached = true; reached; n++) {
        using made = tree({ "a/x/1": "", "a/x/2": "", "b": "", "c/": directory() });
        const meddle = () => Deno.removeSync(made.join("a"), { recursive: true });
        const run = await meddlesAt(n, () => walked(jail, made, directories), { meddle });
        equal(run.error, undefined);
        deepEqual(run.value!.errors, []);
        ok(run.value!.names.includes("/T/b") && run.value!.names.includes("/T/c"));
        reached = run.reached;
      }
    }
  });
}

/** Everything a change does; whatever it answers, it must stay inside. */
function attempt(jail: Jail, made: Tree): void {
  const where = at(made, "D/E/F");
  const tries: (() => void)[] = [
    () => jail.look(where),
    () => {
      using file = jail.open(where);
      const bytes = new Uint8Array(10);
      const n = file.readAt(bytes, 0);
      ok(new TextDecoder().decode(bytes.subarray(0, n)) !== "secret");
    },
    () => {
      const { dir, leaf } = jail.parentOf(where);
      using held = dir;
      using file = held.open(leaf);
      ok(file.size !== "secret".length);
    },
    () => void walked(jail, made, "before").names.forEach((n) => ok(!n.endsWith("keep"))),
    () => void walked(jail, made, "after").names.forEach((n) => ok(!n.endsWith("keep"))),
    () => {
      const { dir, leaf } = jail.parentOf(where);
      using held = dir;
      using temp = held.createTemp(leaf);
      temp.write(new Uint8Array([1, 2, 3]));
      temp.setMode(0o600);
      temp.installAs(leaf);
      using object = held.hold(leaf);
      object.setTime(1n);
      object.setMode(0o640);
      object.setOwner(1, 1);
      held.unlink(leaf);
      held.mkdir(leaf, 0o700);
      held.sync();
    },
  ];
  for (const one of tries) {
    try {
      one();
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
    }
  }
}

function walked(
  jail: Jail,
  made: Tree,
  directories: "after" | "before",
): { names: string[]; errors: string[] } {
  const errors: string[] = [];
  const steps: WalkStep[] = [...jail.walk(made.at(), {
    name: "/T" as DbName,
    directories,
    classify: () => 2,
    onError: (name) => errors.push(name),
  })];
  return { names: steps.map((s) => s.name), errors };
}
