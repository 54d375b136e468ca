/** A link with TLS on it, once the handshake is over. */
import type { Released } from "./carrier.ts";
import type { PeerAddress } from "./duplex.ts";
import { closedLink, type Link } from "./link.ts";
import { free, type TlsEngine } from "./tls_engine.ts";

export interface EngineLinkOptions {
  readonly engine: TlsEngine;
  readonly certificate: Uint8Array;
  readonly binding: Uint8Array;
  /** What was read from the link and not decrypted yet, or is still being written. */
  readonly released: Released;
  /** Gives back what the engine was taken from. */
  readonly close: () => void;
}

/** PERF: some records leave with one call; more would be in nobody's cache any more. */
const PIECE_BYTES = 98_304;

export class EngineLink implements Link {
  readonly certificate: Uint8Array;
  readonly binding: Uint8Array;
  readonly #link: Link;
  readonly #engine: TlsEngine;
  readonly #unread: Uint8Array[];
  readonly #closeSocket: () => void;
  #reading: Promise<Uint8Array | undefined> | undefined;
  /** What the engine has to say by itself is on its way. Never rejects. */
  #answering: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #atEnd = false;
  #isClosed = false;

  constructor(link: Link, { engine, certificate, binding, released, close }: EngineLinkOptions) {
    this.#link = link;
    this.#engine = engine;
    this.certificate = certificate;
    this.binding = binding;
    this.#unread = [...released.pieces];
    this.#reading = released.reading;
    this.#closeSocket = close;
    this.#say(engine.drain(), released.written);
  }

  get peer(): PeerAddress | undefined {
    return this.#link.peer;
  }

  async read(): Promise<Uint8Array | undefined> {
    const engine = this.#engine;
    while (true) {
      const clear = engine.take();
      if (clear !== undefined) return clear;
      if (engine.failure !== undefined) throw engine.failure;
      if (engine.atEnd || this.#atEnd) return undefined;
      const piece = this.#unread.shift() ?? await this.#next();
      if (this.#isClosed) throw closedLink();
      if (piece === undefined) this.#atEnd = true;
      else {
        engine.decrypt(piece);
        this.#answer();
      }
    }
  }

  async write(data: Uint8Array): Promise<void> {
    for (let at = 0, end; at < data.length; at = end) {
      end = data.length - at > PIECE_BYTES * 1.5 ? at + PIECE_BYTES : data.length;
      if (this.#answering !== undefined) await this.#answered();
      if (this.#isClosed) throw closedLink();
      const sealed = this.#engine.encrypt(data.subarray(at, end));
      await (this.#writing = this.#link.write(sealed));
      free(sealed);
    }
  }

  async shutdown(): Promise<void> {
    await this.#answered();
    if (this.#isClosed) throw closedLink();
    const sealed = this.#engine.end();
    if (sealed !== undefined) await this.#link.write(sealed);
    await this.#link.shutdown();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeSocket();
    this.#link.close();
  }

  #answer(): void {
    const sealed = this.#engine.drain();
    if (sealed !== undefined) this.#say(sealed, this.#answering ?? this.#writing);
  }

  /** Sends what the engine has to say by itself. A failure is told to the next who writes. */
  #say(sealed: Uint8Array | undefined, before: Promise<void>): void {
    const said = before.then(() => sealed && this.#link.write(sealed)).catch(() => {}).then(() => {
      if (this.#answering === said) this.#answering = undefined;
    });
    this.#answering = said;
  }

  async #answered(): Promise<void> {
    while (this.#answering !== undefined) await this.#answering;
  }

  #next(): Promise<Uint8Array | undefined> {
    const begun = this.#reading;
    this.#reading = undefined;
    return begun ?? this.#link.read();
  }
}
