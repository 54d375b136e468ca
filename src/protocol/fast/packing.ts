/** zstd for contents, where the connection is what a sender waits for and the content gives way. */
import { broken } from "./bytes.ts";

type Zlib = typeof import("node:zlib");

/** Before so much was sent nobody knows what the connection can do. */
const OBSERVED_BYTES = 2_097_152;
/** Faster than this, and there is nothing to be won. */
const FAST_BYTES_PER_MS = 40_000;
/** A sample that shrinks to this is worth it. */
const WORTH = 0.8;
/** Bytes that are not looked at after a sample was not worth it. */
const PAUSE_BYTES = 4_194_304;
const SAMPLE_BYTES = 65_536;
/** PERF: 400 MB/s here, and most of what higher levels give. */
const LEVEL = 1;

/** Undefined where the runtime has no zstd: then it is not offered. */
export async function loadZstd(): Promise<Zlib | undefined> {
  const zlib = await import("node:zlib");
  return typeof zlib.zstdCompressSync === "function" &&
      typeof zlib.zstdDecompressSync === "function"
    ? zlib
    : undefined;
}

export interface PackerOptions {
  /** Milliseconds, from any start. */
  readonly now: () => number;
}

/** Decides for each piece; one for all contents of a connection and direction. */
export class Packer {
  readonly now: () => number;
  readonly #zlib: Zlib;
  #bytes = 0;
  #waitedMs = 0;
  #packingMs = 0;
  #resumesAt = 0;
  #isWorthIt = false;

  constructor(zlib: Zlib, { now }: PackerOptions) {
    this.#zlib = zlib;
    this.now = now;
  }

  /** The piece made smaller, or undefined when it goes as it is. */
  pack(piece: Uint8Array): Uint8Array | undefined {
    if (!this.#isSlow || this.#bytes < this.#resumesAt) return undefined;
    const begun = this.now();
    const packed = this.#tryIt(piece);
    this.#packingMs += this.now() - begun;
    return packed;
  }

  /** @param since when its sender began to wait for its turn */
  sent(bytes: number, since: number): void {
    this.#bytes += bytes;
    this.#waitedMs += this.now() - since;
  }

  /** Whether the time goes into waiting for the connection, and it is no fast one. */
  get #isSlow(): boolean {
    if (this.#bytes < OBSERVED_BYTES) return false;
    return this.#bytes < (this.#waitedMs - this.#packingMs) * FAST_BYTES_PER_MS;
  }

  #tryIt(piece: Uint8Array): Uint8Array | undefined {
    if (!this.#isWorthIt && piece.length > SAMPLE_BYTES) {
      const sample = this.#compress(piece.subarray(0, SAMPLE_BYTES));
      if (sample.length > SAMPLE_BYTES * WORTH) return this.#pause();
    }
    const packed = this.#compress(piece);
    this.#isWorthIt = packed.length <= piece.length * WORTH;
    return this.#isWorthIt ? packed : this.#pause();
  }

  #pause(): undefined {
    this.#isWorthIt = false;
    this.#resumesAt = this.#bytes + PAUSE_BYTES;
  }

  #compress(piece: Uint8Array): Uint8Array {
    const { constants: { ZSTD_c_compressionLevel: level } } = this.#zlib;
    return this.#zlib.zstdCompressSync(piece, { params: { [level]: LEVEL } });
  }
}

/** LIMIT: memory of one unpacking, 4 MiB; nobody looks back further than a whole piece. */
const WINDOW_LOG_MAX = 22;

/** @throws ProtocolError `frame` when it is none, or becomes anything but `bytes` long */
export function unpack(zlib: Zlib, packed: Uint8Array, bytes: number): Uint8Array {
  let whole: Uint8Array;
  try {
    const { constants: { ZSTD_d_windowLogMax: windowLog } } = zlib;
    const params = { [windowLog]: WINDOW_LOG_MAX };
    whole = zlib.zstdDecompressSync(packed, { maxOutputLength: bytes, params });
  } catch (cause) {
    throw broken(
      `a packed content cannot be unpacked: ${cause instanceof Error ? cause.name : ""}`,
    );
  }
  if (whole.length !== bytes) throw broken("a packed content is not as long as it says");
  return new Uint8Array(whole.buffer, whole.byteOffset, whole.length); // a Buffer slices otherwise
}
