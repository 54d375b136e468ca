/** StateStore in maps: for tests, and the proof that the interface is free of SQL. */
import {
  byteOrder,
  type DbName,
  type DirtyMark,
  type DirtyRow,
  type FileRecord,
  type Hint,
  type HostName,
  type Intent,
  percentEncode,
  type Pin,
  type RootRecord,
  type ScheduledAction,
  type Told,
  type ToldRow,
} from "../model/mod.ts";
import { Joined } from "./joined.ts";
import { type KeyRange, keyRanges } from "./key_range.ts";
import { StateError } from "./state_error.ts";
import {
  type DirtyNames,
  type NameRange,
  type StateStore,
  type StateTx,
  TOLD_ROWS,
} from "./store.ts";
import { type Replaced, superseded } from "./told.ts";
import { Turns } from "./turns.ts";

const PAGE_ROWS = 100;

/** Rows by key. A table that is committed is never changed: a transaction works on copies. */
interface Tables {
  /** By encoded name. */
  readonly records: ReadonlyMap<string, FileRecord>;
  /** By encoded name and peer, NUL between them. */
  readonly dirty: ReadonlyMap<string, DirtyRow>;
  readonly hints: ReadonlyMap<string, Hint>;
  /** In order of scheduling. */
  readonly actions: ReadonlyMap<string, ScheduledAction>;
  readonly pins: ReadonlyMap<string, Pin>;
  readonly intents: ReadonlyMap<string, Intent>;
  readonly notes: ReadonlyMap<string, string>;
  readonly roots: ReadonlyMap<string, RootRecord>;
  /** By encoded name and peer, oldest first. */
  readonly told: ReadonlyMap<string, ToldRow>;
  readonly generation: number;
}

const EMPTY: Tables = {
  records: new Map(),
  dirty: new Map(),
  hints: new Map(),
  actions: new Map(),
  pins: new Map(),
  intents: new Map(),
  notes: new Map(),
  roots: new Map(),
  told: new Map(),
  generation: 0,
};

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

class MemoryTx implements StateTx {
  #tables: { -readonly [K in keyof Tables]: Tables[K] };
  #copied = new Set<keyof Tables>();
  #isOver = false;

  constructor(tables: Tables) {
    this.#tables = { ...tables };
  }

  end(): Tables {
    this.#isOver = true;
    return this.#tables;
  }

  recordsOf(names: readonly DbName[]): ReadonlyMap<DbName, FileRecord> {
    this.#mustBeOpen();
    return recordsIn(this.#tables, names);
  }

  record(name: DbName): FileRecord | undefined {
    this.#mustBeOpen();
    return this.#tables.records.get(percentEncode(name));
  }

  intents(): readonly Intent[] {
    this.#mustBeOpen();
    return sorted(this.#tables.intents);
  }

  note(name: string): string | undefined {
    this.#mustBeOpen();
    return this.#tables.notes.get(name);
  }

  putNote(name: string, text: string): void {
    this.#writable("notes").set(name, text);
  }

  foreignCommits(): undefined {}

  putRecords(records: readonly FileRecord[]): void {
    const table = this.#writable("records");
    for (const record of records) table.set(percentEncode(record.name), record);
  }

  deleteRecords(names: readonly DbName[]): void {
    const table = this.#writable("records");
    for (const name of names) table.delete(percentEncode(name));
  }

  mark(marks: readonly DirtyMark[]): void {
    const table = this.#writable("dirty");
    for (const { name, forced, myName, peer } of marks) {
      const key = dirtyKey(name, peer);
      const isForced = forced || (table.get(key)?.forced ?? false);
      table.set(key, { name, forced: isForced, myName, peer, generation: this.#nextGeneration() });
    }
  }

  isDirty(name: DbName): boolean {
    return this.#marksOf(name).length > 0;
  }

  dirtyAmong(names: readonly DbName[]): DirtyNames {
    this.#mustBeOpen();
    return dirtyIn(this.#tables, names);
  }

  settle({ name, peer, generation }: DirtyRow): boolean {
    const table = this.#writable("dirty");
    const key = dirtyKey(name, peer);
    return table.get(key)?.generation === generation && table.delete(key);
  }

  settleMany(rows: readonly DirtyRow[]): readonly DirtyRow[] {
    return rows.filter((row) => !this.settle(row));
  }

  clearMarks(name: DbName, peer?: HostName): void {
    for (const row of this.#marksOf(name)) {
      if (peer === undefined || row.peer === peer) {
        this.#writable("dirty").delete(dirtyKey(name, row.peer));
      }
    }
  }

  force(range: NameRange): void {
    const table = this.#writable("dirty");
    for (const [key, row] of table) {
      const isMeant = keyRanges(range).some(({ from, before }) => key >= from && key < before);
      if (isMeant) table.set(key, { ...row, forced: true });
    }
  }

  addHint(hint: Hint): void {
    this.#writable("hints").set(hintKey(hint), hint);
  }

  deleteHint(hint: Hint): void {
    this.#writable("hints").delete(hintKey(hint));
  }

  schedule(actions: readonly ScheduledAction[]): void {
    const table = this.#writable("actions");
    for (const action of actions) {
      if (!table.has(actionKey(action))) table.set(actionKey(action), action);
    }
  }

  deleteActions(actions: readonly ScheduledAction[]): void {
    for (const action of actions) this.#writable("actions").delete(actionKey(action));
  }

  pinFirst(pin: Pin): Pin {
    const table = this.#writable("pins");
    const key = percentEncode(pin.peer);
    const known = table.get(key);
    if (known !== undefined) return known;
    table.set(key, pin);
    return pin;
  }

  deletePin(peer: HostName): void {
    this.#writable("pins").delete(percentEncode(peer));
  }

  putIntent(intent: Intent): void {
    this.#writable("intents").set(percentEncode(intent.name), intent);
  }

  deleteIntent(name: DbName): void {
    this.#writable("intents").delete(percentEncode(name));
  }

  toldAmong(names: readonly DbName[]): readonly ToldRow[] {
    this.#mustBeOpen();
    const asked = new Set(names);
    return [...this.#tables.told.values()].filter(({ name }) => asked.has(name));
  }

  putTold(rows: readonly ToldRow[]): void {
    this.deleteTold(rows);
    const table = this.#writable("told");
    for (const row of rows) {
      table.set(dirtyKey(row.name, row.peer), row);
      if (table.size > TOLD_ROWS) table.delete(table.keys().next().value ?? "");
    }
  }

  deleteTold(rows: readonly Pick<Told, "name" | "peer">[]): void {
    const table = this.#writable("told");
    for (const { name, peer } of rows) table.delete(dirtyKey(name, peer));
  }

  supersedeTold(replaced: readonly Replaced[]): void {
    const { gone, late } = superseded(this.toldAmong(replaced.map(({ name }) => name)), replaced);
    this.deleteTold(gone);
    this.putTold(late);
  }

  putRoot(root: RootRecord): void {
    this.#writable("roots").set(percentEncode(root.name), root);
  }

  deleteRoot(name: DbName): void {
    this.#writable("roots").delete(percentEncode(name));
  }

  #marksOf(name: DbName): DirtyRow[] {
    this.#mustBeOpen();
    return [...this.#tables.dirty.values()].filter((row) => row.name === name);
  }

  #nextGeneration(): number {
    return ++this.#tables.generation;
  }

  /** The table as a copy that belongs to this transaction. */
  #writable<K extends Exclude<keyof Tables, "generation">>(key: K) {
    this.#mustBeOpen();
    const tables = this.#tables as unknown as Record<K, Map<string, unknown>>;
    if (!this.#copied.has(key)) tables[key] = new Map(tables[key]);
    this.#copied.add(key);
    return tables[key] as Tables[K] extends ReadonlyMap<string, infer V> ? Map<string, V> : never;
  }

  #mustBeOpen(): void {
    if (!this.#isOver) return;
    throw new StateError("state/broken", { message: "Cannot use the transaction: it has ended" });
  }
}

function recordsIn(
  { records }: Tables,
  names: readonly DbName[],
): ReadonlyMap<DbName, FileRecord> {
  const found = names.map((name) => [name, records.get(percentEncode(name))] as const);
  return new Map(found.filter((pair): pair is [DbName, FileRecord] => pair[1] !== undefined));
}

function dirtyIn({ dirty }: Tables, names: readonly DbName[]): DirtyNames {
  const asked = new Set(names);
  const rows = sorted(dirty).filter(({ name }) => asked.has(name));
  const found = Map.groupBy(rows, ({ name }) => name);
  return new Map(found.entries().map(([name, some]) => [name, some.map(({ peer }) => peer)]));
}

function dirtyKey(name: DbName, peer: HostName): string {
  return `${percentEncode(name)}\0${percentEncode(peer)}`;
}

function hintKey({ path, recursive }: Hint): string {
  return `${percentEncode(path)}\n${recursive ? 1 : 0}`;
}

function actionKey(action: ScheduledAction): string {
  return [action.name, action.command, action.logfile].map(percentEncode).join("\n");
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

/** Of a table that may still change. */
function sorted<T>(table: ReadonlyMap<string, T>): T[] {
  return [...table.keys()].sort(byteOrder).map((key) => table.get(key) as T);
}
