/** So many at a time, first come, first served. */

/** A counted permission: whoever has one disposes it. */
export class Permits {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** At once, or when it is one's turn. */
  async take(): Promise<Disposable> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((go) => this.#waiting.push(go));
    let isBack = false;
    return {
      [Symbol.dispose]: () => {
        if (isBack) return;
        isBack = true;
        const next = this.#waiting.shift();
        if (next === undefined) this.#free++;
        else next(); // it goes from hand to hand
      },
    };
  }
}
