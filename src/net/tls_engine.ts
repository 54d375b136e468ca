/**
 * The runtime's TLS library without the streams that node:tls puts around it.
 *
 * PERF: a byte that goes through TLSSocket, the stream below it and their queues costs twice as much
 * processor time, most of it for each 48 KiB; here it is one call to encrypt or decrypt.
 */

/** What is asked of a TLSSocket. */
export interface SecureSocket {
  read(): Uint8Array<ArrayBuffer> | null;
  getCipher(): { readonly name: string } | undefined;
}

/** What Deno has below a TLSSocket over a stream. No part of its documented interface. */
interface NativeTls {
  /** Encrypts at most FEED_BYTES; 0 when it could. */
  writeBuffer(request: object, data: Uint8Array): number;
  /** Takes what is encrypted. */
  drainEncOut(): ArrayBuffer | Uint8Array<ArrayBuffer> | undefined;
  /** Decrypts: `onread` is called before it returns. */
  readBuffer(data: Uint8Array): void;
  readStart(): number;
  /** Encrypts the message that nothing follows. */
  shutdown(request: object): number;
}

/** What the library calls. */
interface Callbacks {
  onread: (data?: ArrayBuffer | Uint8Array<ArrayBuffer>) => void;
  onerror: (error: Error) => void;
}

const METHODS = ["writeBuffer", "drainEncOut", "readBuffer", "readStart", "shutdown"] as const;
/** LIMIT: as much as the library encrypts in one call. */
const FEED_BYTES = 49_152;
/** One TLS record has at most so much. */
const RECORD_BYTES = 16_384;
/** What a record is longer than its content: header, nonce, tag. */
const OVERHEAD_BYTES: readonly (readonly [cipher: RegExp, bytes: number])[] = [
  [/-GCM-/, 29],
  [/-CHACHA20-POLY1305$/, 21],
];
const REQUEST = { oncomplete: () => {} };

/** One connection whose handshake is over. */
export class TlsEngine {
  readonly #native: NativeTls;
  readonly #overhead: number;
  #clear: Uint8Array<ArrayBuffer>[] = [];
  /** Was given away; its memory is freed when the next one is. */
  #given: Uint8Array<ArrayBuffer> | undefined;
  #atEnd = false;
  #failure: Error | undefined;

  private constructor(native: NativeTls, overhead: number) {
    this.#native = native;
    this.#overhead = overhead;
  }

  /**
   * Takes the library out of a socket, which must not be used any more but to be destroyed.
   * @returns undefined where the runtime has something else below it, or speaks a cipher not known here
   */
  static of(socket: SecureSocket): TlsEngine | undefined {
    const handle = (socket as unknown as { _handle?: object & Callbacks })._handle;
    const overhead = overheadOf(socket);
    const native = handle && nativeOf(handle);
    if (native === undefined || overhead === undefined) return undefined;
    const engine = new TlsEngine(native, overhead);
    for (let piece; (piece = socket.read()) !== null;) engine.#clear.push(piece);
    handle!.onread = (data) => engine.#decrypted(data);
    handle!.onerror = (error) => engine.#failure ??= error;
    native.readStart();
    return engine;
  }

  /** The other side has said that nothing follows. */
  get atEnd(): boolean {
    return this.#atEnd;
  }

  /** What came is no TLS of this connection. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Decrypted bytes, valid until the next call; undefined when there are none. */
  take(): Uint8Array | undefined {
    free(this.#given);
    return this.#given = this.#clear.shift();
  }

  /** What it makes of `piece` is to be taken; what it answers is to be drained. */
  decrypt(piece: Uint8Array): void {
    this.#native.readBuffer(piece);
  }

  /** What has to be sent besides what was written: alerts. */
  drain(): Uint8Array<ArrayBuffer> | undefined {
    const data = this.#native.drainEncOut();
    return data === undefined || data === null || data.byteLength === 0 ? undefined : viewOf(data);
  }

  /** @returns the records to be sent, to be freed by `free` @throws Error when it cannot */
  encrypt(data: Uint8Array): Uint8Array<ArrayBuffer> {
    let expected = 0;
    for (let at = 0; at < data.length; at += FEED_BYTES) {
      const part = data.length <= FEED_BYTES ? data : data.subarray(at, at + FEED_BYTES);
      expected += part.length + this.#overhead * Math.ceil(part.length / RECORD_BYTES);
      if (this.#native.writeBuffer(REQUEST, part) !== 0) throw unusable();
    }
    const sealed = this.drain();
    // What it left out would be lost with the next call.
    if (sealed?.length !== expected) throw unusable();
    return sealed;
  }

  /** @returns the message that ends our direction */
  end(): Uint8Array<ArrayBuffer> | undefined {
    this.#native.shutdown(REQUEST);
    return this.drain();
  }

  #decrypted(data: ArrayBuffer | Uint8Array<ArrayBuffer> | undefined): void {
    if (data === undefined) this.#atEnd = true;
    else if (data.byteLength > 0) this.#clear.push(viewOf(data));
  }
}

/** PERF: the memory is there again for the next piece, and not the collector's to find. */
export function free(piece: Uint8Array<ArrayBuffer> | undefined): void {
  if (piece !== undefined && piece.byteLength === piece.buffer.byteLength) piece.buffer.transfer(0);
}

function viewOf(data: ArrayBuffer | Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return data instanceof Uint8Array ? data : new Uint8Array(data);
}

function overheadOf(socket: SecureSocket): number | undefined {
  const { name } = socket.getCipher() ?? {};
  return OVERHEAD_BYTES.find(([cipher]) => name !== undefined && cipher.test(name))?.[1];
}

/** The calls as the library has them: node:tls has put others over some, which begin more than we want. */
function nativeOf(handle: object): NativeTls | undefined {
  const calls = Object.getPrototypeOf(handle) as Record<string, unknown>;
  if (METHODS.some((name) => typeof calls[name] !== "function")) return undefined;
  const bound = METHODS.map((name) => [name, (calls[name] as () => void).bind(handle)]);
  return Object.fromEntries(bound) as NativeTls;
}

function unusable(): Error {
  return new Error("The TLS library does not encrypt any more");
}
