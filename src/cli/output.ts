/** Standard output and standard error, written synchronously and in large pieces. */
import { toBytes } from "../model/mod.ts";

const BUFFER_BYTES = 65_536;

/** A stream of lines to a descriptor. A reader who has gone away is no error: the rest is dropped. */
export class LineWriter {
  #pending = "";
  #isGone = false;

  /**
   * @param sink writes some bytes and says how many
   * @param bufferBytes 0 writes every line at once
   */
  constructor(
    private readonly sink: { writeSync(bytes: Uint8Array): number },
    private readonly bufferBytes: number = BUFFER_BYTES,
  ) {}

  /** @param text byte string without LF */
  line(text: string): void {
    this.raw(text + "\n");
  }

  raw(text: string): void {
    this.#pending += text;
    if (this.#pending.length > this.bufferBytes) this.flush();
  }

  flush(): void {
    const bytes = toBytes(this.#pending);
    this.#pending = "";
    for (let at = 0; at < bytes.length && !this.#isGone;) {
      try {
        at += this.sink.writeSync(bytes.subarray(at));
      } catch (error) {
        if (error instanceof Deno.errors.WouldBlock) continue; // a terminal in non-blocking mode
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
        this.#isGone = true;
      }
    }
  }
}
