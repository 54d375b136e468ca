/** Received signatures: header and limits are checked before anything is done with them (W 10.1, 19). */
import type { ByteStream } from "../model/mod.ts";
import { DeltaError } from "./delta_error.ts";
import type { SignatureParams } from "./kernel.ts";
import {
  BLOCK_LENGTH_MAX,
  entrySize,
  KEY_BYTES,
  KEYED_MAGIC,
  SIGNATURE_HEADER_BYTES,
  SIGNATURE_MAGICS,
  STRONG_MAX_BYTES,
} from "./signature.ts";

/** Bounds for what a peer may send. */
export interface SignatureLimits {
  /** @default {1} C peers accept any block length (W 10.1). */
  readonly blockLengthMin?: number;
  /** Bytes; memory of a multiple of it is needed. @default {1_048_576} At most 16 MiB. */
  readonly blockLengthMax?: number;
  /** Entries; `match` takes no more than can be useful. @default {16_777_216} 32 GiB of csync2's blocks, which take 480 MiB of memory. */
  readonly blocksMax?: number;
}

const BLOCK_LENGTH_USUAL_MAX = 1_048_576;
export const BLOCKS_MAX = 16_777_216;

/** A signature whose header was good. */
export interface SignatureInput {
  readonly params: SignatureParams;
  /**
   * Raw entries in pieces of any length. @throws DeltaError after the last piece when the end of an
   * entry is missing, and when there are too many
   */
  readonly entries: ByteStream;
}

/**
 * Reads the header. Neither this nor `entries` closes `stream`, whatever happens: who gives up early
 * can go on reading it.
 *
 * @throws DeltaError for what is no signature or beyond the limits
 */
export async function openSignature(
  stream: ByteStream,
  limits: SignatureLimits = {},
): Promise<SignatureInput> {
  const pieces = stream[Symbol.asyncIterator]();
  const start = new HeaderReader(pieces);
  const params = parseSignatureHeader(await start.take(SIGNATURE_HEADER_BYTES), limits);
  const keyed = params.key === undefined
    ? params
    : { ...params, key: (await start.take(KEY_BYTES)).slice() };
  return { params: keyed, entries: entriesOf(pieces, { first: start.rest, params, limits }) };
}

/** Takes fixed lengths off the front of a stream. */
class HeaderReader {
  rest: Uint8Array = new Uint8Array(0);
  #taken = 0;

  constructor(private readonly pieces: AsyncIterator<Uint8Array>) {}

  async take(length: number): Promise<Uint8Array> {
    const header = new Uint8Array(length);
    for (let filled = 0;;) {
      const part = this.rest.subarray(0, length - filled);
      header.set(part, filled);
      filled += part.length;
      this.#taken += part.length;
      this.rest = this.rest.subarray(part.length);
      if (filled === length) return header;
      const { done, value } = await this.pieces.next();
      if (done) throw truncated(`${this.#taken} bytes`);
      this.rest = value;
    }
  }
}

/** Parses twelve bytes; a key that has to follow is zeros. @throws DeltaError */
export function parseSignatureHeader(
  header: Uint8Array,
  { blockLengthMin = 1, blockLengthMax = BLOCK_LENGTH_USUAL_MAX }: SignatureLimits = {},
): SignatureParams {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const magic = view.getUint32(0), blockLength = view.getUint32(4), given = view.getUint32(8);
  const isKeyed = magic === KEYED_MAGIC;
  const format = isKeyed
    ? { weak: "rabinkarp", strong: "md4" } as const
    : SIGNATURE_MAGICS.find((row) => row.magic === magic);
  if (format === undefined) {
    const message = `Cannot read the signature: unknown magic number 0x${magic.toString(16)}`;
    throw new DeltaError("delta/signature-magic", { message });
  }
  const { weak, strong } = format;
  if (blockLength < blockLengthMin || blockLength > Math.min(blockLengthMax, BLOCK_LENGTH_MAX)) {
    const message = `Cannot use the signature: block length ${blockLength} is out of bounds`;
    throw new DeltaError("delta/signature-block-length", { message });
  }
  // COMPAT: C peers read 0 as the maximum of the format (W 10.1).
  const strongLength = given === 0 ? STRONG_MAX_BYTES[strong] : given;
  if (strongLength > STRONG_MAX_BYTES[strong]) {
    const message = `Cannot use the signature: strong sums of ${given} bytes with ${strong}`;
    throw new DeltaError("delta/signature-strong-length", { message });
  }
  const params = { weak, strong, blockLength, strongLength };
  return isKeyed ? { ...params, key: new Uint8Array(KEY_BYTES) } : params;
}

async function* entriesOf(
  pieces: AsyncIterator<Uint8Array>,
  { first, params, limits: { blocksMax = BLOCKS_MAX } }: {
    readonly first: Uint8Array;
    readonly params: SignatureParams;
    readonly limits: SignatureLimits;
  },
): ByteStream {
  const entryBytes = entrySize(params), max = blocksMax * entryBytes;
  let total = 0;
  for (let piece: Uint8Array | undefined = first; piece !== undefined;) {
    total += piece.length;
    if (total > max) {
      const message = `Cannot use the signature: more than ${blocksMax} blocks`;
      throw new DeltaError("delta/signature-too-long", { message });
    }
    if (piece.length > 0) yield piece;
    const { done, value } = await pieces.next();
    piece = done ? undefined : value;
  }
  if (total % entryBytes !== 0) throw truncated(`${SIGNATURE_HEADER_BYTES + total} bytes`);
}

function truncated(length: string): DeltaError {
  const message = `Cannot read the signature: it is cut off after ${length}`;
  return new DeltaError("delta/signature-truncated", { message });
}
