/** Byte streams between folders. */

/** Pulled, bounded pieces. A piece is valid until the next pull: copy what you keep. */
export type ByteStream = AsyncIterable<Uint8Array>;

/** A stream whose length is known before its first byte. It yields exactly `size` bytes. */
export interface SizedStream {
  readonly size: number;
  readonly bytes: ByteStream;
}
