/** One writer at a time within the process, first come first served. */

export class Turns {
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** Resolves when it is the caller's turn; dispose the result to end it. */
  async take(): Promise<Disposable> {
    const before = this.#last;
    let end!: () => void;
    this.#last = new Promise((resolve) => end = resolve);
    // PERF: nobody there is the rule; a settled promise need not be awaited.
    if (this.#waiting++ > 0) await before;
    let isOver = false;
    return {
      [Symbol.dispose]: () => {
        if (isOver) return;
        isOver = true;
        this.#waiting--;
        end();
      },
    };
  }
}
