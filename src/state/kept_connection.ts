/** A connection to a server that is made again when it was lost, but never within a transaction. */
import {
  type Insertion,
  type Query,
  type SqlConnection,
  SqlError,
  type SqlValue,
  type Statement,
} from "./sql_connection.ts";

/** LIMIT: a server that answers nothing for so long is gone. Waiting for a lock takes less. */
const ANSWER_DEADLINE_MS = 300_000;

/** One connection of a driver. Everything that was under way when it ends is rejected. */
export interface ServerLink extends SqlConnection {
  /** Aborted when it has ended, whoever ended it. */
  readonly lost: AbortSignal;
  select(query: Query, values: readonly SqlValue[]): Promise<readonly (readonly string[])[]>;
  begin(): Promise<void>;
  /** Ends it at once. */
  destroy(): void;
}

type Rows = readonly (readonly string[])[];

export interface KeptConnectionOptions {
  /** @throws SqlError `away` */
  readonly open: () => Promise<ServerLink>;
  readonly answerDeadlineMs?: number;
}

export class KeptConnection implements SqlConnection {
  #link: ServerLink;
  #options: KeptConnectionOptions;
  #opening: Promise<ServerLink> | undefined;
  #isInTransaction = false;

  constructor(link: ServerLink, options: KeptConnectionOptions) {
    this.#link = link;
    this.#options = options;
  }

  select(query: Query, values: readonly SqlValue[]): Promise<Rows> {
    return this.#ask((link) => link.select(query, values));
  }

  selectEach(query: Query, tuples: readonly (readonly SqlValue[])[]): Promise<readonly Rows[]> {
    return this.#ask(async (link) => await link.selectEach(query, tuples));
  }

  run(statement: Statement, values: readonly SqlValue[]): Promise<number> {
    return this.#ask(async (link) => await link.run(statement, values));
  }

  runEach(statement: Statement, tuples: readonly (readonly SqlValue[])[]): Promise<void> {
    return this.#once(async (link) => await link.runEach(statement, tuples));
  }

  countEach(
    statement: Statement,
    tuples: readonly (readonly SqlValue[])[],
  ): Promise<readonly number[]> {
    return this.#once(async (link) => await link.countEach(statement, tuples));
  }

  insert(insertion: Insertion, tuples: readonly (readonly SqlValue[])[]): Promise<void> {
    return this.#once(async (link) => await link.insert(insertion, tuples));
  }

  async begin(): Promise<void> {
    await this.#ask((link) => link.begin());
    this.#isInTransaction = true;
  }

  async commit(): Promise<void> {
    try {
      await this.#once(async (link) => await link.commit());
    } catch (error) {
      if (!isLost(error)) throw error;
      const message = `${error.message}; whether the last transaction was written is not known`;
      throw new SqlError("lost", message, error);
    } finally {
      this.#isInTransaction = false;
    }
  }

  async rollback(): Promise<void> {
    this.#isInTransaction = false;
    // A lost connection has undone it already, and the next one must not begin with this.
    if (!this.#link.lost.aborted) await this.#once(async (link) => await link.rollback());
  }

  async close(): Promise<void> {
    if (!this.#link.lost.aborted) await this.#link.close();
  }

  /** May be asked again on a new connection: nothing of it lasts before it is answered. */
  async #ask<T>(work: (link: ServerLink) => Promise<T>): Promise<T> {
    if (this.#isInTransaction) return await this.#once(work);
    await this.#reopen();
    try {
      return await this.#once(work);
    } catch (error) {
      if (!isLost(error)) throw error;
    }
    await this.#reopen();
    return await this.#once(work);
  }

  async #once<T>(work: (link: ServerLink) => Promise<T>): Promise<T> {
    const link = this.#link;
    if (link.lost.aborted) throw lostError();
    const deadlineMs = this.#options.answerDeadlineMs ?? ANSWER_DEADLINE_MS;
    const timer = setTimeout(() => link.destroy(), deadlineMs);
    try {
      return await unlessAborted(link.lost, { work: work(link), error: lostError });
    } finally {
      clearTimeout(timer);
    }
  }

  async #reopen(): Promise<void> {
    if (!this.#link.lost.aborted) return;
    this.#opening ??= this.#options.open();
    try {
      this.#link = await this.#opening;
    } finally {
      this.#opening = undefined;
    }
  }
}

function lostError(): SqlError {
  return new SqlError("lost", "Database Error: the connection to the server was lost");
}

/**
 * The result of `work`, unless the signal comes first: a driver may forget what it was asked between the
 * fault of a connection and its end.
 */
export async function unlessAborted<T>(
  signal: AbortSignal,
  { work, error }: { readonly work: Promise<T>; readonly error: () => Error },
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(error());
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function isLost(error: unknown): error is SqlError {
  return error instanceof SqlError && error.kind === "lost";
}
