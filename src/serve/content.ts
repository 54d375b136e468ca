/** What TYPE says about an object. */
import type { SourceFile } from "../fs/mod.ts";
import type { ByteStream } from "../model/mod.ts";

const PIECE_BYTES = 65_536;

/** COMPAT: a missing file and a directory have an empty body (W 12 TYPE). */
export async function* nothing(): ByteStream {}

/** The content up to its end, however long it is by then. */
export async function* contentOf(file: SourceFile): ByteStream {
  const buffer = new Uint8Array(PIECE_BYTES);
  for (let offset = 0;;) {
    const count = file.readAt(buffer, offset);
    if (count === 0) return;
    offset += count;
    yield await Promise.resolve(buffer.subarray(0, count));
  }
}
