/** Lines and streams of the classic dialect on a Duplex (W 2, W 9). */
import type { ByteStream, SizedStream } from "../../model/mod.ts";
import type { Duplex } from "../../net/mod.ts";
import { ProtocolError } from "../protocol_error.ts";
import { maskKeys, parseStreamHeader, STREAM_HEADER_MAX_BYTES, streamHeader } from "./codec.ts";
import { printable } from "./replies.ts";

/** Takes the lines of a dialogue, `Local> ...` and `Peer> ...`; group keys are masked (D 4.7). */
export type Trace = (line: string) => void;

const PIECE_MAX_BYTES = 65_536;

/**
 * What was received as a stream: to be pulled at most once. `skip` takes what nobody pulled; it throws
 * when the stream was cut, also when whoever pulled it did not mind.
 */
export interface Incoming {
  readonly size: number;
  readonly bytes: ByteStream;
  skip(): Promise<void>;
}

export interface WireOptions {
  /** Which side writes command lines, whose keys are masked in the trace. */
  readonly commandsFrom: "local" | "peer";
  readonly trace?: Trace | undefined;
}

/** One connection's lines and streams. Every method throws when the connection cannot go on. */
export class Wire {
  readonly #trace: Trace | undefined;
  readonly #commandsFrom: "local" | "peer";

  constructor(readonly duplex: Duplex, { commandsFrom, trace }: WireOptions) {
    this.#commandsFrom = commandsFrom;
    this.#trace = trace;
  }

  /** Writes lines, adding the LFs, in one piece. */
  async send(...lines: readonly string[]): Promise<void> {
    if (this.#trace !== undefined) { for (const line of lines) this.#note("local", line); }
    await this.duplex.write(lines.join("\n") + "\n");
  }

  /** The next line, or undefined when the peer has ended the connection. */
  async lineOrEnd(maxBytes: number): Promise<string | undefined> {
    const line = await this.duplex.readLine(maxBytes);
    if (line !== undefined) this.#note("peer", line);
    return line;
  }

  async line(maxBytes: number): Promise<string> {
    const line = await this.lineOrEnd(maxBytes);
    if (line === undefined) throw closed();
    return line;
  }

  /** @see Duplex.readLines; the end of the connection is an error */
  async lines(maxBytes: number, start: string): Promise<string[]> {
    const lines = await this.duplex.readLines(maxBytes, start);
    if (lines === undefined) throw closed();
    if (this.#trace !== undefined) { for (const line of lines) this.#note("peer", line); }
    return lines;
  }

  /** The header of a stream that is due: its length, or `none` when the peer has no data. */
  async streamHeader(maxBytes: number): Promise<number | "none"> {
    const line = await this.line(STREAM_HEADER_MAX_BYTES);
    const size = parseStreamHeader(line);
    if (size === undefined) {
      throw new ProtocolError(
        "stream",
        `Cannot read a stream: the peer sent "${printable(line)}" in place of its length`,
      );
    }
    if (size !== "none" && size > maxBytes) {
      throw new ProtocolError(
        "stream",
        `Cannot read a stream: the peer announced ${size} bytes, the limit is ${maxBytes}`,
      );
    }
    return size;
  }

  /** The next `size` bytes. */
  incoming(size: number): Incoming {
    const duplex = this.duplex;
    let left = size, isPulled = false;
    let failure: { readonly cause: unknown } | undefined;
    async function some(): Promise<Uint8Array> {
      if (failure !== undefined) throw failure.cause;
      try {
        const piece = await duplex.readSome(Math.min(left, PIECE_MAX_BYTES));
        if (piece === undefined) throw closed();
        left -= piece.length;
        return piece;
      } catch (cause) {
        failure = { cause };
        throw cause;
      }
    }
    async function* pieces(): AsyncGenerator<Uint8Array> {
      while (left > 0) yield await some();
    }
    return {
      size,
      bytes: {
        [Symbol.asyncIterator]() {
          if (isPulled) throw new ProtocolError("unusable", "Cannot read a stream twice");
          isPulled = true;
          return pieces();
        },
      },
      async skip() {
        isPulled = true;
        while (left > 0) await some();
      },
    };
  }

  /**
   * Sends header and bytes.
   * @throws ProtocolError `source` when the stream is not as long as it says: the peer waits for the
   * rest, or would take it for a command, so the connection has to go
   */
  async sendStream({ size, bytes }: SizedStream): Promise<void> {
    const header = streamHeader(size);
    this.#note("local", header);
    await this.duplex.write(`${header}\n`);
    let sent = 0;
    for await (const piece of bytes) {
      sent += piece.length;
      if (sent > size) break;
      await this.duplex.write(piece);
    }
    if (sent !== size) {
      throw new ProtocolError(
        "source",
        `Cannot send a stream: it has not the announced ${size} bytes`,
      );
    }
  }

  #note(from: "local" | "peer", line: string): void {
    if (this.#trace === undefined) return;
    const shown = printable(from === this.#commandsFrom ? maskKeys(line) : line);
    this.#trace(`${from === "local" ? "Local" : "Peer"}> ${shown}`);
  }
}

function closed(): ProtocolError {
  return new ProtocolError("closed", "Cannot go on: the peer closed the connection");
}
