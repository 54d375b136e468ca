/** What is under way: rows one behind the other that end together. */
import type { DirtyRow, Entry, Present } from "../model/mod.ts";
import type { Reporter } from "../report/mod.ts";
import { HeldReporter } from "./held_reporter.ts";
import * as say from "./messages.ts";
import type { PushResult } from "./push.ts";
import type { Path } from "./related_paths.ts";

export class Failure {
  constructor(readonly cause: unknown) {}
}

/** Rows are told one by one when it is their turn, in the order in which they began. */
export interface UnderWay {
  readonly rows: readonly DirtyRow[];
  /** Where they are on this host; none when it does not matter to others. */
  readonly paths: readonly Path[];
  /** Memory that they take. */
  readonly bytes: number;
  /** Whether its requests were made, so that the peer keeps later ones behind them. */
  readonly hasBegun: boolean;
  /** Sends what waits to be sent. Resolves when all rows are over, never rejects; undefined: they are. */
  end(): Promise<void> | undefined;
  /** The first row is the next to be told. */
  isNext(): void;
  /** Once they are over. */
  result(n: number): PushResult | Failure;
  /** What the peer was sent, if the row knows. */
  sent(n: number): Entry | undefined;
  /** Tells the events of row `n`, once it is over, and that it is. */
  tell(n: number): void;
  /** All is over, and nobody looks at its memory any more; not called after a failure. */
  free(): void;
}

export interface Start {
  readonly row: DirtyRow;
  /** Where the object is on this host: what lies above or below it waits. */
  readonly path: Path;
  /** Memory that it takes meanwhile. @default {0} */
  readonly bytes?: number;
  readonly push: (reporter: Reporter) => Promise<PushResult>;
  /** Called when it has ended; not when it has thrown: then nobody knows what is still looked at. */
  readonly onOver?: (() => void) | undefined;
}

/** A row that is pushed by itself. */
export class OneRow implements UnderWay {
  readonly rows: readonly DirtyRow[];
  readonly paths: readonly Path[];
  readonly bytes: number;
  hasBegun = false;
  readonly #start: Start;
  readonly #reporter: HeldReporter;
  #end: Promise<void> | undefined;
  #result: PushResult | Failure | undefined;

  constructor(start: Start, reporter: Reporter) {
    this.#start = start;
    this.rows = [start.row];
    this.paths = [start.path];
    this.bytes = start.bytes ?? 0;
    this.#reporter = new HeldReporter(reporter);
  }

  /** @param earlier their end is waited for */
  begin(earlier: readonly UnderWay[]): void {
    this.#end = this.#run(earlier);
  }

  end(): Promise<void> | undefined {
    return this.#result === undefined ? this.#end : undefined;
  }

  isNext(): void {
    this.#reporter.tell();
  }

  result(): PushResult | Failure {
    return this.#result!;
  }

  sent(): undefined {}

  tell(): void {
    this.#reporter.tell();
  }

  free(): void {
    this.#start.onOver?.();
  }

  async #run(earlier: readonly UnderWay[]): Promise<void> {
    try {
      if (earlier.length > 0) await Promise.all(earlier.map((one) => one.end()));
      this.hasBegun = true;
      this.#result = await this.#start.push(this.#reporter);
    } catch (cause) {
      this.#result = new Failure(cause);
    }
  }
}

/** Rows of which the peer has exactly what is here: they need nothing any more but their turn. */
export class EqualRows implements UnderWay {
  readonly rows: DirtyRow[] = [];
  readonly paths: readonly Path[] = [];
  readonly bytes = 0;
  readonly hasBegun = true;
  readonly #entries: Present[] = [];
  readonly #reporter: Reporter;
  readonly #isTold: boolean;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
    this.#isTold = reporter.wants(1);
  }

  add(row: DirtyRow, here: Present): void {
    this.rows.push(row);
    this.#entries.push(here);
  }

  end(): undefined {}

  isNext(): void {}

  result(): PushResult {
    return "equal";
  }

  sent(n: number): Entry {
    return this.#entries[n]!;
  }

  tell(n: number): void {
    if (!this.#isTold) return;
    const { name, peer } = this.rows[n]!;
    say.equal({ name, peer, isRemoval: false }, this.#reporter);
  }

  free(): void {}
}
