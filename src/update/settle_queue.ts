/** Marks that were carried out, deleted a few at a time while the next files travel. */
import type { DirtyRow } from "../model/mod.ts";
import type { StateStore } from "../state/mod.ts";

/** Rows per transaction. */
const SETTLE_ROWS = 100;
/** How long a row waits for others at most. */
const SETTLE_MS = 200;

/**
 * Losing what waits here costs time only: the peer is asked again and is found up to date. A mark that
 * was set again during its transfer has another generation and survives.
 *
 * PERF: one transaction per row would be the most expensive local step of a push.
 */
export class SettleQueue {
  #waiting: DirtyRow[] = [];
  #writing: Promise<void> = Promise.resolve();
  #failure: unknown;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly state: StateStore) {}

  async add(row: DirtyRow): Promise<void> {
    this.#waiting.push(row);
    this.#timer ??= setTimeout(() => this.#start(), SETTLE_MS);
    if (this.#waiting.length < SETTLE_ROWS) return;
    await this.#writing; // at most one transaction behind
    this.#start();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Resolves when everything added is deleted. @throws StateError */
  async flush(): Promise<void> {
    await this.#writing;
    this.#start();
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const rows = this.#waiting;
    if (rows.length === 0) return;
    this.#waiting = [];
    const before = this.#writing;
    this.#writing = this.#write(rows).then(() => before);
  }

  /** Never rejects. */
  async #write(rows: readonly DirtyRow[]): Promise<void> {
    try {
      await this.state.transaction(async (tx) => {
        for (const row of rows) await tx.settle(row);
      });
    } catch (error) {
      this.#failure ??= error;
    }
  }
}
