/** Signatures: content -> librsync signature stream in all four formats (W 10.1). */
import type { ByteStream, SizedStream } from "../model/mod.ts";
import { BlockSigner } from "./block_signer.ts";
import { Breather, type Content } from "./content.ts";
import type { SignatureParams, StrongKind, WeakKind } from "./kernel.ts";

export const SIGNATURE_HEADER_BYTES = 12;
/** LIMIT: ours, for signatures that we make ourselves; four blocks have to fit in memory. */
export const BLOCK_LENGTH_MAX = 16 * 1_048_576;

export const STRONG_MAX_BYTES: Readonly<Record<StrongKind, number>> = { md4: 16, blake2b: 32 };

/** Magic number per format. */
export const SIGNATURE_MAGICS: readonly {
  readonly magic: number;
  readonly weak: WeakKind;
  readonly strong: StrongKind;
}[] = [
  { magic: 0x72730136, weak: "rollsum", strong: "md4" },
  { magic: 0x72730137, weak: "rollsum", strong: "blake2b" },
  { magic: 0x72730146, weak: "rabinkarp", strong: "md4" },
  { magic: 0x72730147, weak: "rabinkarp", strong: "blake2b" },
];

/** Our own format: RabinKarp and MD4 with a key, which follows the twelve bytes. */
export const KEYED_MAGIC = 0x43330147;
export const KEY_BYTES = 16;

/** What every csync2 writes, and what SIG must be made with (W 10.1). */
export const CSYNC2_PARAMS: SignatureParams = {
  weak: "rollsum",
  strong: "md4",
  blockLength: 2048,
  strongLength: 16,
};

const SIZED_MIN_BYTES = 1_024;
const SIZED_MAX_BYTES = 131_072;
/** Blocks are hashed in messages of so many bytes. */
const SIZED_UNIT_BYTES = 128;

/**
 * For the fast dialect: blocks of about the square root of the size, so that the signature and what is
 * sent for one edit are both small.
 *
 * PERF: signing at 32 KiB a block, MiB/s: MD4 2,700, SHA-256 of node:crypto 1,080, BLAKE2b 950. MD4 alone is
 * broken; with a random start that is told together with the sums nobody can prepare blocks for it.
 */
export function sizedParams(fileSize: number): SignatureParams {
  const units = Math.round(Math.sqrt(fileSize) / SIZED_UNIT_BYTES);
  const blockLength = Math.min(
    SIZED_MAX_BYTES,
    Math.max(SIZED_MIN_BYTES, units * SIZED_UNIT_BYTES),
  );
  const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return { weak: "rabinkarp", strong: "md4", blockLength, strongLength: 16, key };
}

/** Sent in PATCH when nothing is there: like CSYNC2_PARAMS, but strong sums of 8 bytes (W 10.1). */
export function signatureOfNothing(): SizedStream {
  const bytes = signatureHeader({ ...CSYNC2_PARAMS, strongLength: 8 });
  return { size: bytes.length, bytes: once(bytes) };
}

async function* once(bytes: Uint8Array): ByteStream {
  yield await Promise.resolve(bytes);
}

/** Bytes of one block's entry. */
export function entrySize({ strongLength }: SignatureParams): number {
  return 4 + strongLength;
}

function headerSize({ key }: SignatureParams): number {
  return SIGNATURE_HEADER_BYTES + (key === undefined ? 0 : KEY_BYTES);
}

/** Bytes of the signature of a file of `fileSize` bytes. */
export function signatureSize(fileSize: number, params: SignatureParams = CSYNC2_PARAMS): number {
  return headerSize(params) + Math.ceil(fileSize / params.blockLength) * entrySize(params);
}

/** What stands before the entries. @throws RangeError for parameters that no signature has */
export function signatureHeader(params: SignatureParams): Uint8Array<ArrayBuffer> {
  const { strong, blockLength, strongLength, key } = params;
  const magic = magicOf(params);
  checkRange("block length", blockLength, BLOCK_LENGTH_MAX);
  checkRange("strong sum length", strongLength, STRONG_MAX_BYTES[strong]);
  const header = new Uint8Array(headerSize(params));
  if (key !== undefined) header.set(key, SIGNATURE_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, magic);
  view.setUint32(4, blockLength);
  view.setUint32(8, strongLength);
  return header;
}

function magicOf({ weak, strong, key }: SignatureParams): number {
  const isKeyed = key?.length === KEY_BYTES && weak === "rabinkarp" && strong === "md4";
  const row = SIGNATURE_MAGICS.find((row) => row.weak === weak && row.strong === strong);
  const magic = isKeyed ? KEYED_MAGIC : key === undefined ? row?.magic : undefined;
  if (magic === undefined) throw new RangeError(`Cannot sign with ${weak} and ${strong}`);
  return magic;
}

function checkRange(what: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return;
  throw new RangeError(`Cannot sign with a ${what} of ${value}: 1 to ${max} expected`);
}

export interface SignatureOptions {
  /** @default {CSYNC2_PARAMS} */
  readonly params?: SignatureParams;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The signature of `content`, as librsync writes it.
 *
 * It has the promised size also when the content became shorter in the meantime: blocks that are gone
 * get sums of zeros, which match nothing. The caller asks afterwards whether the file is unchanged.
 *
 * @throws RangeError for parameters that no signature has
 */
export function signature(
  content: Content,
  { params = CSYNC2_PARAMS, signal }: SignatureOptions = {},
): SizedStream {
  const header = signatureHeader(params);
  const size = signatureSize(content.size, params);
  return { size, bytes: signContent(content, { params, header, size, signal }) };
}

/** LIMIT: longest literal of a delta for a peer that has nothing. */
const LITERAL_BYTES = SIZED_MAX_BYTES;

/** For the fast dialect: `sizedParams` of what is there, or of nothing. */
export function sizedSignature(content: Content | undefined): SizedStream {
  if (content !== undefined) {
    return signature(content, { params: sizedParams(content.size) });
  }
  const bytes = signatureHeader({ ...sizedParams(0), blockLength: LITERAL_BYTES });
  return { size: bytes.length, bytes: once(bytes) };
}

interface SignJob {
  readonly params: SignatureParams;
  readonly header: Uint8Array;
  readonly size: number;
  readonly signal: AbortSignal | undefined;
}

async function* signContent(content: Content, job: SignJob): ByteStream {
  const breather = new Breather(job.signal);
  using signer = new BlockSigner(job.params, content.size);
  const piece = new Piece(job.header, Math.min(job.size, PIECE_BYTES + signer.outputMaxBytes));
  let offset = 0, sent = 0;
  while (offset < content.size) {
    const read = signer.fill(content, offset);
    if (read === 0) break;
    offset += read;
    piece.append(signer.sign());
    const isDue = breather.isDue(read);
    // PERF: with long blocks a piece takes long to fill, and the peer may search while we go on.
    if (piece.isWorthSending || isDue) yield piece.take((n) => sent += n);
    if (isDue) await breather.pause();
  }
  yield piece.take((n) => sent += n);
  while (sent < job.size) {
    const zeros = new Uint8Array(Math.min(PIECE_BYTES, job.size - sent));
    sent += zeros.length;
    yield zeros;
  }
}

/** As `signature` for content that can only be read once, of unknown length. */
export async function* signatureOfStream(
  content: ByteStream,
  { params = CSYNC2_PARAMS, signal }: SignatureOptions = {},
): ByteStream {
  const breather = new Breather(signal);
  using signer = new BlockSigner(params);
  const piece = new Piece(signatureHeader(params), PIECE_BYTES + signer.outputMaxBytes);
  for await (const bytes of content) {
    for (let at = 0; at < bytes.length;) {
      at += signer.add(bytes.subarray(at));
      if (!signer.isFull) continue;
      piece.append(signer.sign());
      if (piece.isWorthSending) yield piece.take();
    }
    if (breather.isDue(bytes.length)) await breather.pause();
  }
  piece.append(signer.sign());
  yield piece.take();
}

/** LIMIT: entries collected before they are passed on; a write is worth its system call. */
const PIECE_BYTES = 32_768;

/** Collects entries into pieces. */
class Piece {
  readonly #buffer: Uint8Array;
  #filled: number;

  constructor(header: Uint8Array, capacityBytes: number) {
    this.#buffer = new Uint8Array(header.length + capacityBytes);
    this.#buffer.set(header);
    this.#filled = header.length;
  }

  get isWorthSending(): boolean {
    return this.#filled >= PIECE_BYTES;
  }

  append(entries: Uint8Array): void {
    this.#buffer.set(entries, this.#filled);
    this.#filled += entries.length;
  }

  /** What was collected, valid until the next `append`. */
  take(count?: (bytes: number) => void): Uint8Array {
    const bytes = this.#buffer.subarray(0, this.#filled);
    count?.(bytes.length);
    this.#filled = 0;
    return bytes;
  }
}
