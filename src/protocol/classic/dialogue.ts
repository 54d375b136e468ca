/** Requests in flight on one connection: written one after the other, answered in the same order. */
import { ProtocolError } from "../protocol_error.ts";

/** One request's place in both lines. It is passed on when the request ends, however it ends. */
export interface Turn {
  /** Resolves when every earlier request has written all that it has to say. */
  toSend(): Promise<void> | undefined;
  /** Everything was written: the next request may write while this one still waits for its answer. */
  sent(): void;
  /** Resolves when every earlier request has read its answer to the end. */
  toRead(): Promise<void>;
}

/** Who may write, and whose answer is next. */
export class Dialogue {
  #last: Place | undefined;
  #inFlight = 0;
  #failure: { readonly cause: unknown } | undefined;
  #state: "open" | "alone" | "used-up" = "open";

  /** Whether nothing is under way and a further request could be made. */
  get isIdle(): boolean {
    return this.#state === "open" && this.#inFlight === 0 && this.#failure === undefined;
  }

  /**
   * Runs one request. When it throws nobody knows what comes next on the connection: every request
   * that waits gets the same error, and every later one is refused.
   */
  async exchange<T>(work: (turn: Turn) => Promise<T>): Promise<T> {
    this.#begin();
    const place = new Place(this.#last, () => this.#failure);
    this.#last = place;
    this.#inFlight++;
    try {
      return await work(place);
    } catch (cause) {
      this.#failure ??= { cause };
      throw cause;
    } finally {
      place.pass();
      this.#inFlight--;
      if (this.#last === place) this.#last = undefined;
    }
  }

  /** For an answer without a known end: nothing else may be under way until `reopen`. */
  claim(): void {
    this.#begin();
    if (this.#inFlight > 0) throw unusable("another request is under way");
    this.#state = "alone";
  }

  reopen(): void {
    this.#state = "open";
  }

  /** No request can follow any more. */
  close(): void {
    this.#state = "used-up";
  }

  #begin(): void {
    if (this.#failure !== undefined) throw unusable("an earlier request failed");
    if (this.#state === "alone") throw unusable("another request is under way");
    if (this.#state === "used-up") throw unusable("it ended before");
  }
}

class Place implements Turn {
  readonly #sent = Promise.withResolvers<void>();
  readonly #heard = Promise.withResolvers<void>();
  readonly #failure: () => { readonly cause: unknown } | undefined;
  #before: Place | undefined;
  #isSent = false;

  constructor(before: Place | undefined, failure: () => { readonly cause: unknown } | undefined) {
    this.#before = before;
    this.#failure = failure;
  }

  /** PERF: without a promise when nobody is before: requests of one moment leave in one system call. */
  toSend(): Promise<void> | undefined {
    const before = this.#before;
    return before === undefined || before.#isSent ? undefined : this.#after(before.#sent.promise);
  }

  sent(): void {
    this.#isSent = true;
    this.#sent.resolve();
  }

  async toRead(): Promise<void> {
    const before = this.#before;
    if (before !== undefined) await this.#after(before.#heard.promise);
    this.#before = undefined;
  }

  /** A request that ends without having taken its turns does not let the next one overtake. */
  pass(): void {
    const before = this.#before;
    this.#before = undefined;
    if (before !== undefined && !before.#isSent && !this.#isSent) {
      this.#sent.resolve(before.#sent.promise);
    } else this.sent();
    if (before === undefined) this.#heard.resolve();
    else this.#heard.resolve(before.#heard.promise);
  }

  async #after(earlier: Promise<void>): Promise<void> {
    await earlier;
    const failure = this.#failure();
    if (failure !== undefined) throw failure.cause;
  }
}

function unusable(why: string): ProtocolError {
  return new ProtocolError("unusable", `Cannot use the connection: ${why}`);
}
