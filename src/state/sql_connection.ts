/** What the SQL store needs of a database: the port that SQLite, PostgreSQL and MySQL implement. */

/** At once where the database is in the process, later over a socket. */
export type MaybePromise<T> = T | Promise<T>;

/** Text is a byte string. */
export type SqlValue = string | number;

/** A statement, and what it is for in the words of the C program's error messages. */
export interface Statement {
  readonly purpose: string;
  readonly sql: string;
  /** As `Query.many`, for a statement with one value. */
  readonly many?: string;
  /** Where deleting all rows from one value to another is faster: what there is between, and the statement. */
  readonly between?: { readonly find: Query; readonly sql: string };
}

/** A statement of the schema. */
export interface SchemaStep extends Statement {
  /** Not needed when this object is there: a name of `Schema.objects`. */
  readonly makes?: string;
  /** Needed only when this object is there. */
  readonly changes?: string;
}

/** A table of csync2, with the C program's words for its creation. */
export interface Table {
  readonly name: string;
  readonly create: Statement;
}

/** What a database has to consist of. */
export interface Schema {
  /** -> names of all that is there: tables, and whatever else `own` and the steps ask for */
  readonly objects: Query;
  /** csync2's tables, in the C program's order. */
  readonly tables: readonly Table[];
  /** Names of our own objects: C programs never look at them. */
  readonly own: readonly string[];
  /**
   * Numbered migrations of our own part; the number of the last one is the note `schema`. Each can be
   * run again, also when it was cut off in the middle.
   */
  readonly migrations: readonly (readonly SchemaStep[])[];
}

/** A statement that puts any number of rows at once: `head row, row, ... tail`. */
export interface Insertion {
  readonly purpose: string;
  /** `INSERT INTO t (a, b) VALUES`. */
  readonly head: string;
  /** `(?, ?)`. */
  readonly row: string;
  /** Between two rows. @default {", "} */
  readonly between?: string;
  readonly tail: string;
  /** Places of the values that a row is found by, where a statement must not meet a row twice. */
  readonly keys?: readonly number[];
}

/** A query: `SELECT columns rest`. */
export interface Query {
  readonly purpose: string;
  readonly columns: readonly string[];
  /** From `FROM` on. */
  readonly rest: string;
  /** Whether many rows are expected, so that a page at a time should be cheap. */
  readonly isPage?: boolean;
  /**
   * `rest` for many values at once, where the dialect can: they are rows of `asked` (`key`, `value`) in a
   * JSON array of texts, its only parameter.
   */
  readonly many?: string;
  /**
   * The rows of many values that are neighbours, where the dialect has a better way to them: first value,
   * last value, limit -> the columns and the value, ascending by it.
   */
  readonly between?: Query;
  /** Number of bytes of all texts in the columns as SQL, where the dialect can read texts as such. */
  readonly octets?: string;
}

/** One connection. Its methods throw SqlError, or reject with it. */
export interface SqlConnection {
  /** All rows, every column as a byte string; NULL is the empty string, a number its decimal text. */
  select(query: Query, values: readonly SqlValue[]): MaybePromise<readonly (readonly string[])[]>;
  /** As `select`, all columns of all rows one after the other, where that is cheaper. */
  selectFlat?(query: Query, values: readonly SqlValue[]): MaybePromise<readonly string[]>;
  /** The rows of a query for each tuple of values, in the order of the tuples. */
  selectEach(
    query: Query,
    tuples: readonly (readonly SqlValue[])[],
  ): MaybePromise<readonly (readonly (readonly string[])[])[]>;
  /**
   * Begins a transaction that may write, and for which no other process can be in the way any more:
   * neither its statements nor its commit find the database busy.
   */
  begin(): MaybePromise<void>;
  commit(): MaybePromise<void>;
  rollback(): MaybePromise<void>;
  /** @returns how many rows were changed */
  run(statement: Statement, values: readonly SqlValue[]): MaybePromise<number>;
  /** As if the statement was run once for each tuple of values. */
  runEach(statement: Statement, tuples: readonly (readonly SqlValue[])[]): MaybePromise<void>;
  /** Runs the statement once for each tuple of values. @returns how many rows each has changed */
  countEach(
    statement: Statement,
    tuples: readonly (readonly SqlValue[])[],
  ): MaybePromise<readonly number[]>;
  /** Puts one row for each tuple of values, as if one after the other. */
  insert(
    insertion: Insertion,
    tuples: readonly (readonly SqlValue[])[],
  ): MaybePromise<void>;
  close(): MaybePromise<void>;
}

/** One database: makes connections and knows its dialect. */
export interface SqlDatabase {
  /** For `Database-File: %s`, without password. */
  readonly label: string;
  readonly statements: Statements;
  readonly schema: Schema;
  /** A connection that is ready for use. `read` connections never write. */
  connect(use: "write" | "read"): MaybePromise<SqlConnection>;
}

/** Every statement of the store. Values are bound in the order that the comments name. */
export interface Statements {
  /** name -> text */
  readonly record: Query;
  /** from, before, limit -> name, text */
  readonly recordsAscending: Query;
  readonly recordsDescending: Query;
  /** name, text */
  readonly putRecord: Insertion;
  /** name */
  readonly deleteRecord: Statement;

  /** -> peer */
  readonly dirtyPeers: Query;
  /** name, peer (both: strictly after), before, limit -> generation, forced, my name, peer, name */
  readonly dirtyRows: Query;
  /** The same with the peer as fifth value. */
  readonly dirtyRowsOfPeer: Query;
  /** name, forced, my name, peer */
  readonly mark: Insertion;
  /** name -> anything, when dirty */
  readonly isDirty: Query;
  /** name -> peer */
  readonly peersOf: Query;
  /** name, peer, generation */
  readonly settle: Statement;
  /** The same in two steps, where that is faster: generation -> name, peer; generation; first, last. */
  readonly settleMany?: {
    readonly find: Query;
    readonly remove: Statement;
    readonly removeRun: Statement;
  };
  /** name */
  readonly clearMarks: Statement;
  /** name, peer */
  readonly clearMarksOfPeer: Statement;
  /** from, before */
  readonly force: Statement;

  /** -> recursive, path */
  readonly hints: Query;
  /** path, recursive */
  readonly addHint: Statement;
  readonly deleteHint: Statement;

  /** -> name, command, log file */
  readonly actions: Query;
  /** name, command, log file; run in this order */
  readonly schedule: readonly Statement[];
  readonly deleteAction: readonly Statement[];

  /** peer -> certificate */
  readonly pin: Query;
  /** -> peer, certificate */
  readonly pins: Query;
  /** peer, certificate; keeps an existing row */
  readonly addPin: Statement;
  /** peer */
  readonly deletePin: Statement;

  /** -> name, peer, temp, want */
  readonly intents: Query;
  /** name, peer, temp, want */
  readonly putIntent: Insertion;
  /** name */
  readonly deleteIntent: Statement;

  /** name -> name, peer, version, relays, outdated */
  readonly toldOf: Query;
  /** -> the same, of all that is out of date, oldest first */
  readonly outdatedTold: Query;
  /** name, peer, version, relays, outdated; the newest from now on */
  readonly putTold: Insertion;
  /** name, peer */
  readonly deleteTold: Statement;
  /** Deletes the oldest beyond `TOLD_ROWS`. */
  readonly trimTold: Statement;

  /** -> name, kind, place */
  readonly roots: Query;
  readonly putRoot: Statement;
  /** name */
  readonly deleteRoot: Statement;

  /** -> a number that changes with every commit of another connection */
  readonly foreignCommits?: Query;

  /** key -> value */
  readonly note: Query;
  /** key, value */
  readonly putNote: Statement;
  /** -> texts of some files that have a time */
  readonly timeSamples: Query;
}

/**
 * A statement failed. Waiting helps when others are `busy`, or when the server is `away`; where the
 * connection was `lost`, what was under way is undone, or was never begun.
 */
export class SqlError extends Error {
  override readonly name = "SqlError";
  constructor(
    readonly kind: "busy" | "away" | "lost" | "broken",
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** Applies `next` now or later, as the value comes. */
export function then<T, U>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<U>,
): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
