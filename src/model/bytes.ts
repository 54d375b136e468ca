/**
 * Byte strings: JavaScript strings with one code unit 0..255 per byte.
 *
 * Paths, names, lines and table columns are bytes on Linux, not text. As strings they are map keys,
 * compare in byte order and concatenate for free. `TextDecoder("latin1")` is windows-1252 and would
 * corrupt 0x80..0x9F, so the conversions are spelled out here.
 */

/** PERF: from here on the native conversions win. */
const LONG_BYTES = 64;
const LONG_TEXT = 1_024;
const ENCODER = new TextEncoder();
const NON_ASCII_REGEXP = /[^\x00-\x7f]/;

/** Bytes -> byte string of the same length. */
export function fromBytes(bytes: Uint8Array): string {
  if (bytes.length < LONG_BYTES) return String.fromCharCode.apply(null, bytes as never);
  // PERF: not imported, because loading node:buffer takes 8 ms of each start.
  const { buffer, byteOffset, length } = bytes;
  return globalThis.Buffer.from(buffer, byteOffset, length).toString("latin1");
}

/** Byte string -> bytes of the same length. Code units above 255 are a programming error. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  if (text.length >= LONG_TEXT) {
    // Every character beyond ASCII would take two bytes or more of UTF-8.
    const ascii = ENCODER.encode(text);
    if (ascii.length === text.length) return ascii;
  }
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** Ordinary text (arguments, environment, JSON) -> byte string holding its UTF-8. */
export function utf8Bytes(text: string): string {
  return NON_ASCII_REGEXP.test(text) ? fromBytes(new TextEncoder().encode(text)) : text;
}

/**
 * Byte string -> ordinary text for people and for JSON. Valid UTF-8 is shown as such; every other
 * byte becomes U+FFFD, so the result must never be used to find a file again.
 */
export function show(bytes: string): string {
  return NON_ASCII_REGEXP.test(bytes) ? new TextDecoder().decode(toBytes(bytes)) : bytes;
}

/** Byte order of two byte strings: negative, zero or positive, for sort. */
export function byteOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
