/** Events of one row among several, told when it is its turn. */
import type { Level, PrintedRow, Progress, Reporter, ReportEvent } from "../report/mod.ts";

/** Holds events and lines back until `tell`, and passes everything on from then on. */
export class HeldReporter implements Reporter {
  readonly #target: Reporter;
  #held: (() => void)[] | undefined = [];

  constructor(target: Reporter) {
    this.#target = target;
  }

  /** It is our turn. */
  tell(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const one of held) one();
  }

  wants(level: Level): boolean {
    return this.#target.wants(level);
  }

  note(event: ReportEvent): void {
    if (this.#held === undefined) this.#target.note(event);
    else this.#held.push(() => this.#target.note(event));
  }

  print(line: string, row?: PrintedRow): void {
    if (this.#held === undefined) this.#target.print(line, row);
    else this.#held.push(() => this.#target.print(line, row));
  }

  /** Amounts have no order. */
  progress(step: Progress): void {
    this.#target.progress(step);
  }

  get errors(): number {
    return this.#target.errors;
  }
}
