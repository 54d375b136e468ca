/** StateStore in maps: for tests, and the proof that the interface is free of SQL. */
import {
  byteOrder,
  type DbName,
  type DirtyRow,
  type FileRecord,
  type Hint,
  type HostName,
  type Intent,
  percentEncode,
  type Pin,
  type RootRecord,
  type ScheduledAction,
  type ToldRow,
} from "../model/mod.ts";
import { Joined } from "./joined.ts";
import { type KeyRange, keyRanges } from "./key_range.ts";
import { StateError } from "./state_error.ts";
import type { DirtyNames, NameRange, StateStore, StateTx } from "./store.ts";
import { dirtyIn, EMPTY, MemoryTx, recordsIn, sorted, type Tables } from "./memory_tx.ts";
import { Turns } from "./turns.ts";

const PAGE_ROWS = 100;

export class MemoryStore implements StateStore {
  readonly label = "memory";
  readonly timeUnit: "seconds" | "nanos";
  #tables: Tables = EMPTY;
  #turns = new Turns();
  #joined = new Joined<StateTx>({ transact: (work) => this.transaction(work), flush: () => {} });
  #isClosed = false;

  constructor({ timeUnit = "seconds" }: { timeUnit?: "seconds" | "nanos" } = {}) {
    this.timeUnit = timeUnit;
  }

  async record(name: DbName): Promise<FileRecord | undefined> {
    return await this.#committed().records.get(percentEncode(name));
  }

  async isDirty(name: DbName): Promise<boolean> {
    return await this.#committed().dirty.values().some((row) => row.name === name);
  }

  async recordsOf(names: readonly DbName[]): Promise<ReadonlyMap<DbName, FileRecord>> {
    return await recordsIn(this.#committed(), names);
  }

  async dirtyAmong(names: readonly DbName[]): Promise<DirtyNames> {
    return await dirtyIn(this.#committed(), names);
  }

  async *records(
    order: "ascending" | "descending",
    range?: NameRange,
  ): AsyncGenerator<readonly FileRecord[]> {
    yield* this.#pages((tables) => tables.records, { ranges: keyRanges(range), order });
  }

  async dirtyPeers(): Promise<readonly HostName[]> {
    const peers = new Set<HostName>();
    for (const { peer } of this.#committed().dirty.values()) peers.add(peer);
    return await [...peers].sort((a, b) => byteOrder(percentEncode(b), percentEncode(a)));
  }

  async *dirtyRows(
    { peer, range }: { readonly peer?: HostName; readonly range?: NameRange } = {},
  ): AsyncGenerator<readonly DirtyRow[]> {
    const pages = this.#pages((tables) => tables.dirty, {
      ranges: keyRanges(range),
      order: "ascending",
    });
    for await (const page of pages) {
      const rows = peer === undefined ? page : page.filter((row) => row.peer === peer);
      if (rows.length > 0) yield rows;
    }
  }

  async hints(): Promise<readonly Hint[]> {
    return await sorted(this.#committed().hints);
  }

  async actions(): Promise<readonly ScheduledAction[]> {
    return await [...this.#committed().actions.values()];
  }

  async pin(peer: HostName): Promise<Pin | undefined> {
    return await this.#committed().pins.get(percentEncode(peer));
  }

  async pins(): Promise<readonly Pin[]> {
    return await sorted(this.#committed().pins);
  }

  async note(name: string): Promise<string | undefined> {
    return await this.#committed().notes.get(name);
  }

  async intents(): Promise<readonly Intent[]> {
    return await sorted(this.#committed().intents);
  }

  async roots(): Promise<readonly RootRecord[]> {
    return await sorted(this.#committed().roots);
  }

  async outdatedTold(): Promise<readonly ToldRow[]> {
    return await [...this.#committed().told.values()].filter(({ isOutdated }) => isOutdated);
  }

  /** Checks and servers of a test share one store, so nobody can tell. */
  foreignCommits(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async transaction<T>(work: (tx: StateTx) => T | Promise<T>): Promise<T> {
    using _turn = await this.#turns.take();
    const tx = new MemoryTx(this.#committed());
    try {
      const result = await work(tx);
      this.#tables = tx.end();
      return result;
    } finally {
      tx.end();
    }
  }

  joined<T>(work: (tx: StateTx) => T | Promise<T>): Promise<T> {
    return this.#joined.run(work);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#joined.idle();
    using _turn = await this.#turns.take();
    this.#isClosed = true;
  }

  #committed(): Tables {
    if (!this.#isClosed) return this.#tables;
    throw new StateError("state/broken", { message: `Cannot use "${this.label}": it is closed` });
  }

  /** Pages in order of key; each one is what is committed when it is pulled. */
  async *#pages<T>(
    pick: (tables: Tables) => ReadonlyMap<string, T>,
    { ranges, order }: { ranges: readonly KeyRange[]; order: "ascending" | "descending" },
  ): AsyncGenerator<readonly T[]> {
    const isUp = order === "ascending";
    for (const { from, before } of isUp ? ranges : ranges.toReversed()) {
      let last: string | undefined;
      while (true) {
        const table = pick(this.#committed());
        const isNext = (key: string) => last === undefined || (isUp ? key > last : key < last);
        const keys = sortedKeys(table).filter((k) => k >= from && k < before && isNext(k));
        const page = isUp ? keys.slice(0, PAGE_ROWS) : keys.reverse().slice(0, PAGE_ROWS);
        last = page.at(-1);
        if (last === undefined) break;
        yield await page.map((key) => table.get(key) as T);
      }
    }
  }
}

/** Keys of committed tables: these do not change. */
const sortedKeysOf = new WeakMap<ReadonlyMap<string, unknown>, readonly string[]>();

function sortedKeys(table: ReadonlyMap<string, unknown>): readonly string[] {
  let keys = sortedKeysOf.get(table);
  if (keys === undefined) {
    keys = [...table.keys()].sort(byteOrder);
    sortedKeysOf.set(table, keys);
  }
  return keys;
}
