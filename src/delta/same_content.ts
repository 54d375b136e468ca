/** Whether a received signature is that of local content. */
import type { ByteStream } from "../model/mod.ts";
import { BlockSigner } from "./block_signer.ts";
import { Breather, type Content } from "./content.ts";
import { openSignature, type SignatureLimits } from "./signature_input.ts";

export interface SameContentOptions {
  readonly limits?: SignatureLimits;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compares with the parameters of the received header, whatever they are (W 10.1, 18.4). Reads the
 * signature and the content side by side, only up to the first difference; the stream is not closed.
 *
 * @throws DeltaError for a signature that is none, truncated or beyond the limits
 */
export async function sameContentAs(
  signature: ByteStream,
  content: Content,
  { limits = {}, signal }: SameContentOptions = {},
): Promise<boolean> {
  const breather = new Breather(signal);
  const { params, entries } = await openSignature(signature, limits);
  using signer = new BlockSigner(params, content.size);
  let offset = 0;
  let ours: Uint8Array = new Uint8Array(0);
  for await (const piece of entries) {
    for (let theirs = piece; theirs.length > 0;) {
      if (ours.length === 0) {
        const read = signer.fill(content, offset);
        if (read === 0) return false;
        offset += read;
        ours = signer.sign();
        if (breather.isDue(read)) await breather.pause();
      }
      const n = Math.min(ours.length, theirs.length);
      if (!isSame(ours.subarray(0, n), theirs.subarray(0, n))) return false;
      ours = ours.subarray(n);
      theirs = theirs.subarray(n);
    }
  }
  return ours.length === 0 && offset === content.size;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i]);
}
