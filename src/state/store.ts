/** The state of one host as an interface, without one SQL word. */
import type {
  DbName,
  DirtyMark,
  DirtyRow,
  FileRecord,
  Hint,
  HostName,
  Intent,
  KeyRange,
  Pin,
  RootRecord,
  ScheduledAction,
  Told,
  ToldRow,
} from "../model/mod.ts";

/**
 * Which names: `name` itself, and with `below` everything strictly below it too (`/`: all names); or
 * those whose encoded form lies between two keys.
 */
export type NameRange = { readonly name: DbName; readonly below: boolean } | KeyRange;

/** LIMIT: pairs of name and peer that are remembered. */
export const TOLD_ROWS = 20_000;

/** Names that have marks -> the peers that they are for, ordered by encoded peer name. */
export type DirtyNames = ReadonlyMap<DbName, readonly HostName[]>;

/**
 * All reads see what is committed, and stream in batches so that no table is ever held as a whole. No
 * read holds a lock or a cursor while its consumer works. Order is that of the encoded names
 * (nameOrder). Methods throw StateError only: `state/busy` when another process kept the database
 * longer than the lock timeout, `state/broken` for everything else.
 */
export interface StateStore extends AsyncDisposable {
  /** What the database file or server is, for `Database-File: %s`; never with a password. */
  readonly label: string;
  /** Unit of times in `FileRecord.stored`: nanos only for a database that 2.1.1 filled. */
  readonly timeUnit: "seconds" | "nanos";

  record(name: DbName): Promise<FileRecord | undefined>;
  /** Those of the names that have one, with few questions to the database. */
  recordsOf(names: readonly DbName[]): Promise<ReadonlyMap<DbName, FileRecord>>;
  /** All names when `range` is left out. @param order of encoded names */
  records(
    order: "ascending" | "descending",
    range?: NameRange,
  ): AsyncIterable<readonly FileRecord[]>;

  /**
   * As `records`, ascending, as the database has it, for `listed` alone: encoded name, text, encoded name,
   * text, and so on. Improper names are among them.
   */
  storedRecords?(range?: NameRange): AsyncIterable<readonly string[]>;

  /** Names of peers that have marks, descending (D 4.6). */
  dirtyPeers(): Promise<readonly HostName[]>;
  /** Ordered by encoded name, then encoded peer name. */
  dirtyRows(
    filter?: { readonly peer?: HostName; readonly range?: NameRange },
  ): AsyncIterable<readonly DirtyRow[]>;

  /** Whether any peer has a mark for the name; a server asks it for every change. */
  isDirty(name: DbName): Promise<boolean>;
  /** Those of the names that have marks, each with its peers, with few questions to the database. */
  dirtyAmong(names: readonly DbName[]): Promise<DirtyNames>;

  /** Ordered by encoded path, non-recursive first. Whoever put a row there: judge the paths. */
  hints(): Promise<readonly Hint[]>;
  /** In order of scheduling. */
  actions(): Promise<readonly ScheduledAction[]>;
  pin(peer: HostName): Promise<Pin | undefined>;
  pins(): Promise<readonly Pin[]>;
  intents(): Promise<readonly Intent[]>;
  /** Ordered by encoded name; a row that says nothing sensible is left out. */
  roots(): Promise<readonly RootRecord[]>;
  /** What peers have got from us that is out of date (told.ts), oldest first. */
  outdatedTold(): Promise<readonly ToldRow[]>;
  /** A small text that is kept under a name of our own; at most 60,000 bytes of ASCII. */
  note(name: string): Promise<string | undefined>;
  /**
   * Stays the same as long as nobody but this store commits anything; undefined where that cannot be
   * told. To be compared with what a later transaction says.
   */
  foreignCommits(): Promise<number | undefined>;

  /**
   * Runs `work` in one transaction: all or nothing, one writer at a time, in this process and among
   * processes. Keep it short, never wait for a peer in it. A busy database is waited for, without
   * blocking the event loop, until the lock timeout. `work` is called once. It must not begin a
   * transaction of its own: that one would wait for this one.
   */
  transaction<T>(work: (tx: StateTx) => T | Promise<T>): Promise<T>;
  /**
   * As `transaction`, but works that are asked for at about the same time share one: all of them are
   * committed together, and each resolves after that. They are run in the order of their calls, and see
   * what those before them have written. `work` must be repeatable: when another one of the same
   * transaction fails, all is undone and each is run again in one of its own, so that a work fails by
   * its own fault only. Nothing that it does besides may count before it resolves.
   *
   * For the same reason it never waits for anything but its transaction. Some writes are put off to the
   * end of the transaction, or until something is read that they could change.
   */
  joined<T>(work: (tx: StateTx) => T | Promise<T>): Promise<T>;
}

/** Valid during its transaction only. Reads see the transaction's own writes. Synchronous for speed
 * where the database is in the process; implementations over a socket queue and flush at commit. */
export interface StateTx {
  record(name: DbName): FileRecord | undefined | Promise<FileRecord | undefined>;
  /** Those of the names that have one, with few questions to the database. */
  recordsOf(
    names: readonly DbName[],
  ): ReadonlyMap<DbName, FileRecord> | Promise<ReadonlyMap<DbName, FileRecord>>;
  intents(): readonly Intent[] | Promise<readonly Intent[]>;
  /** @see StateStore.note */
  note(name: string): string | undefined | Promise<string | undefined>;
  /** Insert or replace. */
  putNote(name: string, text: string): void | Promise<void>;
  /** @see StateStore.foreignCommits */
  foreignCommits(): number | undefined | Promise<number | undefined>;
  /**
   * Two transactions of a store that find the same have the same records before them, and so has whatever
   * was read between them; undefined where nobody can tell. What others commit changes it in any case.
   */
  recordsVersion(): string | undefined | Promise<string | undefined>;

  /** Insert or replace. */
  putRecords(records: readonly FileRecord[]): void | Promise<void>;
  deleteRecords(names: readonly DbName[]): void | Promise<void>;

  /**
   * Insert or replace by (name, peer), with a new generation each. A force flag that is set on the
   * existing row stays set (D 7.3.8).
   */
  mark(marks: readonly DirtyMark[]): void | Promise<void>;
  /** Whether any peer has a mark for the name. */
  isDirty(name: DbName): boolean | Promise<boolean>;
  /** @see StateStore.dirtyAmong */
  dirtyAmong(names: readonly DbName[]): DirtyNames | Promise<DirtyNames>;
  /**
   * Deletes the row if it still has that generation.
   * @returns false when it was marked again meanwhile, or is gone
   */
  settle(row: DirtyRow): boolean | Promise<boolean>;
  /**
   * As `settle` for each row, with few questions to the database.
   * @returns the rows that were not settled, in their order
   */
  settleMany(rows: readonly DirtyRow[]): readonly DirtyRow[] | Promise<readonly DirtyRow[]>;
  /** Deletes marks of a name: those for one peer, or all (FLUSH). */
  clearMarks(name: DbName, peer?: HostName): void | Promise<void>;
  /** Sets the force flag on existing rows. */
  force(range: NameRange): void | Promise<void>;

  addHint(hint: Hint): void | Promise<void>;
  deleteHint(hint: Hint): void | Promise<void>;

  /** A row with the same name, command and log file is kept, not doubled. */
  schedule(actions: readonly ScheduledAction[]): void | Promise<void>;
  deleteActions(actions: readonly ScheduledAction[]): void | Promise<void>;

  /** @returns the pin that is in force: the existing one, or `pin` */
  pinFirst(pin: Pin): Pin | Promise<Pin>;
  deletePin(peer: HostName): void | Promise<void>;

  /** Insert or replace by name. */
  putIntent(intent: Intent): void | Promise<void>;
  deleteIntent(name: DbName): void | Promise<void>;

  /** What is known of names at peers (told.ts), in any order. */
  toldAmong(names: readonly DbName[]): readonly ToldRow[] | Promise<readonly ToldRow[]>;
  /** Insert or replace by (name, peer); these are the newest. The oldest are forgotten (`TOLD_ROWS`). */
  putTold(rows: readonly ToldRow[]): void | Promise<void>;
  deleteTold(rows: readonly Pick<Told, "name" | "peer">[]): void | Promise<void>;
  /** Peers have replaced objects here: what others have got is out of date (`superseded`). */
  supersedeTold(
    replaced: readonly { readonly name: DbName; readonly by: HostName }[],
  ): void | Promise<void>;

  /** Insert or replace by name. */
  putRoot(root: RootRecord): void | Promise<void>;
  deleteRoot(name: DbName): void | Promise<void>;
}
