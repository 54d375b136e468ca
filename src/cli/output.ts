/** Standard output and standard error, written synchronously and in large pieces. */
import { toBytes } from "../model/mod.ts";

const BUFFER_BYTES = 65_536;

/**
 * A stream of lines to a descriptor. When it cannot be written any more the rest is dropped, as what is
 * under way has to be brought to its end. A reader who has gone away is no error; anything else is told by
 * `failure`.
 *
 * Without a buffer every line stands for itself: a disk that was full for a while costs the lines of that
 * while, and their number is told.
 */
export class LineWriter {
  #pending = "";
  #isGone = false;
  #lost = 0;
  #failure: string | undefined;

  /**
   * @param sink writes some bytes and says how many
   * @param bufferBytes 0 writes every line at once
   */
  constructor(
    private readonly sink: { writeSync(bytes: Uint8Array): number },
    private bufferBytes: number = BUFFER_BYTES,
  ) {}

  /** Why something could not be written, in the system's words. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** From now on every line is written at once: for those who watch a process that does not end. */
  writeThrough(): void {
    this.bufferBytes = 0;
    this.flush();
  }

  /** @param text byte string without LF */
  line(text: string): void {
    this.raw(text + "\n");
  }

  raw(text: string): void {
    this.#pending += text;
    if (this.#pending.length > this.bufferBytes) this.flush();
  }

  flush(): void {
    if (this.#pending === "" || this.#isGone) return;
    const text = this.#lost === 0 ? this.#pending : `${lostText(this.#lost)}${this.#pending}`;
    this.#pending = "";
    try {
      this.#write(toBytes(text));
      this.#lost = 0;
    } catch (error) {
      this.#isGone = error instanceof Deno.errors.BrokenPipe || this.bufferBytes > 0;
      this.#lost++;
      if (error instanceof Deno.errors.BrokenPipe) return;
      this.#failure = (error as Error).message.replace(/ \(os error \d+\)$/, "");
    }
  }

  #write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      try {
        at += this.sink.writeSync(bytes.subarray(at));
      } catch (error) {
        if (!(error instanceof Deno.errors.WouldBlock)) throw error; // a terminal in non-blocking mode
      }
    }
  }
}

/** What a log gets after the lines that it could not take; the last one of them may be cut. */
export function lostText(lines: number): string {
  return `\nMessages lost: ${lines}\n`;
}
