/** How much of contents may be on its way: what a sender may still send, what a receiver has granted. */
import { ProtocolError } from "../protocol_error.ts";
import { broken } from "./bytes.ts";
import { CREDIT_BYTES, DATA_MAX_BYTES } from "./layout.ts";

/** LIMIT: as long as the classic dialect waits for somebody who does not read. */
export const PATIENCE_MS = 300_000;

/** What the other side takes. Those who wait get theirs in their order. */
export class Credit {
  #bytes = 0;
  #waiting: { readonly bytes: number; readonly go: () => void }[] = [];
  #failure: { readonly cause: unknown } | undefined;
  readonly #patienceMs: number;
  readonly #onStalled: (cause: unknown) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param patienceMs longest wait for the next piece that may go; signs of life, and grants of a few
   *   bytes, do not count: whoever takes contents grants at least a piece at a time
   * @param onStalled told when it is over, after `fail`
   */
  constructor(patienceMs = PATIENCE_MS, onStalled: (cause: unknown) => void = () => {}) {
    this.#patienceMs = patienceMs;
    this.#onStalled = onStalled;
  }

  /** The other side has room for so much more. @throws ProtocolError `frame` for more than anybody grants */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > 2 ** 40) throw broken("it grants more than there is");
    const before = this.#waiting.length;
    while (this.#waiting.length > 0 && this.#waiting[0]!.bytes <= this.#bytes) {
      const next = this.#waiting.shift()!;
      this.#bytes -= next.bytes;
      next.go();
    }
    if (this.#waiting.length < before) this.#wind();
  }

  /** Takes it at once and gives undefined, or a promise that waits for it. @throws what `fail` was given */
  take(bytes: number): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure.cause;
    if (this.#waiting.length === 0 && bytes <= this.#bytes) {
      this.#bytes -= bytes;
      return undefined;
    }
    return this.#wait(bytes);
  }

  /** Nobody waits any more. */
  fail(cause: unknown): void {
    this.#failure ??= { cause };
    for (const { go } of this.#waiting.splice(0)) go();
    this.#wind();
  }

  /** Patience begins anew, if anybody waits. */
  #wind(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    this.#timer = setTimeout(() => {
      const cause = new ProtocolError("closed", "Cannot go on: the peer takes no content any more");
      this.fail(cause);
      this.#onStalled(cause);
    }, this.#patienceMs);
  }

  async #wait(bytes: number): Promise<void> {
    const { promise, resolve: go } = Promise.withResolvers<void>();
    this.#waiting.push({ bytes, go });
    if (this.#timer === undefined) this.#wind();
    await promise;
    if (this.#failure !== undefined) throw this.#failure.cause;
  }
}

/** What we take: never more than was granted waits here. */
export class Granted {
  readonly #send: (bytes: number) => void;
  #left = 0;
  #used = 0;

  /** @param send tells the other side */
  constructor(send: (bytes: number) => void) {
    this.#send = send;
  }

  /** From now on so much may be on its way; two pieces at least, so that one can always follow. */
  open(bytes = CREDIT_BYTES): void {
    const granted = Math.max(bytes, 2 * DATA_MAX_BYTES);
    this.#left += granted;
    this.#send(granted);
  }

  /** So much has come. @throws ProtocolError `frame` when it was not granted */
  received(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw broken("it has more content than was granted");
  }

  /** So much was used up. PERF: told in large steps. */
  used(bytes: number): void {
    this.#used += bytes;
    if (this.#used < DATA_MAX_BYTES) return;
    this.#left += this.#used;
    this.#send(this.#used);
    this.#used = 0;
  }
}
