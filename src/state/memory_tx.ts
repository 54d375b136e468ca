/** StateTx over tables in memory. */
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
import { keyRanges } from "./key_range.ts";
import { StateError } from "./state_error.ts";
import { type DirtyNames, type NameRange, type StateTx, TOLD_ROWS } from "./store.ts";
import { type Replaced, superseded } from "./told.ts";

/** Rows by key. A table that is committed is never changed: a transaction works on copies. */
export interface Tables {
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
  /** How often records were written. */
  readonly recordWrites: number;
}

export const EMPTY: Tables = {
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
  recordWrites: 0,
};

export class MemoryTx implements StateTx {
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

  recordsVersion(): string {
    this.#mustBeOpen();
    return `${this.#tables.recordWrites}`;
  }

  putRecords(records: readonly FileRecord[]): void {
    this.#tables.recordWrites++;
    const table = this.#writable("records");
    for (const record of records) table.set(percentEncode(record.name), record);
  }

  deleteRecords(names: readonly DbName[]): void {
    this.#tables.recordWrites++;
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

export function recordsIn(
  { records }: Tables,
  names: readonly DbName[],
): ReadonlyMap<DbName, FileRecord> {
  const found = names.map((name) => [name, records.get(percentEncode(name))] as const);
  return new Map(found.filter((pair): pair is [DbName, FileRecord] => pair[1] !== undefined));
}

export function dirtyIn({ dirty }: Tables, names: readonly DbName[]): DirtyNames {
  const asked = new Set(names);
  const rows = sorted(dirty).filter(({ name }) => asked.has(name));
  const found = Map.groupBy(rows, ({ name }) => name);
  const known = names.filter((name) => found.has(name));
  return new Map(known.map((name) => [name, found.get(name)!.map(({ peer }) => peer)]));
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

/** Of a table that may still change. */
export function sorted<T>(table: ReadonlyMap<string, T>): T[] {
  return [...table.keys()].sort(byteOrder).map((key) => table.get(key) as T);
}
