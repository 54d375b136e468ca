/** A Link as the node stream that the TLS library reads from and writes to during its handshake. */
import type { Duplex as Stream } from "node:stream";
import type { Handshake } from "./handshake.ts";
import type { Link } from "./link.ts";

/** Bytes that may wait decrypted; the peer is not read beyond that. */
export const READ_AHEAD_BYTES = 262_144;

/** What a carrier leaves behind. */
export interface Released {
  /** What it has read and the library has not seen. */
  readonly pieces: readonly Uint8Array[];
  /** A read of the link that has begun. */
  readonly reading: Promise<Uint8Array | undefined> | undefined;
  /** Resolves when all that the library has given it was written. */
  readonly written: Promise<void>;
}

export class Carrier {
  readonly #link: Link;
  readonly #handshake: Handshake;
  readonly #stream: Stream;
  #socket: { readonly readableLength: number } | undefined;
  #isWanted = false;
  #reading: Promise<Uint8Array | undefined> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isReleased = false;
  /** Called once, at EOF or failure of the link. */
  onEnd: () => void = () => {};

  constructor(link: Link, handshake: Handshake, StreamClass: typeof Stream) {
    this.#link = link;
    this.#handshake = handshake;
    this.#stream = this.#open(StreamClass);
  }

  get stream(): Stream {
    return this.#stream;
  }

  #open(StreamClass: typeof Stream): Stream {
    const stream = new StreamClass({
      readableHighWaterMark: 1,
      writableHighWaterMark: READ_AHEAD_BYTES,
      allowHalfOpen: true,
      read: () => {
        this.#isWanted = true;
        this.pull();
      },
      write: (data: Uint8Array, _encoding, done) => {
        this.#handshake.outgoing(data);
        this.#writing = this.#link.write(data).then(() => done(), done);
      },
      final: (done) => void this.#link.shutdown().then(() => done(), done),
    });
    stream.on("error", () => {}); // told by the TLSSocket as well
    return stream;
  }

  serve(socket: { readonly readableLength: number }): void {
    this.#socket = socket;
  }

  /**
   * Reads on if the library wants more and not too much waits decrypted: it would go on reading
   * however slow its reader is.
   */
  pull(): void {
    if (!this.#isWanted || this.#reading !== undefined || this.#isReleased) return;
    if ((this.#socket?.readableLength ?? 0) >= READ_AHEAD_BYTES) return;
    this.#isWanted = false;
    this.#reading = this.#link.read();
    this.#reading.then((piece) => this.#arrived(piece), (error) => this.#failed(error));
  }

  /** From now on the link is the caller's, and its library must get nothing from this stream. */
  release(): Released {
    this.#isReleased = true;
    this.#stream.removeAllListeners("data");
    const pieces: Uint8Array[] = [];
    for (let piece; (piece = this.#stream.read()) !== null;) pieces.push(piece);
    return { pieces, reading: this.#reading, written: this.#written() };
  }

  async #written(): Promise<void> {
    // What waits behind a write begins when that one ends.
    for (let last; last !== this.#writing;) await (last = this.#writing);
  }

  #arrived(piece: Uint8Array | undefined): void {
    if (this.#isReleased) return;
    this.#reading = undefined;
    if (piece !== undefined) this.#handshake.incoming(piece);
    if (this.#stream.destroyed) return;
    this.#stream.push(piece === undefined ? null : piece.slice());
    if (piece === undefined) this.onEnd();
    else this.pull();
  }

  #failed(error: Error): void {
    if (this.#isReleased) return;
    this.#stream.destroy(error);
    this.onEnd();
  }
}
