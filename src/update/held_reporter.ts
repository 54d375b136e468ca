/** Events of one row among several, told when it is its turn. */
import type { Level, PrintedRow, Progress, Reporter, ReportEvent } from "../report/mod.ts";

/**
 * Holds events and lines back until `tell`, and passes everything on from then on.
 *
 * PERF: one per row; most of them hold nothing, for nobody listens.
 */
export class HeldReporter implements Reporter {
  readonly #target: Reporter;
  #held: (() => void)[] | undefined;
  #isTold = false;

  constructor(target: Reporter) {
    this.#target = target;
  }

  /** It is our turn. */
  tell(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) { for (const one of held) one(); }
  }

  wants(level: Level): boolean {
    return this.#target.wants(level);
  }

  note(event: ReportEvent): void {
    if (this.#isTold) this.#target.note(event);
    else this.#hold(() => this.#target.note(event));
  }

  print(line: string, row?: PrintedRow): void {
    if (this.#isTold) this.#target.print(line, row);
    else this.#hold(() => this.#target.print(line, row));
  }

  #hold(one: () => void): void {
    if (this.#held === undefined) this.#held = [one];
    else this.#held.push(one);
  }

  /** Amounts have no order. */
  progress(step: Progress): void {
    this.#target.progress(step);
  }

  get errors(): number {
    return this.#target.errors;
  }
}
