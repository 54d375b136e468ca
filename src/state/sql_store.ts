/** StateStore over SqlConnections: one implementation for every database. */
import {
  type DbName,
  type DirtyRow,
  type FileRecord,
  type Hint,
  type HostName,
  type Intent,
  percentDecode,
  percentEncode,
  type Pin,
  type RootRecord,
  type ScheduledAction,
  type ToldRow,
} from "../model/mod.ts";
import { GatheringTx } from "./gathering_tx.ts";
import { Joined } from "./joined.ts";
import { after, keyRanges } from "./key_range.ts";
import { asStateError, retryBusy } from "./retry.ts";
import {
  actionOf,
  dirtyIn,
  dirtyRowOf,
  hintOf,
  intentOf,
  keysOf,
  pinOf,
  recordOf,
  recordsIn,
  rootOf,
  toldOf,
} from "./rows.ts";
import type {
  MaybePromise,
  Query,
  SqlConnection,
  SqlDatabase,
  SqlValue,
} from "./sql_connection.ts";
import { type OwnWrites, SqlTx } from "./sql_tx.ts";
import { StateError } from "./state_error.ts";
import type { DirtyNames, NameRange, StateStore, StateTx } from "./store.ts";
import { Turns } from "./turns.ts";

/**
 * PERF: pages of 500 to 4,000 rows are equally fast. What lives longer than one collection of the young
 * generation piles up: with 2,000 rows a server that lists 128,000 needs half as much memory again.
 */
const PAGE_ROWS = 500;

export interface SqlStoreOptions {
  readonly timeUnit: "seconds" | "nanos";
  /** How long to wait for a busy database. */
  readonly timeoutMs: number;
  readonly onBusy?: (() => void) | undefined;
}

type Rows = readonly (readonly string[])[];

export class SqlStore implements StateStore {
  readonly label: string;
  readonly timeUnit: "seconds" | "nanos";
  #database: SqlDatabase;
  #writer: SqlConnection;
  /** Only made when something is read while a transaction is open. */
  #reader: Promise<SqlConnection> | undefined;
  #options: SqlStoreOptions;
  #turns = new Turns();
  #joined = new Joined<SqlTx>({
    transact: (work) => this.#transact(work, GatheringTx),
    flush: (tx) => tx.flush(),
  });
  readonly #writes: OwnWrites = { records: 0 };
  #isWriting = false;
  #isClosed = false;

  /** @param writer connection to `database`; the store closes it */
  constructor(database: SqlDatabase, writer: SqlConnection, options: SqlStoreOptions) {
    this.label = database.label;
    this.timeUnit = options.timeUnit;
    this.#database = database;
    this.#writer = writer;
    this.#options = options;
  }

  async record(name: DbName): Promise<FileRecord | undefined> {
    const key = percentEncode(name);
    const rows = await this.#read(this.#sql.record, [key]);
    const text = rows[0]?.[0];
    return text === undefined ? undefined : recordOf(key, text);
  }

  async isDirty(name: DbName): Promise<boolean> {
    return (await this.#read(this.#sql.isDirty, [percentEncode(name)])).length > 0;
  }

  async recordsOf(names: readonly DbName[]): Promise<ReadonlyMap<DbName, FileRecord>> {
    return recordsIn(names, await this.#readEach(this.#sql.record, names));
  }

  async dirtyAmong(names: readonly DbName[]): Promise<DirtyNames> {
    return dirtyIn(names, await this.#readEach(this.#sql.peersOf, names));
  }

  async *records(
    order: "ascending" | "descending",
    range?: NameRange,
  ): AsyncGenerator<readonly FileRecord[]> {
    const isUp = order === "ascending";
    const query = isUp ? this.#sql.recordsAscending : this.#sql.recordsDescending;
    const ranges = isUp ? keyRanges(range) : keyRanges(range).toReversed();
    for (let { from, before } of ranges) {
      for (let isMore = true; isMore;) {
        const rows = await this.#read(query, [from, before, PAGE_ROWS]);
        const batch: FileRecord[] = [];
        for (const columns of rows) {
          const record = recordOf(columns[0] ?? "", columns[1] ?? "");
          if (record !== undefined) batch.push(record);
        }
        if (batch.length > 0) yield batch;
        isMore = rows.length >= PAGE_ROWS;
        const last = rows.at(-1)?.[0] ?? "";
        if (isUp) from = after(last);
        else before = last;
      }
    }
  }

  async *storedRecords(range?: NameRange): AsyncGenerator<readonly string[]> {
    const query = this.#sql.recordsAscending, width = query.columns.length;
    for (let { from, before } of keyRanges(range)) {
      for (let isMore = true; isMore;) {
        const values = [from, before, PAGE_ROWS];
        const texts = await this.#onReader(async (db) =>
          db.selectFlat?.(query, values) ?? (await db.select(query, values)).flat()
        );
        if (texts.length > 0) yield texts;
        isMore = texts.length >= PAGE_ROWS * width;
        from = after(texts.at(-width) ?? "");
      }
    }
  }

  async dirtyPeers(): Promise<readonly HostName[]> {
    const rows = await this.#read(this.#sql.dirtyPeers, []);
    return rows.map(([peer = ""]) => percentDecode(peer) as HostName);
  }

  async *dirtyRows(
    { peer, range }: { readonly peer?: HostName; readonly range?: NameRange } = {},
  ): AsyncGenerator<readonly DirtyRow[]> {
    const query = peer === undefined ? this.#sql.dirtyRows : this.#sql.dirtyRowsOfPeer;
    const only = peer === undefined ? [] : [percentEncode(peer)];
    for (const { from, before } of keyRanges(range)) {
      let last = [from, ""];
      for (let isMore = true; isMore;) {
        const rows = await this.#read(query, [...last, before, PAGE_ROWS, ...only]);
        const batch = rows.map(dirtyRowOf).filter(isValid);
        if (batch.length > 0) yield batch;
        isMore = rows.length >= PAGE_ROWS;
        const [, , , lastPeer = "", lastName = ""] = rows.at(-1) ?? [];
        last = [lastName, lastPeer];
      }
    }
  }

  async hints(): Promise<readonly Hint[]> {
    return (await this.#read(this.#sql.hints, [])).map(hintOf);
  }

  async actions(): Promise<readonly ScheduledAction[]> {
    return (await this.#read(this.#sql.actions, [])).map(actionOf).filter(isValid);
  }

  async pin(peer: HostName): Promise<Pin | undefined> {
    const key = percentEncode(peer);
    const [row] = await this.#read(this.#sql.pin, [key]);
    return row && pinOf([key, ...row]);
  }

  async pins(): Promise<readonly Pin[]> {
    return (await this.#read(this.#sql.pins, [])).map(pinOf);
  }

  async note(name: string): Promise<string | undefined> {
    return (await this.#read(this.#sql.note, [name]))[0]?.[0];
  }

  async intents(): Promise<readonly Intent[]> {
    return (await this.#read(this.#sql.intents, [])).map(intentOf).filter(isValid);
  }

  async roots(): Promise<readonly RootRecord[]> {
    return (await this.#read(this.#sql.roots, [])).map(rootOf).filter(isValid);
  }

  async outdatedTold(): Promise<readonly ToldRow[]> {
    return (await this.#read(this.#sql.outdatedTold, [])).map(toldOf).filter(isValid);
  }

  async foreignCommits(): Promise<number | undefined> {
    const query = this.#sql.foreignCommits;
    return query && Number((await this.#read(query, []))[0]?.[0]);
  }

  transaction<T>(work: (tx: StateTx) => T | Promise<T>): Promise<T> {
    return this.#transact(work);
  }

  async #transact<T>(work: (tx: SqlTx) => T | Promise<T>, Tx: typeof SqlTx = SqlTx): Promise<T> {
    using _turn = await this.#turns.take();
    this.#mustBeOpen();
    const db = this.#writer;
    await retryBusy(() => db.begin(), this.#options);
    this.#isWriting = true;
    const tx = new Tx(db, { statements: this.#sql, writes: this.#writes });
    try {
      const result = await work(tx);
      if (!tx.end()) throw new StateError("state/broken", { message: FAILED_TEXT });
      await retryBusy(() => db.commit(), this.#options);
      return result;
    } catch (error) {
      tx.end();
      await this.#rollBack();
      throw error;
    } finally {
      this.#isWriting = false;
    }
  }

  joined<T>(work: (tx: StateTx) => T | Promise<T>): Promise<T> {
    return this.#joined.run(work);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#joined.idle();
    using _turn = await this.#turns.take();
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      await (await this.#reader)?.close();
      await this.#writer.close();
    } catch (error) {
      throw asStateError(error);
    }
  }

  get #sql() {
    return this.#database.statements;
  }

  /** Reads what is committed, also while a transaction is open. */
  #read(query: Query, values: readonly SqlValue[]): Promise<Rows> {
    return this.#onReader((db) => db.select(query, values));
  }

  #readEach(query: Query, names: readonly DbName[]): Promise<readonly Rows[]> {
    return this.#onReader((db) => db.selectEach(query, keysOf(names)));
  }

  #onReader<T>(ask: (db: SqlConnection) => MaybePromise<T>): Promise<T> {
    return retryBusy(async () => {
      this.#mustBeOpen();
      return await ask(this.#isWriting ? await this.#connectReader() : this.#writer);
    }, this.#options);
  }

  async #connectReader(): Promise<SqlConnection> {
    try {
      return await (this.#reader ??= (async () => await this.#database.connect("read"))());
    } catch (error) {
      this.#reader = undefined;
      throw error;
    }
  }

  /** Leaves the first error to be told: a failing rollback means that the transaction is gone already. */
  async #rollBack(): Promise<void> {
    try {
      await this.#writer.rollback();
    } catch {
      // The database rolled back by itself.
    }
  }

  #mustBeOpen(): void {
    if (!this.#isClosed) return;
    throw new StateError("state/broken", { message: `Cannot use "${this.label}": it is closed` });
  }
}

const FAILED_TEXT = "Cannot commit the transaction: one of its statements failed";

function isValid<T>(row: T | undefined): row is T {
  return row !== undefined;
}
