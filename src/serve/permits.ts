/** So many at a time, in fair shares: nobody who takes all he can keeps others from getting on. */

/** What one connection has of them. */
export interface Share {
  /** A permission, at once or when it is one's turn: whoever has it disposes it. */
  take(): Promise<Disposable>;
  /** Besides one that is held: as many as are free now, up to `most`; dispose all of them together. */
  takeMore(most: number): More;
}

export interface More extends Disposable {
  readonly count: number;
}

interface Holder {
  held: number;
  readonly waiting: (() => void)[];
}

/**
 * Counted permissions. Each share has one of its own, always. What it may have besides is a common stock,
 * of which nobody has more than is left for the others: half of it when he is alone, a third when there
 * are two. Within a share first come, first served; among shares in turn.
 */
export class Permits {
  #free: number;
  /** Those who wait, in turn. */
  readonly #queue = new Set<Holder>();

  /** @param stock how many there are besides each one's own */
  constructor(stock: number) {
    this.#free = stock;
  }

  share(): Share {
    const holder: Holder = { held: 0, waiting: [] };
    return { take: () => this.#take(holder), takeMore: (most) => this.#takeMore(holder, most) };
  }

  #takeMore(holder: Holder, most: number): More {
    let count = 0;
    // Nobody passes those who wait.
    while (count < most && this.#queue.size === 0 && this.#mayHold(holder)) {
      this.#give(holder);
      count++;
    }
    let left = count;
    return {
      count,
      [Symbol.dispose]: () => {
        for (; left > 0; left--) this.#takeBack(holder);
      },
    };
  }

  async #take(holder: Holder): Promise<Disposable> {
    if (holder.waiting.length === 0 && this.#mayHold(holder)) this.#give(holder);
    else {
      this.#queue.add(holder);
      await new Promise<void>((go) => holder.waiting.push(go));
    }
    let isBack = false;
    return {
      [Symbol.dispose]: () => {
        if (isBack) return;
        isBack = true;
        this.#takeBack(holder);
      },
    };
  }

  #takeBack(holder: Holder): void {
    if (--holder.held > 0) this.#free++;
    this.#letNext();
  }

  #mayHold({ held }: Holder): boolean {
    return held === 0 || held - 1 < this.#free;
  }

  #give(holder: Holder): void {
    if (++holder.held > 1) this.#free--;
  }

  #letNext(): void {
    for (const holder of this.#queue) {
      if (!this.#mayHold(holder)) continue;
      this.#queue.delete(holder);
      this.#give(holder);
      holder.waiting.shift()!();
      if (holder.waiting.length > 0) this.#queue.add(holder); // behind the others; comes round again
    }
  }
}
