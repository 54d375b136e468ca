/** Records in descending order, one at a time, with a promise per batch instead of one per row. */
import type { DbName, FileRecord } from "../model/mod.ts";

export class RowCursor {
  readonly #batches: AsyncIterator<readonly FileRecord[]>;
  #batch: readonly FileRecord[] = [];
  #at = 0;
  #isDone = false;

  constructor(batches: AsyncIterable<readonly FileRecord[]>) {
    this.#batches = batches[Symbol.asyncIterator]();
  }

  /** Whether `row` needs `fill` first. */
  get isDry(): boolean {
    return this.#at >= this.#batch.length && !this.#isDone;
  }

  /** The row the cursor stands on; undefined at the end. Only when not dry. */
  get row(): FileRecord | undefined {
    return this.#batch[this.#at];
  }

  async fill(): Promise<void> {
    while (this.isDry) {
      const next = await this.#batches.next();
      this.#isDone = next.done === true;
      this.#batch = next.done === true ? [] : next.value;
      this.#at = 0;
    }
  }

  advance(): void {
    this.#at++;
  }

  /** Skips rows until `isWanted`. */
  async skipTo(isWanted: (name: DbName) => boolean, skipped: (name: DbName) => void) {
    for (;;) {
      if (this.isDry) await this.fill();
      const row = this.row;
      if (row === undefined || isWanted(row.name)) return;
      skipped(row.name);
      this.advance();
    }
  }

  /** Ends the stream early. */
  async close(): Promise<void> {
    if (!this.#isDone) await this.#batches.return?.();
    this.#isDone = true;
    this.#batch = [];
  }
}
