/** Memory that connections share: each has its part of the whole, however many there are (pure). */

/** One connection's, until it is disposed. */
export interface Part extends Disposable {
  /** Bytes of the moment: the same for everybody, less when more come. */
  readonly bytes: number;
}

/** Nobody waits for anybody: whoever has used up his part waits for what he has begun himself. */
export class Budget {
  readonly #bytes: number;
  #parts = 0;

  /** @param bytes LIMIT: of all parts together */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  take(): Part {
    this.#parts++;
    const bytes = () => this.#bytes / this.#parts;
    let isOver = false;
    return {
      get bytes() {
        return bytes();
      },
      [Symbol.dispose]: () => {
        if (!isOver) this.#parts--;
        isOver = true;
      },
    };
  }
}
