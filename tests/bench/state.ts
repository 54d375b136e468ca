/**
 * `deno run -A tests/bench/state.ts [--rows N] [--dir DIR]`
 *
 * Microseconds per row of what a push asks of the state (SQLite), by rows of one call; several calls share
 * a transaction, as with a server that works for many requests at once.
 */
import { parseArgs } from "node:util";
import {
  type DbName,
  type DirtyRow,
  type FileRecord,
  type HostName,
  type Name,
  storedCheckText,
  TYPE_BITS,
} from "../../src/model/mod.ts";
import { openState, type StateStore, type StateTx } from "../../src/state/mod.ts";

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "20480" },
    dir: { type: "string", default: "/dev/shm" },
  },
});
const SIZES = [20, 128, 512] as const;
/** Rows of one transaction. */
const TOGETHER = 2_560;
/** The fastest counts. */
const ROUNDS = 4;
const PEER = "b.demo" as HostName, SELF = "a.demo" as HostName;

const rows = Number(values.rows);
const base = Deno.makeTempDirSync({ dir: values.dir, prefix: "csync-bench-" });

/** Names in their order, as many directories as a web server's tree has. */
function makeNames(): DbName[] {
  const names: string[] = [];
  for (let at = 0; at < rows; at++) {
    const dir = `${Math.floor(at / 3_200)}`.padStart(4, "0");
    names.push(
      `/srv/bench/source/d${dir}/s-${Math.floor(at / 64) + 10_000}/file-${at + 100_000}.dat`,
    );
  }
  return names as DbName[];
}

function recordOf(name: DbName, at: number): FileRecord {
  const meta = { mode: TYPE_BITS.reg | 0o644, uid: 0, gid: 0, mtime: 1_600_000_000n as never };
  const ignored = { uid: false, gid: false, mod: false };
  const stored = storedCheckText({ kind: "reg", meta, size: 1_000 + at }, {
    time: "nanos",
    ignored,
  });
  return { name, stored, subsecond: 1_000 + at };
}

function* cut<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}

type Work<T> = (batch: readonly T[]) => unknown;

/** @returns microseconds per row */
async function timed(work: () => Promise<void>, undo?: () => Promise<void>): Promise<number> {
  let fastest = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await work();
    fastest = Math.min(fastest, (performance.now() - start) * 1_000 / rows);
    await undo?.();
  }
  return fastest;
}

const table = new Map<string, string[]>();

function note(what: string, us: number): void {
  const line = table.get(what) ?? [];
  line.push(us.toFixed(2).padStart(8));
  table.set(what, line);
}

async function reading<T>(what: string, all: readonly T[], work: Work<T>): Promise<void> {
  for (const size of SIZES) {
    const us = await timed(async () => {
      for (const batch of cut(all, size)) await work(batch);
    });
    note(what, us);
  }
}

/** @param undo what has to be done before the next round; not counted */
async function writing<T>(
  state: StateStore,
  what: string,
  { all, work, undo }: {
    readonly all: readonly T[];
    readonly work: (tx: StateTx, batch: readonly T[]) => unknown;
    readonly undo?: () => Promise<void>;
  },
): Promise<void> {
  for (const size of SIZES) {
    const us = await timed(async () => {
      for (const some of cut(all, TOGETHER)) {
        await Promise.all(
          [...cut(some, size)].map((batch) =>
            state.joined(async (tx) => void await work(tx, batch))
          ),
        );
      }
    }, undo);
    note(what, us);
  }
}

async function main(): Promise<void> {
  await using state = await openState({
    database: `sqlite3://${base}/db.db3`,
    hostName: SELF,
    configName: "",
    lockTimeoutSeconds: 12,
    defaultDir: base,
  });
  const names = makeNames(), records = names.map(recordOf);
  const marks = names.map((name) => ({ name, myName: SELF, peer: PEER, forced: false }));
  const mark = () => state.transaction((tx) => tx.mark(marks));
  const none = names.map((name) => `${name}x` as DbName);

  await writing(state, "putRecords, new", {
    all: records,
    work: (tx, some) => tx.putRecords(some),
    undo: () => state.transaction((tx) => tx.deleteRecords(names)),
  });
  await state.transaction((tx) => tx.putRecords(records));
  await writing(state, "putRecords, again", {
    all: records,
    work: (tx, some) => tx.putRecords(some),
  });
  await reading("recordsOf", names, (some) => state.recordsOf(some));
  await reading("recordsOf, none", none, (some) => state.recordsOf(some));
  await reading("dirtyAmong, none", names, (some) => state.dirtyAmong(some));
  await writing(state, "tx.recordsOf", { all: names, work: (tx, some) => tx.recordsOf(some) });
  await writing(state, "tx.dirtyAmong, none", {
    all: names,
    work: (tx, some) => tx.dirtyAmong(some),
  });
  await writing(state, "clearMarks, none", {
    all: names,
    work: (tx, some) => some.forEach((name) => tx.clearMarks(name, PEER)),
  });
  await writing(state, "supersedeTold, none", {
    all: names,
    work: (tx, some) => tx.supersedeTold(some.map((name) => ({ name, by: PEER }))),
  });
  const intents = names.map((name) => ({
    name,
    peer: PEER,
    temp: ".csync2-0123456789abcdef" as Name,
    want: "v1:mtime=1600000000000000000:mode=33188:uid=0:gid=0:type=reg:size=12345",
  }));
  await writing(state, "putIntent", {
    all: intents,
    work: (tx, some) => some.forEach((intent) => tx.putIntent(intent)),
  });
  await writing(state, "deleteIntent", {
    all: names,
    work: (tx, some) => some.forEach((name) => tx.deleteIntent(name)),
    undo: () => state.joined((tx) => intents.forEach((intent) => tx.putIntent(intent))),
  });
  await writing(state, "mark", { all: marks, work: (tx, some) => tx.mark(some) });
  for (const _ of SIZES) {
    note(
      "dirtyRows",
      await timed(async () => {
        for await (const _rows of state.dirtyRows({ peer: PEER }));
      }),
    );
  }
  await reading("dirtyAmong, all", names, (some) => state.dirtyAmong(some));
  let dirty: DirtyRow[] = [];
  const markAgain = async () => {
    await mark();
    dirty = [];
    for await (const some of state.dirtyRows({ peer: PEER })) dirty.push(...some);
  };
  for (const size of [...SIZES, 4_000]) {
    await markAgain();
    const us = await timed(async () => {
      for (const some of cut(dirty, size)) await state.transaction((tx) => tx.settleMany(some));
    }, markAgain);
    note("settleMany (and 4,000)", us);
  }
  console.log(
    `${rows} rows, us per row${" ".repeat(8)}${SIZES.map((n) => `${n}`.padStart(8)).join("")}`,
  );
  for (const [what, line] of table) console.log(`  ${what.padEnd(26)}${line.join("")}`);
}

try {
  await main();
} finally {
  Deno.removeSync(base, { recursive: true });
}
