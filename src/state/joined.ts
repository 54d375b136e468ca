/** Works that are asked for at about the same time, in one transaction. */
import type { MaybePromise } from "./sql_connection.ts";

/** LIMIT: works in one transaction; others wait as long as it lasts, and a failure makes it in vain. */
const WORKS_MAX = 512;

type Work<Tx, T> = (tx: Tx) => MaybePromise<T>;
/** Runs one work in a transaction. What `work` was not called for failed before it began. */
type Transact<Tx> = (work: (tx: Tx) => Promise<void>) => Promise<void>;

interface Job<Tx> {
  readonly work: Work<Tx, unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface JoinedOptions<Tx> {
  readonly transact: Transact<Tx>;
  /** Carries out what the transaction has put off. */
  readonly flush: (tx: Tx) => MaybePromise<void>;
}

/**
 * Group commit: works are run in the order of their calls, as many as are there when the event loop has
 * nothing more to add, or when the transaction before is over.
 *
 * When one fails, the transaction is undone and each work is run once more in one of its own, so that
 * only those fail which fail by themselves.
 */
export class Joined<Tx> {
  readonly #options: JoinedOptions<Tx>;
  #waiting: Job<Tx>[] = [];
  #running: Promise<void> | undefined;

  constructor(options: JoinedOptions<Tx>) {
    this.#options = options;
  }

  run<T>(work: Work<Tx, T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({ work, resolve: resolve as (value: unknown) => void, reject });
    this.#running ??= this.#runAll();
    return promise;
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Never rejects. */
  async #runAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      await allOfThisTurn();
      const jobs = this.#waiting.splice(0, WORKS_MAX);
      if (await this.#runTogether(jobs) === "undone") await this.#runOneByOne(jobs);
    }
    this.#running = undefined;
  }

  async #runOneByOne(jobs: readonly Job<Tx>[]): Promise<void> {
    for (let n = 0; n < jobs.length; n++) {
      const end = await this.#runTogether(jobs.slice(n, n + 1));
      // Waiting for the same lock again and again would take longer than anybody expects.
      if (typeof end === "object") {
        return jobs.slice(n + 1).forEach((job) => job.reject(end.cannotBegin));
      }
    }
  }

  /** @returns `undone` when the jobs, more than one, are to be run again one by one */
  async #runTogether(
    jobs: readonly Job<Tx>[],
  ): Promise<"settled" | "undone" | { cannotBegin: unknown }> {
    const results: unknown[] = [];
    let state = "not begun" as "not begun" | "at work" | "done";
    try {
      await this.#options.transact(async (tx) => {
        state = "at work";
        for (const { work } of jobs) {
          const result = work(tx);
          results.push(result instanceof Promise ? await result : result);
        }
        await this.#options.flush(tx);
        state = "done";
      });
    } catch (error) {
      if (state === "at work" && jobs.length > 1) return "undone";
      for (const { reject } of jobs) reject(error);
      return state === "not begun" ? { cannotBegin: error } : "settled";
    }
    jobs.forEach(({ resolve }, n) => resolve(results[n]));
    return "settled";
  }
}

/** PERF: 4 us, in which everybody whom the last commit woke asks for the next one. */
function allOfThisTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
