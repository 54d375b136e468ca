/** Rows under way at the same time; they end in the order in which they began. */
import type { DirtyRow, Entry, Part, Present } from "../model/mod.ts";
import type { Reporter } from "../report/mod.ts";
import type { PushResult } from "./push.ts";
import { type Path, RelatedPaths } from "./related_paths.ts";
import { EqualRows, Failure, OneRow, type Start, type UnderWay } from "./under_way.ts";

/**
 * LIMIT: bytes of contents under way for each row of the window, 4 or 16 MiB to one peer; one row may have
 * more. PERF: 16 MiB to a peer nearby are 30 to 40 MB more at the peak, and not faster.
 */
const BYTES_EACH = 16_384;
/** LIMIT: so many that are under way together count as one of the window. */
const TOGETHER = 16;

type Next = "go on" | "again";

export interface InFlightOptions {
  /** Rows at a time; of those that need no request of their own sixteen times as many. */
  readonly window: number;
  readonly reporter: Reporter;
  /** What its contents may take, if that is less. */
  readonly memory?: Pick<Part, "bytes"> | undefined;
  /**
   * Called for one row after the other, when its events have been told. `again`: the row, and others
   * that need what it needs, come again later, so their events are not told.
   *
   * @param sent what the peer was sent, if the row's kind of pushing knows
   */
  readonly onEnd: (
    row: DirtyRow,
    result: PushResult,
    sent: Entry | undefined,
  ) => Next | Promise<Next>;
}

export class InFlight {
  readonly #options: InFlightOptions;
  /** In the order of their begin. */
  #queue: UnderWay[] = [];
  readonly #related = new RelatedPaths<UnderWay>();
  /** Of the window that is taken. */
  #taken = 0;
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
    const { window, memory } = this.#options;
    return this.#taken < window &&
      this.#bytes < Math.min(window * BYTES_EACH, memory?.bytes ?? Infinity);
  }

  /**
   * Waits until one more may begin. @throws what a push threw, when all others have ended
   * @param most groups of rows at a time, if that is less than the window
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
  start(start: Start): void {
    const one = new OneRow(start, this.#options.reporter);
    if (this.#queue.length === 0) one.isNext();
    one.begin(this.#related.add(one, start.path));
    this.#queue.push(one);
    this.#taken++;
    this.#bytes += one.bytes;
  }

  /** Takes a row of which the peer has exactly `here`: it is told and ends when it is its turn. */
  takeEqual(row: DirtyRow, here: Present): void {
    let rows = this.last;
    if (!(rows instanceof EqualRows)) {
      rows = new EqualRows(this.#options.reporter);
      this.#queue.push(rows);
    }
    (rows as EqualRows).add(row, here);
    this.#taken += 1 / TOGETHER;
  }

  /** What began last and was not told yet. */
  get last(): UnderWay | undefined {
    return this.#queue.at(-1);
  }

  /** Takes rows to which others may be added as long as they are the last ones. */
  take(rows: UnderWay): void {
    this.#queue.push(rows);
  }

  /** Whether nothing is under way with this path or below it. */
  isFree(path: Path): boolean {
    return this.#related.isFree(path);
  }

  /**
   * One more row of what was taken, with memory of its own.
   * @returns what is under way above it
   */
  added(to: UnderWay, { path, bytes }: { readonly path: Path; readonly bytes: number }) {
    this.#taken += 1 / TOGETHER;
    this.#bytes += bytes;
    return this.#related.add(to, path);
  }

  /** PERF: undefined when there was nothing to wait for. */
  #endFirst(): Promise<void> | undefined {
    const first = this.#queue[0]!, ending = first.end();
    return ending === undefined ? this.#over(first) : ending.then(() => this.#over(first));
  }

  #over(first: UnderWay): Promise<void> | undefined {
    this.#queue.shift();
    this.#forget(first);
    return this.#tellFrom(first, 0);
  }

  #forget(over: UnderWay): void {
    const { rows, paths, bytes } = over;
    for (let n = 0; n < paths.length; n++) this.#related.delete(over, paths[n]!);
    this.#taken -= over instanceof OneRow ? 1 : rows.length / TOGETHER;
    this.#bytes -= bytes;
  }

  #tellFrom(first: UnderWay, from: number): Promise<void> | undefined {
    for (let n = from; n < first.rows.length; n++) {
      const result = first.result(n);
      if (result instanceof Failure) return this.#fail(first, { at: n, cause: result.cause });
      const telling = this.#tellEnd(first, { at: n, result });
      if (telling !== undefined) return telling.then(() => this.#tellFrom(first, n + 1));
    }
    first.free();
    if (!this.#isAgain) this.#queue[0]?.isNext();
    return undefined;
  }

  #tellEnd(
    one: UnderWay,
    { at, result }: { readonly at: number; readonly result: PushResult },
  ): Promise<void> | undefined {
    if (this.#isAgain && result === "parent-missing") return undefined;
    one.tell(at);
    const row = one.rows[at]!;
    if (result === "parent-missing") return this.#whenOthersEnded(row, result);
    const next = this.#options.onEnd(row, result, one.sent(at));
    if (typeof next !== "string") return this.#noteLater(next);
    if (next === "again") this.#isAgain = true;
    return undefined;
  }

  /** What the peer lacks is sent when nothing else is under way. */
  async #whenOthersEnded(row: DirtyRow, result: PushResult): Promise<void> {
    await Promise.all(this.#queue.map((one) => one.end()));
    if (await this.#options.onEnd(row, result, undefined) === "again") this.#isAgain = true;
  }

  async #noteLater(next: Promise<Next>): Promise<void> {
    if (await next === "again") this.#isAgain = true;
  }

  /** What others achieved counts, whatever became of this one. */
  async #fail(
    first: UnderWay,
    { at, cause }: { readonly at: number; readonly cause: unknown },
  ): Promise<never> {
    first.tell(at);
    const rest = this.#queue;
    this.#queue = [];
    await this.#tellDone(first, at + 1);
    for (const other of rest) {
      await other.end();
      this.#forget(other);
      await this.#tellDone(other, 0);
    }
    throw cause;
  }

  async #tellDone(one: UnderWay, from: number): Promise<void> {
    for (let at = from; at < one.rows.length; at++) {
      const result = one.result(at);
      if (result instanceof Failure || result === "parent-missing") continue;
      await this.#tellEnd(one, { at, result });
    }
  }
}
