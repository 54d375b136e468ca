/** Who may send the next request: in the order of the calls, as many and as large as the server takes (pure). */

export class Gate {
  #requests = 1;
  #bytes = 0;
  #inFlight = 0;
  #bytesInFlight = 0;
  #waiting: { readonly bytes: number; readonly go: () => void }[] = [];
  /** PERF: what is before is gone: nothing is moved when the first one leaves. */
  #next = 0;

  /** What the server takes; one request at a time until it has said so. */
  limit({ requests, bytes }: { readonly requests: number; readonly bytes: number }): void {
    this.#requests = requests;
    this.#bytes = bytes;
  }

  /** Requests that have not been answered, and those that wait to be sent. */
  get count(): number {
    return this.#inFlight + this.#waiting.length - this.#next;
  }

  /** Calls `go` at once, or from within a later `leave`; each that was called has to leave. */
  enter(bytes: number, go: () => void): void {
    if (this.#next < this.#waiting.length || !this.#hasRoom(bytes)) {
      this.#waiting.push({ bytes, go });
    } else this.#let(bytes, go);
  }

  leave(bytes: number): void {
    this.#inFlight--;
    this.#bytesInFlight -= bytes;
    while (this.#next < this.#waiting.length && this.#hasRoom(this.#waiting[this.#next]!.bytes)) {
      const { bytes, go } = this.#waiting[this.#next++]!;
      this.#let(bytes, go);
    }
    if (this.#next === this.#waiting.length) this.#waiting.length = this.#next = 0;
  }

  /** Whoever waits goes, in vain. */
  open(): void {
    this.#requests = this.#bytes = Infinity;
    const waiting = this.#waiting.slice(this.#next);
    this.#waiting.length = this.#next = 0;
    for (const { bytes, go } of waiting) this.#let(bytes, go);
  }

  /** One request always has room: there is no wait without something that ends. */
  #hasRoom(bytes: number): boolean {
    if (this.#inFlight === 0) return true;
    return this.#inFlight < this.#requests && this.#bytesInFlight + bytes <= this.#bytes;
  }

  #let(bytes: number, go: () => void): void {
    this.#inFlight++;
    this.#bytesInFlight += bytes;
    go();
  }
}
