/** Rows under way at the same time; they end in the order in which they began. */
import type { DbName, DirtyRow, DiskPath } from "../model/mod.ts";
import type { Reporter } from "../report/mod.ts";
import { HeldReporter } from "./held_reporter.ts";
import type { PushResult } from "./push_one.ts";
import { RelatedPaths } from "./related_paths.ts";

/** LIMIT: bytes of contents under way; one row may have more. */
const MAX_BYTES = 16 * 1_048_576;

export interface InFlightOptions {
  /** Rows at a time. */
  readonly window: number;
  readonly reporter: Reporter;
  /**
   * Called for one row after the other, when its events have been told. `again`: the row, and others
   * that need what it needs, come again later, so their events are not told.
   */
  readonly onEnd: (
    row: DirtyRow,
    result: PushResult,
  ) => "go on" | "again" | Promise<"go on" | "again">;
}

export interface Start {
  readonly row: DirtyRow;
  /** Where the object is on this host: what lies above or below it waits. */
  readonly path: DiskPath | DbName;
  /** Memory that it takes meanwhile. @default {0} */
  readonly bytes?: number;
  readonly push: (reporter: Reporter) => Promise<PushResult>;
  /** Called when it has ended; not when it has thrown: then nobody knows what is still looked at. */
  readonly onOver?: (() => void) | undefined;
}

/** A row that needs nothing any more but its turn. */
export interface Ended {
  readonly row: DirtyRow;
  readonly result: PushResult;
  readonly tell: (reporter: Reporter) => void;
}

/** A row that was begun. */
interface Going {
  readonly row: DirtyRow;
  readonly path: DiskPath | DbName;
  readonly bytes: number;
  readonly reporter: HeldReporter;
  readonly onOver: (() => void) | undefined;
  /** Never rejects. */
  end: Promise<PushResult | Failure>;
}

class Failure {
  constructor(readonly cause: unknown) {}
}

export class InFlight {
  readonly #options: InFlightOptions;
  /** In the order of their begin. */
  #queue: (Going | Ended)[] = [];
  readonly #related = new RelatedPaths<Going>();
  #bytes = 0;
  #isAgain = false;

  constructor(options: InFlightOptions) {
    this.#options = options;
  }

  /** Whether a row has to come again: nothing more may be begun, and `drain` is due. */
  get isAgain(): boolean {
    return this.#isAgain;
  }

  /** Whether `room` would not wait, and nobody's turn is waited for. */
  get hasRoom(): boolean {
    return this.#queue.length < this.#options.window && this.#bytes < MAX_BYTES;
  }

  /**
   * Waits until one more may begin. @throws what a push threw, when all others have ended
   * @param most rows at a time, if that is less than the window
   */
  async room(most = Infinity): Promise<void> {
    while (!this.hasRoom || this.#queue.length >= most) {
      const ending = this.#endFirst();
      if (ending !== undefined) await ending;
    }
  }

  /** Waits for the end of all. @throws as `room` */
  async drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const ending = this.#endFirst();
      if (ending !== undefined) await ending;
    }
    this.#isAgain = false;
  }

  /**
   * Begins a row. No child before its parent, no directory before its contents are gone, no two names
   * of one object at the same time: of two related rows the later one waits for the end of the other.
   */
  start({ row, path, bytes = 0, push, onOver }: Start): void {
    const reporter = new HeldReporter(this.#options.reporter);
    if (this.#queue.length === 0) reporter.tell();
    const going: Going = { row, path, bytes, reporter, onOver, end: NEVER };
    const related = this.#related.add(going);
    going.end = ended(related, () => push(reporter));
    this.#bytes += bytes;
    this.#queue.push(going);
  }

  /** Takes a row that is over: it is told and ends when it is its turn. */
  take(row: Ended): void {
    this.#queue.push(row);
  }

  /** PERF: undefined when there was nothing to wait for. */
  #endFirst(): Promise<void> | undefined {
    const first = this.#queue[0]!;
    if (!("result" in first)) return this.#endGoing(first);
    this.#queue.shift();
    first.tell(this.#options.reporter);
    const noting = this.#note(this.#options.onEnd(first.row, first.result));
    if (noting !== undefined) return noting.then(() => this.#tellNext());
    this.#tellNext();
    return undefined;
  }

  async #endGoing(first: Going): Promise<void> {
    const result = await first.end;
    if (result instanceof Failure) return await this.#fail(first, result);
    this.#queue.shift();
    this.#forget(first);
    first.onOver?.();
    const telling = this.#tellEnd(first, result);
    if (telling !== undefined) await telling;
    this.#tellNext();
  }

  #tellNext(): void {
    const next = this.#queue[0];
    if (!this.#isAgain && next !== undefined && !("result" in next)) next.reporter.tell();
  }

  #forget(going: Going): void {
    this.#related.delete(going);
    this.#bytes -= going.bytes;
  }

  #tellEnd({ row, reporter }: Going, result: PushResult): Promise<void> | undefined {
    if (this.#isAgain && result === "parent-missing") return undefined;
    reporter.tell();
    if (result === "parent-missing") return this.#whenOthersEnded(row, result);
    return this.#note(this.#options.onEnd(row, result));
  }

  #note(end: "go on" | "again" | Promise<"go on" | "again">): Promise<void> | undefined {
    if (typeof end !== "string") return this.#noteLater(end);
    if (end === "again") this.#isAgain = true;
    return undefined;
  }

  /** What the peer lacks is sent when nothing else is under way. */
  async #whenOthersEnded(row: DirtyRow, result: PushResult): Promise<void> {
    await Promise.all(this.#queue.map((one) => "end" in one ? one.end : undefined));
    if (await this.#options.onEnd(row, result) === "again") this.#isAgain = true;
  }

  async #noteLater(end: Promise<"go on" | "again">): Promise<void> {
    if (await end === "again") this.#isAgain = true;
  }

  /** What others achieved counts, whatever became of the first one. */
  async #fail(first: Going, { cause }: Failure): Promise<never> {
    first.reporter.tell();
    const rest = this.#queue.slice(1);
    this.#queue = [];
    this.#forget(first);
    for (const other of rest) {
      if ("result" in other) {
        other.tell(this.#options.reporter);
        await this.#options.onEnd(other.row, other.result);
        continue;
      }
      const result = await other.end;
      this.#forget(other);
      const isOver = !(result instanceof Failure) && result !== "parent-missing";
      if (isOver) await this.#tellEnd(other, result);
    }
    throw cause;
  }
}

const NEVER: Promise<never> = new Promise(() => {});

async function ended(
  earlier: readonly Going[],
  work: () => Promise<PushResult>,
): Promise<PushResult | Failure> {
  try {
    if (earlier.length > 0) await Promise.all(earlier.map(({ end }) => end));
    return await work();
  } catch (cause) {
    return new Failure(cause);
  }
}
