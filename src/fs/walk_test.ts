import { deepEqual, equal, ok } from "node:assert/strict";
import { type DbName, type DiskPath, percentEncode } from "../model/mod.ts";
import { directory, fifo, link, type Tree, tree, type TreeSpec } from "../../tests/support/tree.ts";
import { failsAt, meddlesAt } from "../../tests/support/fault.ts";
import { openReadJail } from "./jail.ts";
import type { WalkClass, WalkOptions } from "./ports.ts";

type Order = WalkOptions["directories"];

interface WalkRun {
  names: string[];
  errors: string[];
  asked: string[];
}

function walk(
  made: Tree,
  directories: Order,
  { name = "/T", below = "", classify = (_: string): WalkClass => 2 } = {},
): WalkRun {
  using jail = openReadJail();
  const run: WalkRun = { names: [], errors: [], asked: [] };
  const steps = jail.walk(made.at(below), {
    name: name as DbName,
    directories,
    classify: (name) => (run.asked.push(name), classify(name)),
    onError: (name, error) => run.errors.push(`${name}: ${error.errnoName}`),
  });
  for (const step of steps) run.names.push(step.name);
  return run;
}

const T: TreeSpec = {
  "a/b": "",
  "a/c/d": "",
  "a.x": "",
  "a x": "",
  "a%/1": "",
  "a$": "",
  "a!/1": "",
  "a\x01/2": "",
  "ab": "",
  "\xff\xfe/n": "",
  "A/": directory(),
  "z\n": "",
  "Z:/q": "",
  "link": link("a"),
  "loop": link("."),
  "fifo": fifo(),
};

Deno.test("walk() after: strictly descending order of encoded names, each object once", () => {
  using made = tree(T);
  for (const name of ["/T", "/", "%p%"]) {
    const { names, errors, asked } = walk(made, "after", { name });
    deepEqual(errors, []);
    const encoded = names.map((n) => percentEncode(n));
    for (const [i, after] of encoded.slice(1).entries()) {
      ok(encoded[i]! > after, `${encoded[i]} ${after}`);
    }
    const prefix = name === "/" ? "" : name;
    const want = Object.keys(made.read()).map((n) => `${prefix}/${n.replace(/\/$/, "")}`);
    deepEqual(names.toSorted(), [...want, name].sort());
    deepEqual(asked.toSorted(), names.toSorted());
  }
});

Deno.test("walk() before: each directory, then its entries in descending byte order", () => {
  using made = tree({ "a/b": "", "a/c/d": "", "a.x": "", "a x": "", "\xff/n": "", "b/": "" });
  const { names } = walk(made, "before");
  deepEqual(names, [
    "/T",
    "/T/\xff",
    "/T/\xff/n",
    "/T/b",
    "/T/a.x",
    "/T/a x",
    "/T/a",
    "/T/a/c",
    "/T/a/c/d",
    "/T/a/b",
  ]);
});

Deno.test("walk() after: a directory comes after siblings that sort between it and its contents", () => {
  using made = tree({ "a/1": "", "a.x": "", "a!": "", "b": "" });
  deepEqual(walk(made, "after").names, ["/T/b", "/T/a/1", "/T/a.x", "/T/a!", "/T/a", "/T"]);
});

for (const directories of ["after", "before"] as const) {
  Deno.test(`walk() ${directories}: class 0 is not touched, class 1 entered, class 2 yielded`, () => {
    using made = tree({ "in/F": "", "in/sub/G": "", "out/H": "", "one": "", "two": "" });
    const classes: Record<string, WalkClass> = { "/T": 1, "/T/in": 1, "/T/out": 0, "/T/one": 1 };
    const { names, asked } = walk(made, directories, { classify: (n) => classes[n] ?? 2 });
    deepEqual(names.toSorted(), ["/T/in/F", "/T/in/sub", "/T/in/sub/G", "/T/two"]);
    ok(!asked.includes("/T/out/H"));
    deepEqual(walk(made, directories, { classify: () => 0 }).asked, ["/T"]);
  });

  Deno.test(`walk() ${directories}: starts at a file, at a link, at nothing`, () => {
    using made = tree({ F: "", L: link("F"), "D/": "" });
    deepEqual(walk(made, directories, { below: "F" }).names, ["/T"]);
    deepEqual(walk(made, directories, { below: "L" }).names, ["/T"]);
    deepEqual(walk(made, directories, { below: "D" }).names, ["/T"]);
    deepEqual(walk(made, directories, { below: "no" }), { names: [], errors: [], asked: ["/T"] });
    deepEqual(walk(made, directories, { below: "F/x" }).errors, []);
    deepEqual(walk(made, directories, { below: "L/x" }).errors, []);
  });

  Deno.test(`walk() ${directories}: goes deeper than paths and descriptors last`, () => {
    const depth = 300;
    using made = tree();
    const parts = Array.from({ length: depth }, () => "d".repeat(20));
    const spec: Record<string, string> = { [`${parts.join("/")}/F`]: "" };
    for (const n of [1, 70, 150, 299]) spec[`${parts.slice(0, n).join("/")}/${"a"}`] = "";
    made.make(spec);
    let most = 0;
    using jail = openReadJail();
    let count = 0;
    const steps = jail.walk(made.at(), {
      name: "/T" as DbName,
      directories,
      classify: () => 2,
      onError: (name, error) => ok(false, `${name} ${error.message}`),
    });
    for (const _ of steps) {
      count++;
      most = Math.max(most, descriptors(made.path));
    }
    equal(count, depth + 6);
    ok(most <= 70, `${most} descriptors`);
  });

  Deno.test(`walk() ${directories}: closes everything when the caller stops early`, () => {
    using made = tree({ "a/b/c/F": "", "a/b/G": "" });
    let during = 0;
    {
      using jail = openReadJail();
      for (
        const step of jail.walk(made.at(), {
          name: "/T" as DbName,
          directories,
          classify: () => 2,
          onError: () => {},
        })
      ) {
        during = descriptors(made.path);
        if (step.name.endsWith("F") || step.name.endsWith("G")) break;
      }
    }
    ok(during > 0);
    equal(descriptors(made.path), 0);
  });

  Deno.test(`walk() ${directories}: reports a listing that breaks off, and uses what was read`, async () => {
    using made = tree({ "a/1": "", "b": "" });
    const only = (call: string) => call === "getdents64";
    // 0 and 1 list the start, 2 and 3 list a.
    const { value } = await failsAt(3, () => walk(made, directories), { only });
    deepEqual(value!.errors, ["/T/a: EIO"]);
    deepEqual(value!.names.toSorted(), ["/T", "/T/a", "/T/a/1", "/T/b"]);
  });
}

Deno.test("walk() after: what becomes a directory after its listing is reported as unknown", async () => {
  using made = tree({ a: "", b: "" });
  const meddle = () => {
    made.remove("a");
    made.make({ "a/inner": "" });
  };
  // The statx before the last two: after the listing, before a is looked at.
  const { value } = await meddlesAt(1, () => walk(made, "after"), {
    only: (call) => call === "statx",
    meddle,
  });
  deepEqual(value, {
    names: ["/T/b", "/T/a", "/T"],
    errors: ["/T/a: ESTALE"],
    asked: value!.asked,
  });
});

Deno.test("D 7.3.16 walk() lists a directory when it is its turn, and one per level at a time", () => {
  using made = tree({ "a/1": "", "b/1": "", "c/1": "" });
  using jail = openReadJail();
  const steps = jail.walk(made.at(""), {
    name: "/T" as DbName,
    directories: "before",
    classify: () => 2,
    onError: (_, error) => {
      throw error;
    },
  });
  const next = () => steps.next().value?.name;
  deepEqual([next(), next(), next()], ["/T", "/T/c", "/T/c/1"]);
  made.make({ "b/2": "", "a/2": "" }); // seen: nobody has looked there so far
  made.remove("b/1");
  deepEqual([next(), next()], ["/T/b", "/T/b/2"]);
  deepEqual([next(), next(), next(), next()], ["/T/a", "/T/a/2", "/T/a/1", undefined]);
});

Deno.test("walk() never follows links, also not to itself", () => {
  using made = tree({ "a/loop": link(".."), "b": link("a") });
  deepEqual(walk(made, "before").names, ["/T", "/T/b", "/T/a", "/T/a/loop"]);
});

Deno.test("walk() yields what look() sees", () => {
  using made = tree(T);
  using jail = openReadJail();
  const options = { classify: (): WalkClass => 2, onError: () => ok(false) };
  for (
    const step of jail.walk(made.at(), { ...options, name: "/" as DbName, directories: "after" })
  ) {
    deepEqual(step.entry, jail.look({ anchor: made.path, below: step.name.slice(1) }));
  }
});

/** How many descriptors of this process are of something below `root`: other threads have others. */
function descriptors(root: string): number {
  return [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(root);
    } catch (error) {
      return !(error instanceof Deno.errors.NotFound); // closed meanwhile; else the path is too long
    }
  }).length;
}

Deno.test("walk() goes through /proc without an error that ends it", () => {
  using jail = openReadJail();
  let count = 0;
  const steps = jail.walk({ anchor: "/" as DiskPath, below: `proc/${Deno.pid}` }, {
    name: "/proc/1" as DbName,
    directories: "before",
    classify: (name) => name.split("/").length > 4 ? 0 : 2,
    onError: () => {},
  });
  for (const _ of steps) count++;
  ok(count > 50);
});

Deno.test("D 7.3.17 walk() tells where it comes to another file system, and stays out if told to", () => {
  using jail = openReadJail();
  for (const directories of ["after", "before"] as const) {
    for (const isOpen of [true, false]) {
      const crossed: string[] = [], names: string[] = [];
      const steps = jail.walk({ anchor: "/" as DiskPath, below: "" }, {
        name: "/" as DbName,
        directories,
        classify: (name) => ["/", "/proc", "/proc/version", "/etc"].includes(name) ? 2 : 0,
        onError: (name, error) => names.push(`${name}: ${error.errnoName}`),
        crosses: (name, isForeign) => {
          crossed.push(`${name} ${isForeign}`);
          return isOpen;
        },
      });
      for (const { name } of steps) names.push(name);
      deepEqual(crossed, ["/proc true"]);
      const inside = isOpen ? ["/proc/version"] : [];
      deepEqual(names.sort(), ["/", "/etc", "/proc", ...inside]);
    }
  }
});
