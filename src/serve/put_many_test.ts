import { deepStrictEqual as equal, rejects } from "node:assert/strict";
import fc from "fast-check";
import { failsAt, meddlesAt } from "../../tests/support/fault.ts";
import { ReceiverBed, type ReceiverBedOptions } from "../../tests/support/receiving.ts";
import { CsyncError, type DiskPath, nanos, type Outcome, toBytes } from "../model/mod.ts";
import type { SmallPut } from "../protocol/mod.ts";
import { Permits } from "./permits.ts";
import { ServerEnding } from "./turn.ts";

const DONE = { kind: "done" }, CONFLICT = { kind: "conflict" };
const DENIED = { kind: "denied", why: "no grant" };
const MISSING = { kind: "failed", reply: "No such file or directory" };
const TIME = nanos(1_600_000_000_123_456_789n);
const META = { uid: 7, gid: 8, mode: 0o100640, mtime: TIME };

function test(
  name: string,
  work: (bed: ReceiverBed) => Promise<void>,
  options: ReceiverBedOptions = {},
): void {
  Deno.test(name, async () => {
    await using bed = await ReceiverBed.open(options);
    await work(bed);
    equal(bed.locks.size, 0);
    equal(await bed.state.intents(), []);
    equal(tree(bed).filter((line) => line.startsWith(".")), [], "no temporary file is left");
  });
}

function put(bed: ReceiverBed, file: string, text: string, key?: string): SmallPut {
  const content = toBytes(text);
  return { ...bed.at(file, key), want: { kind: "reg", meta: META, size: content.length }, content };
}

async function putMany(bed: ReceiverBed, files: Record<string, string>): Promise<Outcome[]> {
  const puts = Object.entries(files).map(([file, text]) => put(bed, file, text));
  return [...await bed.receiver.bulk.putMany(puts)];
}

/** One line per object. */
function tree(bed: ReceiverBed, dir = ""): string[] {
  return [...Deno.readDirSync(bed.name(dir))].flatMap(
    ({ name, isDirectory, isSymlink, isFile }) => {
      const file = `${dir}${name}`, path = bed.name(file);
      const mode = (Deno.lstatSync(path).mode! & 0o7777).toString(8);
      if (isSymlink) return [`${file} -> ${Deno.readLinkSync(path)}`];
      if (isFile) return [`${file} ${mode} ${Deno.readTextFileSync(path)}`];
      return isDirectory ? [`${file}/`, ...tree(bed, `${file}/`)] : [file];
    },
  ).sort();
}

/** Transactions so far: a batch has two. */
function counted(bed: ReceiverBed): { transactions: number } {
  const count = { transactions: 0 }, joined = bed.state.joined.bind(bed.state);
  bed.state.joined = (work) => {
    count.transactions++;
    return joined(work);
  };
  return count;
}

test("putMany() makes and replaces files in two transactions for all", async (bed) => {
  Deno.writeTextFileSync(bed.name("old"), "old");
  Deno.mkdirSync(bed.name("D"));
  await bed.check("old");
  await bed.mark("old2", "c.demo"); // of another name
  const count = counted(bed);
  const files = { old: "new", F: "", "D/G": "g".repeat(70_000), "D/H": "\0".repeat(200_000) };
  equal(await putMany(bed, files), [DONE, DONE, DONE, DONE]);
  equal(count.transactions, 2);
  for (const [file, text] of Object.entries(files)) {
    equal(Deno.readTextFileSync(bed.name(file)), text);
    equal(bed.seen(file), { kind: "reg", meta: META, size: text.length });
    const size = `v1:mtime=1600000000:mode=33184:uid=7:gid=8:type=reg:size=${text.length}`;
    equal(await bed.stored(file), size);
  }
  equal(await bed.marks(), ["c.demo old2"]);
  equal(bed.texts(), Object.keys(files).map((file) => `Updated ROOT/${file} from a.demo.`));
});

test("putMany() gives each file its owner and mode, whatever the system makes of new ones", async (bed) => {
  const modes = [0o644, 0o666, 0o664, 0o777, 0o640, 0o604, 0o1777, 0o4755, 0o6755, 0o600, 0];
  Deno.mkdirSync(bed.name("D"));
  Deno.chownSync(bed.name("D"), 0, 9);
  Deno.chmodSync(bed.name("D"), 0o2755); // new files get its group
  const puts = ["", "D/", "again"].flatMap((dir) =>
    modes.flatMap((mode, n) =>
      [0, 9].map((gid) => {
        const one = put(bed, `${dir}F${n}-${gid}`, "x"), meta = { ...META, uid: 0, gid };
        return { ...one, want: { ...one.want, meta: { ...meta, mode: 0o100000 | mode } } };
      })
    )
  );
  const count = counted(bed);
  equal(await bed.receiver.bulk.putMany(puts), puts.map(() => DONE));
  equal(count.transactions, 2);
  for (const { name, want } of puts) equal(bed.seen(name.slice(bed.root.length + 1)), want);
});

test(
  "putMany() schedules the actions of each file",
  async (bed) => {
    await using fork = bed.receiver.bulk.fork();
    const puts = ["F", "G"].map((file) => put(bed, file, file));
    equal(await fork.bulk!.putMany(puts), [DONE, DONE]);
    equal((await bed.state.actions()).map(({ name }) => name), [bed.name("G")]);
    equal(bed.receiver.hasScheduled, true);
  },
  {
    config:
      'nossl * *; group g { host a.demo b.demo c.demo; key k; include ROOT; action { pattern **/G; exec ":"; } }',
  },
);

test("putMany() leaves what is in the way of one file to that, and goes on with the others", async (bed) => {
  for (const file of ["mine", "marked", "link", "same"]) {
    Deno.writeTextFileSync(bed.name(file), "x");
  }
  Deno.mkdirSync(bed.name("empty"));
  Deno.mkdirSync(bed.name("full/inside"), { recursive: true });
  Deno.symlinkSync("same", bed.name("L"));
  await bed.check("marked", "link", "same", "empty", "full", "L");
  await bed.mark("marked", "c.demo");
  const puts = ["first", "mine", "marked", "none/F", "empty", "full", "L", "same/F", "last"]
    .map((file) => put(bed, file, "new"));
  puts.splice(1, 0, put(bed, "denied", "new", "wrong"));
  const outcomes = await bed.receiver.bulk.putMany(puts);
  const failed = (reply: string) => ({ kind: "failed", reply });
  equal(outcomes, [
    DONE,
    DENIED,
    CONFLICT,
    CONFLICT,
    MISSING,
    DONE,
    failed("Directory not empty"),
    DONE,
    failed("Not a directory"),
    DONE,
  ]);
  equal(tree(bed), [
    "L 640 new",
    "empty 640 new",
    "first 640 new",
    "full/",
    "full/inside/",
    "last 640 new",
    "link 644 x",
    "marked 644 x",
    "mine 644 x",
    "same 644 x",
  ]);
  const marks = ["a.demo marked", "a.demo mine", "c.demo marked", "c.demo mine"];
  equal((await bed.marks()).toSorted(), marks);
});

test("putMany() of a path that another request has waits for that, and not with the others", async (bed) => {
  using lock = await bed.locks.take(bed.name("F") as string as DiskPath);
  const putting = putMany(bed, { F: "new", G: "new" });
  while (!tree(bed).includes("G 640 new")) await new Promise((go) => setTimeout(go, 1));
  equal(tree(bed), ["G 640 new"]);
  lock[Symbol.dispose]();
  equal(await putting, [DONE, DONE]);
  equal(tree(bed), ["F 640 new", "G 640 new"]);
});

test(
  "putMany(): two names of one object, and rows above one another, keep their order",
  async (bed) => {
    // The second name is one that nobody has told this host of.
    equal(await putMany(bed, { "X/F": "plain", "%p%/F": "prefix" }), [DONE, CONFLICT]);
    equal(tree(bed), ["X/", "X/F 640 plain"]);
    const twice = [put(bed, "X/G", "one"), put(bed, "X/G", "two")];
    equal(await bed.receiver.bulk.putMany(twice), [DONE, DONE]);
    equal(tree(bed), ["X/", "X/F 640 plain", "X/G 640 two"]);
    const reply = { kind: "failed", reply: "Not a directory" };
    equal(await putMany(bed, { "X/N/F": "", "%p%/N": "", "X/N/G": "" }), [MISSING, DONE, reply]);
  },
  {
    config:
      `nossl * *; prefix p { on *: ROOT/X; } group g { host a.demo b.demo; key k; include ROOT; include %p%; }`,
    before: (root) => Deno.mkdirSync(`${root}/X`),
  },
);

test("putMany() keeps the order of names below one another, whatever sorts in between", async (bed) => {
  const reply = { kind: "failed", reply: "Not a directory" };
  const files = { D: "file", "D-x": "other", "D/F": "below" };
  equal(await putMany(bed, files), [DONE, DONE, reply]);
  equal(tree(bed), ["D 640 file", "D-x 640 other"]);
});

test(
  "putMany() does not wait for one path after the other that others keep",
  async (bed) => {
    using _locks = bed.locks.tryTakeEach(
      ["F", "G", "H"].map((file) => bed.name(file) as string as DiskPath),
    );
    const asked: number[] = [], setTimer = globalThis.setTimeout;
    globalThis.setTimeout = ((work: () => void, ms: number) => {
      asked.push(Math.round(ms));
      return setTimer(work, ms);
    }) as typeof setTimeout;
    try {
      const busy = { kind: "failed", reply: "Device or resource busy" };
      equal(await putMany(bed, { F: "", G: "", H: "", I: "" }), [busy, busy, busy, DONE]);
    } finally {
      globalThis.setTimeout = setTimer;
    }
    equal(asked.filter((ms) => ms >= 100), [200], "each was waited for");
  },
  { lockWaitMs: 200 },
);

test("putMany(): a disk that is full in the middle fails those it has no room for", async (bed) => {
  Deno.writeTextFileSync(bed.name("F3"), "old");
  await bed.check("F3");
  const files = Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`F${n}`, `new ${n}`]));
  const only = (call: string) => call === "write";
  const run = await failsAt(3, () => putMany(bed, files), { errno: "ENOSPC", only });
  const full = { kind: "failed", reply: "No space left on device" };
  equal(run.value, [DONE, DONE, DONE, full, DONE, DONE]);
  equal(tree(bed).filter((line) => !/^F\d 640 new \d$/.test(line)), ["F3 644 old"]);
  equal(await bed.stored("F3"), await (bed.check("F3"), bed.stored("F3")));
});

test("putMany() replaces both names of one object", async (bed) => {
  Deno.writeTextFileSync(bed.name("one"), "old");
  Deno.linkSync(bed.name("one"), bed.name("two"));
  await bed.check("one", "two");
  equal(await putMany(bed, { one: "1", two: "2" }), [DONE, DONE]);
  equal(tree(bed), ["one 640 1", "two 640 2"]);
});

test("putMany(): what somebody here changes meanwhile stays, and is a conflict", async (bed) => {
  for (const file of ["F", "G"]) Deno.writeTextFileSync(bed.name(file), "old");
  await bed.check("F", "G");
  const run = await meddlesAt(0, () => putMany(bed, { F: "new", G: "new", H: "new" }), {
    only: (call) => call === "write",
    meddle: () => {
      Deno.writeTextFileSync(bed.name("G"), "mine");
      Deno.writeTextFileSync(bed.name("H"), "mine");
    },
  });
  equal(run.value, [DONE, CONFLICT, CONFLICT]);
  equal(tree(bed), ["F 640 new", "G 644 mine", "H 644 mine"]);
});

test(
  "putMany(): a copy of what is replaced is kept where the configuration asks for it",
  async (bed) => {
    Deno.writeTextFileSync(bed.name("F"), "old");
    await bed.check("F");
    equal(await putMany(bed, { F: "new", G: "new" }), [DONE, DONE]);
    equal(Deno.readTextFileSync(`${bed.root}/backup${bed.name("F")}`), "old");
  },
  {
    config:
      "nossl * *; group g { host a.demo b.demo; key k; include ROOT; exclude ROOT/backup; backup-directory ROOT/backup; backup-generations 2; }",
  },
);

test("putMany(): files longer than what is taken are refused one by one", async (bed) => {
  const long = { kind: "failed", reply: "Input/output error" };
  equal(await putMany(bed, { F: "x".repeat(11), G: "x".repeat(10) }), [long, DONE]);
}, { maxFileBytes: 10 });

test("putMany(): a state that fails is told for each file, and nothing is made", async (bed) => {
  bed.state.joined = () => Promise.reject(new CsyncError("state/busy", { message: "Busy" }));
  const busy = { kind: "failed", reply: "Resource temporarily unavailable" };
  equal(await putMany(bed, { F: "new", G: "new" }), [busy, busy]);
  equal(tree(bed), []);
});

test("putMany() in hand is finished when the server ends, and nothing is begun", async (bed) => {
  await using fork = bed.receiver.bulk.fork();
  using lock = await bed.locks.take(bed.name("F") as string as DiskPath);
  const putting = fork.bulk!.putMany([put(bed, "F", "f"), put(bed, "G", "g")]);
  bed.receiver.turn.end();
  await using other = bed.receiver.bulk.fork();
  const refused = rejects(other.bulk!.putMany([put(bed, "H", "h")]), ServerEnding);
  lock[Symbol.dispose]();
  equal(await putting, [DONE, DONE]);
  await refused;
  equal(tree(bed), ["F 640 f", "G 640 g"]);
});

test(
  "putMany() has no more files open than its permits stand for, and gives them back",
  async (bed) => {
    const files = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`F${n}`, `${n}`]));
    const count = counted(bed);
    equal(new Set((await putMany(bed, files)).map(({ kind }) => kind)), new Set(["done"]));
    equal(count.transactions, 2 * 20 / 4);
    // One permit is the handler's own: whoever comes next has to find it.
    equal(await putMany(bed, files), Object.keys(files).map(() => DONE));
  },
  { puts: new Permits(0).share() },
);

test("putMany() with permits for all of its files is one batch", async (bed) => {
  const files = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`F${n}`, `${n}`]));
  const count = counted(bed);
  equal(await putMany(bed, files), Object.keys(files).map(() => DONE));
  equal(count.transactions, 2);
}, { puts: new Permits(100).share() });

/** What is there before, and is it known? */
const OBJECTS = ["none", "file", "changed", "vanished", "marked", "dir", "full", "link"] as const;
const FILES = ["F", "G", "H", "%p%/F", "%p%/G", "X/F", "X/G", "N/F", "F/below"];
const CONFIG =
  `nossl * *; prefix p { on *: ROOT/X; } group g { host a.demo b.demo c.demo; key k; include ROOT; include %p%; }`;

async function prepare(bed: ReceiverBed, [file, object]: readonly [string, string]): Promise<void> {
  const path = bed.name(file);
  if (object === "dir" || object === "full") Deno.mkdirSync(path);
  else if (object === "link") Deno.symlinkSync("to", path);
  else if (object !== "none") {
    Deno.writeTextFileSync(path, object);
    Deno.utimeSync(path, 1_500_000_000, 1_500_000_000);
  }
  if (object === "full") Deno.writeTextFileSync(`${path}/inside`, "");
  if (object !== "none" && object !== "changed") await bed.check(file);
  if (object === "vanished") Deno.removeSync(path);
  if (object === "marked") await bed.mark(file, "c.demo");
}

async function state(bed: ReceiverBed) {
  const records = (await Array.fromAsync(bed.state.records("ascending"))).flat();
  const texts = records.map(({ name, stored }) => `${name} ${stored}`.replaceAll(bed.root, "ROOT"));
  return { tree: tree(bed), marks: (await bed.marks()).sort(), texts };
}

async function oneByOne(bed: ReceiverBed, puts: readonly SmallPut[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { content, want, ...at } of puts) {
    const begun = await bed.receiver.beginPut(at, want.meta);
    if ("kind" in begun) outcomes.push(begun);
    else {
      await using session = begun;
      outcomes.push(await session.applyWhole!(content, () => true));
    }
  }
  return outcomes;
}

Deno.test("property: putMany() does what putting one file after the other does", async () => {
  const before = fc.dictionary(
    fc.constantFrom("F", "G", "H", "X/F", "X/G"),
    fc.constantFrom(...OBJECTS),
  );
  const rows = fc.array(fc.tuple(fc.constantFrom(...FILES), fc.nat(3)), {
    minLength: 1,
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(before, rows, async (before, rows) => {
      const ends: unknown[] = [];
      for (const way of ["together", "one by one"]) {
        await using bed = await ReceiverBed.open({ config: CONFIG });
        Deno.mkdirSync(bed.name("X"));
        await bed.check("X");
        for (const one of Object.entries(before)) await prepare(bed, one);
        const puts = rows.map(([file, n]) => put(bed, file, `${n}`, n === 3 ? "wrong" : undefined));
        const outcomes = way === "together"
          ? await bed.receiver.bulk.putMany(puts)
          : await oneByOne(bed, puts);
        equal([bed.locks.size, await bed.state.intents()], [0, []]);
        ends.push({ outcomes, ...await state(bed) });
      }
      equal(ends[0], ends[1]);
    }),
    { numRuns: 150 },
  );
});
