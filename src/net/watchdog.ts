/** One lazy timer per connection instead of one per wait. */

export type Waiting = "read" | "write";

/** A wait that has begun. */
export interface Wait {
  readonly of: Waiting;
  readonly deadlineMs: number;
}

/**
 * Barks when a wait lasts longer than the idle deadline.
 *
 * PERF: a timer set and cleared for each of 20,000 waits a second costs more than the reads. This one
 * is set once, and looks again when it fires.
 */
export class Watchdog {
  readonly #bark: (waiting: Waiting) => void;
  readonly #waits = new Set<Wait>();
  #idleMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #firesAtMs = Infinity;
  #isStopped = false;

  constructor(idleMs: number, bark: (waiting: Waiting) => void) {
    this.#idleMs = checkedMs(idleMs);
    this.#bark = bark;
  }

  get idleMs(): number {
    return this.#idleMs;
  }

  /** For waits that begin from now on. */
  setIdle(ms: number): void {
    this.#idleMs = checkedMs(ms);
  }

  begin(of: Waiting): Wait {
    const wait = { of, deadlineMs: performance.now() + this.#idleMs };
    this.#waits.add(wait);
    if (wait.deadlineMs < this.#firesAtMs) this.#set(wait.deadlineMs);
    return wait;
  }

  end(wait: Wait): void {
    this.#waits.delete(wait);
  }

  async guard<T>(of: Waiting, work: Promise<T>): Promise<T> {
    const wait = this.begin(of);
    try {
      return await work;
    } finally {
      this.end(wait);
    }
  }

  /** No bark any more, and no timer left. */
  stop(): void {
    this.#isStopped = true;
    this.#waits.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #set(atMs: number): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#firesAtMs = atMs;
    this.#timer = setTimeout(() => this.#look(), Math.max(0, Math.ceil(atMs - performance.now())));
  }

  #look(): void {
    this.#firesAtMs = Infinity;
    this.#timer = undefined;
    let next: Wait | undefined;
    for (const wait of this.#waits) {
      if (next === undefined || wait.deadlineMs < next.deadlineMs) next = wait;
    }
    if (next === undefined) return;
    if (next.deadlineMs > performance.now()) return this.#set(next.deadlineMs);
    this.#bark(next.of);
  }
}

/** LIMIT: setTimeout takes 31 bits; longer is 24 days. */
const TIMER_MAX_MS = 0x7fff_ffff;

function checkedMs(ms: number): number {
  if (!(ms > 0)) throw new RangeError(`Cannot wait: the deadline must be above 0 ms, got ${ms}`);
  return Math.min(ms, TIMER_MAX_MS);
}
