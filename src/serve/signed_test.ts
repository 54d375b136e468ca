/** A time that a client of ours sends says that it has what is here: only of what it was shown. */
import { deepStrictEqual as equal } from "node:assert/strict";
import { ReceiverBed } from "../../tests/support/receiving.ts";
import { locate } from "../config/mod.ts";
import { type DbName, nanos, type Outcome } from "../model/mod.ts";
import { Signed } from "./signed.ts";

const DONE = { kind: "done" }, CONFLICT = { kind: "conflict" };
const TIME = nanos(1_600_000_000_000_000_000n);

function test(name: string, work: (bed: ReceiverBed) => Promise<void>): void {
  Deno.test(name, async () => {
    await using bed = await ReceiverBed.open();
    Deno.mkdirSync(bed.name("D"), { mode: 0o755 });
    await bed.check("D");
    await work(bed);
  });
}

/** As the fast dialect does it. */
async function touch(bed: ReceiverBed, file = "D"): Promise<Outcome> {
  await using handler = bed.receiver.bulk.fork();
  return await handler.change(bed.at(file), { kind: "mtime", mtime: TIME });
}

/** A user makes a file of it, and a check of another program finds that. */
async function becomesFile(bed: ReceiverBed): Promise<void> {
  Deno.removeSync(bed.name("D"));
  Deno.writeTextFileSync(bed.name("D"), "of the user");
  await checked(bed);
}

async function checked(bed: ReceiverBed): Promise<void> {
  await bed.check("D");
  for (const peer of ["a.demo", "c.demo"]) await bed.mark("D", peer);
}

const MARKS = ["a.demo D", "c.demo D"];
const SHOWN_BY = {
  "an offer that was not the same": async (bed: ReceiverBed) => {
    equal((await bed.offer(bed.row("D", { isCurrent: false })))[0]?.kind, "there");
  },
  "an offer that was the same": async (bed: ReceiverBed) => {
    equal((await bed.offer(bed.row("D")))[0]?.kind, "same");
  },
  "a look": async (bed: ReceiverBed) => {
    equal((await bed.receiver.look(bed.at("D"))).kind, "there");
  },
  "making it": async (bed: ReceiverBed) => {
    const here = bed.seen("D");
    if (here.kind === "reg") throw new Error("a file");
    equal(await bed.receiver.bulk.make(bed.at("D"), here), DONE);
  },
  "nothing": () => Promise.resolve(),
};

for (const [how, show] of Object.entries(SHOWN_BY)) {
  test(`a time for a directory keeps the marks of a file that took its place: ${how}`, async (bed) => {
    await show(bed);
    await becomesFile(bed);
    equal(await touch(bed), CONFLICT);
    equal(await bed.marks(), MARKS);
    equal(Deno.readTextFileSync(bed.name("D")), "of the user");
  });

  test(`a time for a directory keeps the marks of another mode: ${how}`, async (bed) => {
    await show(bed);
    Deno.chmodSync(bed.name("D"), 0o700);
    await checked(bed);
    equal(await touch(bed), CONFLICT);
    equal(await bed.marks(), MARKS);
  });

  test(`a time for a directory that is as it was is set again and again: ${how}`, async (bed) => {
    await show(bed);
    for (let times = 0; times < 2; times++) equal(await touch(bed), DONE);
    equal(Deno.statSync(bed.name("D")).mtime?.getTime(), 1_600_000_000_000);
  });
}

test("a time for a directory that was shown with its marks clears the peer's", async (bed) => {
  await checked(bed);
  await SHOWN_BY["a look"](bed);
  equal(await touch(bed), DONE);
  equal(await bed.marks(), ["c.demo D"]);
});

Deno.test("Signed remembers more files than requests may be in flight", async () => {
  await using bed = await ReceiverBed.open();
  Deno.writeTextFileSync(bed.name("F"), "1");
  await bed.check("F");
  const { fingerprint } = bed.jail.lookClosely(locate(bed.config, bed.name("F"))!);
  const signed = new Signed();
  signed.add(bed.name("F"), { ...fingerprint!, ino: 0n });
  for (let n = 1; n < 2 * 1_024; n++) signed.add(`/other/${n}` as DbName, fingerprint!);
  const place = {
    config: bed.config,
    state: bed.state,
    reads: { of: () => Promise.resolve({ record: undefined, isDirty: false }) },
  };
  const now = { seen: bed.seen("F"), fingerprint };
  equal(await signed.judge(place as never, bed.name("F"), now), "changed");
});
