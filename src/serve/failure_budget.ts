/** How many failures of connections are told at level 0: whoever connects must not fill a log. */

/** LIMIT: lines per period, enough to see what is wrong. */
const LINES = 10;
const PERIOD_MS = 60_000;

export interface FailureBudgetOptions {
  /** Milliseconds that only grow. */
  readonly now?: () => number;
}

export class FailureBudget {
  readonly #now: () => number;
  #begun = -Infinity;
  #spent = 0;

  constructor({ now = () => performance.now() }: FailureBudgetOptions = {}) {
    this.#now = now;
  }

  /** `tell`; `last`: tell, and that the next ones are not; `hide`: only with -v. */
  spend(): "tell" | "last" | "hide" {
    const now = this.#now();
    if (now - this.#begun >= PERIOD_MS) {
      this.#begun = now;
      this.#spent = 0;
    }
    this.#spent++;
    return this.#spent < LINES ? "tell" : this.#spent === LINES ? "last" : "hide";
  }
}
