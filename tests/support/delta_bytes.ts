/** Byte streams and contents for tests of src/delta. */
import { type Content, contentOf, patch, type SignatureParams } from "../../src/delta/mod.ts";
import type { ByteStream } from "../../src/model/mod.ts";

export const text = (s: string): Uint8Array => new TextEncoder().encode(s);
export const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
/** `72 73` or `7273`. */
export const unhex = (digits: string): Uint8Array =>
  Uint8Array.from(digits.replace(/\s/g, "").match(/../g) ?? [], (pair) => parseInt(pair, 16));

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Copies each piece at once, since it is valid until the next pull only. */
export async function collect(stream: ByteStream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const piece of stream) parts.push(piece.slice());
  return concat(...parts);
}

/** Pieces of `pieceBytes`; what was yielded is overwritten before the next, as a socket's buffer is. */
export async function* stream(bytes: Uint8Array, pieceBytes = 65_536): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(pieceBytes);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes);
    buffer.set(piece);
    yield await Promise.resolve(buffer.subarray(0, piece.length));
    buffer.fill(0xaa);
  }
}

/** The same bytes for the same seed. */
export function randomBytes(length: number, seed = 1): Uint8Array {
  let state = seed >>> 0;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

/** The new content that `delta` makes of `basis`. */
export async function patched(basis: Uint8Array, delta: ByteStream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  await patch(delta, {
    basis: contentOf(basis),
    write: (bytes) => parts.push(bytes.slice()),
    maxBytes: 2 ** 40,
  });
  return concat(...parts);
}

/** Claims `size` but has only the first bytes: a file that became shorter. */
export function shrunk(bytes: Uint8Array, size: number): Content {
  return { ...contentOf(bytes), size };
}

export const ALL_FORMATS: readonly SignatureParams[] = [
  { weak: "rollsum", strong: "md4", blockLength: 2048, strongLength: 16 },
  { weak: "rollsum", strong: "blake2b", blockLength: 2048, strongLength: 32 },
  { weak: "rabinkarp", strong: "md4", blockLength: 2048, strongLength: 16 },
  { weak: "rabinkarp", strong: "blake2b", blockLength: 2048, strongLength: 32 },
];
