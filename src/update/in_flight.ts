/** Rows under way at the same time; they end in the order in which they began. */
import { type DbName, type DirtyRow, type DiskPath, isBelow } from "../model/mod.ts";
import type { Reporter } from "../report/mod.ts";
import { HeldReporter } from "./held_reporter.ts";
import type { PushResult } from "./push_one.ts";

export interface InFlightOptions {
  /** Rows at a time. */
  readonly window: number;
  readonly reporter: Reporter;
  /**
   * Called for one row after the other, when its events have been told. `again`: the row, and others
   * that need what it needs, come again later, so their events are not told.
   */
  readonly onEnd: (row: DirtyRow, result: PushResult) => Promise<"go on" | "again">;
}

export interface Start {
  readonly row: DirtyRow;
  /** Where the object is on this host: what lies above or below it waits. */
  readonly path: DiskPath | DbName;
  readonly push: (reporter: Reporter) => Promise<PushResult>;
}

/** A row that was begun. */
interface Going {
  readonly row: DirtyRow;
  readonly path: DiskPath | DbName;
  readonly reporter: HeldReporter;
  /** Never rejects. */
  readonly end: Promise<PushResult | Failure>;
}

class Failure {
  constructor(readonly cause: unknown) {}
}

export class InFlight {
  readonly #options: InFlightOptions;
  #going: Going[] = [];
  #isAgain = false;

  constructor(options: InFlightOptions) {
    this.#options = options;
  }

  /** Whether a row has to come again: nothing more may be begun, and `drain` is due. */
  get isAgain(): boolean {
    return this.#isAgain;
  }

  /** Waits until one more may begin. @throws what a push threw, when all others have ended */
  async room(): Promise<void> {
    while (this.#going.length >= this.#options.window) await this.#endFirst();
  }

  /** Waits for the end of all. @throws as `room` */
  async drain(): Promise<void> {
    while (this.#going.length > 0) await this.#endFirst();
    this.#isAgain = false;
  }

  /**
   * Begins a row. No child before its parent, no directory before its contents are gone, no two names
   * of one object at the same time: of two related rows the later one waits for the end of the other.
   */
  start({ row, path, push }: Start): void {
    const related = this.#going.filter((other) =>
      other.path === path || isBelow(path, other.path) || isBelow(other.path, path)
    );
    const reporter = new HeldReporter(this.#options.reporter);
    if (this.#going.length === 0) reporter.tell();
    const end = after(related, () => push(reporter)).catch((cause) => new Failure(cause));
    this.#going.push({ row, path, reporter, end });
  }

  async #endFirst(): Promise<void> {
    const first = this.#going[0]!;
    const result = await first.end;
    if (result instanceof Failure) return await this.#fail(first, result);
    this.#going.shift();
    await this.#tellEnd(first, result);
    if (!this.#isAgain) this.#going[0]?.reporter.tell();
  }

  async #tellEnd({ row, reporter }: Going, result: PushResult): Promise<void> {
    if (this.#isAgain && result === "parent-missing") return;
    reporter.tell();
    // What the peer lacks is sent when nothing else is under way.
    if (result === "parent-missing") await Promise.all(this.#going.map(({ end }) => end));
    if (await this.#options.onEnd(row, result) === "again") this.#isAgain = true;
  }

  /** What others achieved counts, whatever became of the first one. */
  async #fail(first: Going, { cause }: Failure): Promise<never> {
    first.reporter.tell();
    const rest = this.#going.slice(1);
    this.#going = [];
    for (const other of rest) {
      const result = await other.end;
      const isOver = !(result instanceof Failure) && result !== "parent-missing";
      if (isOver) await this.#tellEnd(other, result);
    }
    throw cause;
  }
}

async function after<T>(earlier: readonly Going[], work: () => Promise<T>): Promise<T> {
  if (earlier.length > 0) await Promise.all(earlier.map(({ end }) => end));
  return await work();
}
