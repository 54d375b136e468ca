/** SHA-256 of content: how two hosts of ours compare files without a signature. */
import { createHash } from "node:crypto";
import { Breather, type Content } from "./content.ts";

export interface ContentDigestOptions {
  readonly signal?: AbortSignal | undefined;
}

/** PERF: larger pieces are not faster, smaller ones are. */
const PIECE_BYTES = 1_048_576;

/** @returns undefined when the content ends before its size: it was cut meanwhile */
export async function contentDigest(
  content: Content,
  { signal }: ContentDigestOptions = {},
): Promise<Uint8Array | undefined> {
  const breather = new Breather(signal);
  const hash = createHash("sha256");
  const piece = new Uint8Array(Math.min(PIECE_BYTES, content.size));
  for (let offset = 0; offset < content.size;) {
    const count = content.readAt(piece.subarray(0, content.size - offset), offset);
    if (count === 0) return undefined;
    hash.update(piece.subarray(0, count));
    offset += count;
    if (breather.isDue(count)) await breather.pause();
  }
  return new Uint8Array(hash.digest());
}
