/** Large files of a pass: they are sent after the small ones, so that one of them holds up no others. */
import type { DbName } from "../model/mod.ts";
import type { Offered } from "./offered.ts";

/** What waits. */
const LARGE_BYTES = 8 * 1_048_576;
/** LIMIT: of those that wait; the others go in their turn. */
const MAX_WAITING = 1_000;
/** Of them at a time: more would not be faster. */
export const LARGE_AT_ONCE = 2;

export class LargeFiles {
  readonly #waiting = new Map<DbName, Offered>();

  /** @returns whether the row is to wait, and does */
  puts(one: Offered): boolean {
    const { row: { name }, seen } = one;
    const isLarge = seen?.here.kind === "reg" && seen.here.size > LARGE_BYTES;
    if (!isLarge || this.#waiting.size >= MAX_WAITING) return false;
    this.#waiting.set(name, one);
    return true;
  }

  /** One after the other, in their order; whichever was yielded before the last call of `next` is over. */
  *take(): Generator<Offered, void, void> {
    for (const [name, one] of this.#waiting) {
      yield one;
      this.#waiting.delete(name);
    }
  }
}
