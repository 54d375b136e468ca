import assert from "node:assert/strict";
import { type DbName, dbName, type DirtyRow, type HostName } from "../model/mod.ts";
import { MemoryReporter, type Reporter } from "../report/mod.ts";
import { InFlight } from "./in_flight.ts";
import type { PushResult } from "./push.ts";

/** Rows that end when the test says so, and a log of what happened to them. */
class Script {
  readonly log: string[] = [];
  readonly reporter = new MemoryReporter();
  readonly flight: InFlight;
  readonly #ends = new Map<string, (result: PushResult | Error) => void>();
  /** Names that come again when they lack their parent. */
  readonly again = new Set<string>();

  constructor(window: number) {
    this.flight = new InFlight({
      window,
      reporter: this.reporter,
      onEnd: (row, result) => {
        this.log.push(`${row.name} ${result}`);
        return Promise.resolve(this.again.has(row.name) ? "again" : "go on");
      },
    });
  }

  start(name: string, path: string = name): void {
    const row: DirtyRow = {
      name: dbName(name),
      forced: false,
      myName: "a" as HostName,
      peer: "b" as HostName,
      generation: 1,
    };
    this.flight.start({
      row,
      path: path as DbName,
      push: (reporter) => this.#push(name, reporter),
    });
  }

  async #push(name: string, reporter: Reporter): Promise<PushResult> {
    this.log.push(`${name} begins`);
    reporter.print(name);
    const { promise, resolve } = Promise.withResolvers<PushResult | Error>();
    this.#ends.set(name, resolve);
    const result = await promise;
    reporter.print(`${name}!`);
    if (result instanceof Error) throw result;
    return result;
  }

  async end(name: string, result: PushResult | Error = "settled"): Promise<void> {
    this.#ends.get(name)!(result);
    await settle();
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 40; i++) await Promise.resolve();
}

Deno.test("InFlight ends rows in the order of their start, and tells their events then", async () => {
  const s = new Script(3);
  for (const name of ["/a", "/b", "/c"]) s.start(name);
  await settle();
  assert.deepEqual(s.reporter.printed, ["/a"], "the first one is told at once");
  let hasRoom = false;
  const room = s.flight.room().then(() => hasRoom = true);
  await s.end("/c");
  await s.end("/b");
  assert.equal(hasRoom, false);
  await s.end("/a");
  await room;
  assert.deepEqual(s.reporter.printed, ["/a", "/a!", "/b", "/b!"]);
  await s.flight.drain();
  assert.deepEqual(s.reporter.printed, ["/a", "/a!", "/b", "/b!", "/c", "/c!"]);
  assert.deepEqual(s.log.slice(3), ["/a settled", "/b settled", "/c settled"]);
});

for (
  const [what, first, second] of [
    ["a child after its parent", "/a", "/a/b"],
    ["a directory after its contents", "/a/b/c", "/a"],
    ["two names of one object", "/a", "/a"],
  ] as const
) {
  Deno.test(`InFlight begins ${what}, and others at once`, async () => {
    const s = new Script(9);
    s.start("/one", first);
    s.start("/two", second);
    s.start("/x", "/a.b");
    await settle();
    assert.deepEqual(s.log, ["/one begins", "/x begins"]);
    const drained = s.flight.drain();
    await s.end("/one", "kept");
    assert.equal(s.log.at(-1), "/two begins");
    await s.end("/two");
    await s.end("/x");
    await drained;
  });
}

Deno.test("InFlight keeps what others achieved when one fails, and throws then", async () => {
  const s = new Script(9);
  for (const name of ["/a", "/b", "/c", "/d", "/e"]) s.start(name);
  await settle();
  const drained = assert.rejects(s.flight.drain(), /lost/);
  await s.end("/e");
  await s.end("/d", new Error("also lost"));
  await s.end("/b", new Error("lost"));
  await s.end("/a");
  assert.equal(s.log.length, 6, "the others are waited for");
  await s.end("/c", "kept");
  await drained;
  assert.deepEqual(s.log.slice(5), ["/a settled", "/c kept", "/e settled"]);
  assert.deepEqual(s.reporter.printed, ["/a", "/a!", "/b", "/b!", "/c", "/c!", "/e", "/e!"]);
});

Deno.test("InFlight lets those that lack the same parent come again, untold", async () => {
  const s = new Script(9);
  s.again.add("/d/a");
  for (const name of ["/d/a", "/d/b", "/e"]) s.start(name);
  await settle();
  const drained = s.flight.drain();
  await s.end("/d/a", "parent-missing");
  assert.equal(s.log.length, 3, "the parent is sent when nothing else is under way");
  await s.end("/d/b", "parent-missing");
  await s.end("/e");
  await drained;
  assert.deepEqual(s.log.slice(3), ["/d/a parent-missing", "/e settled"]);
  assert.deepEqual(s.reporter.printed, ["/d/a", "/d/a!", "/e", "/e!"]);
});

Deno.test("contents take no more than their part, which may become less; one row may always go", async () => {
  const memory = { bytes: 100 }, ends: (() => void)[] = [];
  const flight = new InFlight({
    window: 64,
    reporter: new MemoryReporter(),
    memory,
    onEnd: () => "go on",
  });
  const start = (n: number) => {
    const { promise, resolve } = Promise.withResolvers<PushResult>();
    ends.push(() => resolve("settled"));
    const name = dbName(`/${n}`), generation = 1;
    const row = { name, forced: false, myName: "a" as HostName, peer: "b" as HostName, generation };
    flight.start({ row, path: name, bytes: 60, push: () => promise });
  };
  start(1);
  assert(flight.hasRoom);
  start(2);
  assert(!flight.hasRoom);
  memory.bytes = 10; // others have come
  ends[0]!();
  let hasRoom = false;
  const room = flight.room().then(() => hasRoom = true);
  await settle();
  assert(!hasRoom);
  ends[1]!();
  await room;
  assert(flight.hasRoom, "with nothing under way");
  start(3);
  assert(!flight.hasRoom);
  ends[2]!();
  await flight.drain();
});
