/** One content as it arrives: pieces that wait to be pulled. */
import type { ByteStream } from "../../model/mod.ts";
import { ProtocolError } from "../protocol_error.ts";
import type { Granted } from "./credit.ts";

/** How it ended: as it should, or taken back by its sender. */
export type Ending = "complete" | "taken back";

/** Pulled at most once; whatever nobody pulls is dropped by `skip`. */
export class Incoming {
  readonly #granted: Granted;
  readonly #maxBytes: number;
  #pieces: Uint8Array[] = [];
  #received = 0;
  #ending: Ending | undefined;
  #failure: { readonly cause: unknown } | undefined;
  #wake: (() => void) | undefined;
  #isPulled = false;
  #isSkipped = false;

  /** @param maxBytes LIMIT: what it may have in all */
  constructor(granted: Granted, maxBytes: number) {
    this.#granted = granted;
    this.#maxBytes = maxBytes;
  }

  /** Undefined until it has come to its end. */
  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** Bytes that have come. */
  get received(): number {
    return this.#received;
  }

  /** @param piece from now on ours @throws ProtocolError `stream` beyond the limit */
  add(piece: Uint8Array): void {
    this.#received += piece.length;
    if (this.#received > this.#maxBytes) {
      throw new ProtocolError(
        "stream",
        `Cannot take a content: it has more than ${this.#maxBytes} bytes`,
      );
    }
    if (this.#isSkipped) this.#granted.used(piece.length);
    else this.#pieces.push(piece);
    this.#wake?.();
  }

  end(how: Ending): void {
    this.#ending = how;
    this.#wake?.();
  }

  /** The connection is gone. */
  fail(cause: unknown): void {
    this.#failure ??= { cause };
    this.#pieces = [];
    this.#wake?.();
  }

  /** Resolves when there is a piece, or the end. @throws what `fail` was given, too late as well */
  async begun(patienceMs: number): Promise<void> {
    const timer = setTimeout(() => {
      const why = `nothing of it came in ${Math.round(patienceMs / 1_000)} s`;
      this.fail(new ProtocolError("closed", `Gave up on a content: ${why}`));
    }, patienceMs);
    try {
      while (this.#pieces.length === 0 && this.#ending === undefined) await this.#change();
    } finally {
      clearTimeout(timer);
    }
  }

  /** To its end, whatever that is. */
  get bytes(): ByteStream {
    return {
      [Symbol.asyncIterator]: () => {
        if (this.#isPulled) throw new ProtocolError("unusable", "Cannot read a stream twice");
        this.#isPulled = true;
        return this.#pull();
      },
    };
  }

  /** Takes the rest, and waits for its end. @throws what `fail` was given */
  async skip(): Promise<void> {
    this.drop();
    while (this.#ending === undefined) await this.#change();
    this.#check();
  }

  /** Nobody wants the rest. */
  drop(): void {
    this.#isPulled = this.#isSkipped = true;
    for (const piece of this.#pieces.splice(0)) this.#granted.used(piece.length);
  }

  async *#pull(): AsyncGenerator<Uint8Array> {
    while (true) {
      this.#check();
      const pieces = this.#pieces;
      this.#pieces = [];
      for (const piece of pieces) {
        this.#granted.used(piece.length);
        yield piece;
      }
      if (this.#pieces.length > 0) continue;
      this.#check(); // what was still to be pulled is gone, and its end with it
      if (this.#ending !== undefined) return;
      await this.#change();
    }
  }

  async #change(): Promise<void> {
    this.#check();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
    this.#check();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.cause;
  }
}
