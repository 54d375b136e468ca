/** Old content + delta -> new content (W 10.4). */
import type { ByteStream } from "../model/mod.ts";
import { Breather, type Content, readFully } from "./content.ts";
import { DeltaError, type DeltaErrorCode } from "./delta_error.ts";
import { DeltaParser } from "./delta_parser.ts";

export interface PatchOptions {
  /** The old content; empty content when there is none. */
  readonly basis: Content;
  /** Takes the new content in order. The bytes are valid during the call only. What it throws passes through. */
  readonly write: (bytes: Uint8Array) => void;
  /** Longest new content that is acceptable: some bytes of delta can name any number of copies. */
  readonly maxBytes: number;
  /** What of the old content is at its place in the new one already: copies from there to there are not written. */
  readonly there?: {
    /** Bytes from the beginning on. */
    readonly bytes: number;
    /** The next bytes of the new content are there. */
    readonly pass: (bytes: number) => void;
  } | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Applies `delta` and consumes it to its end; what stands behind END is ignored.
 *
 * On an error, also of `write` and of the signal, the stream is neither closed nor drained: the caller
 * goes on with `drain(delta)` before it answers (W 20.1). What was written by then is worthless.
 * Memory does not depend on the delta.
 *
 * @returns bytes written
 * @throws DeltaError for a delta that cannot be applied
 */
export async function patch(delta: ByteStream, options: PatchOptions): Promise<number> {
  const breather = new Breather(options.signal);
  const parser = new DeltaParser();
  const output = new PatchOutput(options);
  const pieces = delta[Symbol.asyncIterator]();
  while (true) {
    const { done, value } = await pieces.next();
    if (done) break;
    for (const command of parser.commands(value)) {
      if (command.kind === "literal") output.literal(command.bytes);
      else {
        for (const bytes of output.copy(command.offset, command.length)) {
          if (breather.isDue(bytes)) await breather.pause();
        }
      }
    }
    if (breather.isDue(value.length)) await breather.pause();
  }
  parser.finish();
  output.flush();
  return output.total;
}

/** Pulls what is left of a stream. */
export async function drain(stream: ByteStream): Promise<void> {
  const pieces = stream[Symbol.asyncIterator]();
  while (!(await pieces.next()).done);
}

const BUFFER_BYTES = 262_144;
const BUFFER_MIN_BYTES = 16_384;

/** Collects small pieces: a delta may consist of commands of one byte. */
class PatchOutput {
  /** Made with the first content: an empty file needs none. */
  #buffer: Uint8Array = new Uint8Array(0);
  #filled = 0;
  #announced = 0;

  constructor(readonly options: PatchOptions) {}

  get total(): number {
    return this.#announced;
  }

  literal(bytes: Uint8Array): void {
    this.#announce(bytes.length);
    for (let at = 0; at < bytes.length;) {
      const room = this.#room();
      const part = bytes.subarray(at, at + room.length);
      room.set(part);
      this.#filled += part.length;
      at += part.length;
    }
  }

  /** Copies in portions and yields their sizes. */
  *copy(offset: number, length: number): Generator<number, void, void> {
    const { basis } = this.options;
    if (offset + length > basis.size) {
      refuse("delta/copy-past-end", `it copies beyond the ${basis.size} bytes of the old content`);
    }
    const passed = this.#pass(offset, length);
    this.#announce(length);
    for (let at = offset + passed; at < offset + length;) {
      const room = this.#room().subarray(0, offset + length - at);
      if (readFully(basis, room, at) < room.length) {
        refuse("delta/basis-changed", "the old content became shorter meanwhile");
      }
      this.#filled += room.length;
      at += room.length;
      yield room.length;
    }
  }

  /** @returns how many bytes of a copy need not be written */
  #pass(offset: number, length: number): number {
    const { there } = this.options;
    if (there === undefined || offset !== this.#announced) return 0;
    const bytes = Math.min(length, there.bytes - offset);
    if (bytes <= 0) return 0;
    this.flush();
    there.pass(bytes);
    return bytes;
  }

  flush(): void {
    if (this.#filled > 0) this.options.write(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }

  /** The free part of the buffer, never empty. */
  #room(): Uint8Array {
    if (this.#buffer.length === 0) {
      // PERF: most files are small, and new content is mostly as long as the old.
      const usual = Math.max(BUFFER_MIN_BYTES, this.options.basis.size);
      this.#buffer = new Uint8Array(Math.min(BUFFER_BYTES, usual));
    }
    if (this.#filled === this.#buffer.length) this.flush();
    return this.#buffer.subarray(this.#filled);
  }

  #announce(bytes: number): void {
    const { maxBytes } = this.options;
    if (this.#announced + bytes > maxBytes) {
      refuse("delta/too-large", `the new content exceeds the limit of ${maxBytes} bytes`);
    }
    this.#announced += bytes;
  }
}

function refuse(code: DeltaErrorCode, why: string): never {
  throw new DeltaError(code, { message: `Cannot apply the delta: ${why}` });
}
