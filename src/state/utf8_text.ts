/** Byte strings in a database that takes nothing but UTF-8 (D 7.6.4). Pure. */
import { toBytes } from "../model/mod.ts";

const NON_ASCII_REGEXP = /[\x80-\xff]/;
/** Escapes that csync2 never makes: it leaves bytes from 0x80 up as they are. */
const ESCAPE_REGEXP = /%([89A-F][0-9A-F])/g;
const LONGEST_SEQUENCE = 4;
/** A byte order mark is a character like others. */
const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Text with the same bytes; each byte that is not part of valid UTF-8 becomes `%XX`, which the C
 * program decodes like any other escape. `%` itself is encoded as `%25`, so nothing else looks like it.
 */
export function toUtf8Text(bytes: string): string {
  if (!NON_ASCII_REGEXP.test(bytes)) return bytes;
  return decoded(bytes) ?? escaped(bytes);
}

/** The byte string whose UTF-8, or escapes, a database returned. */
export function fromUtf8Text(bytes: string): string {
  if (!bytes.includes("%")) return bytes;
  return bytes.replace(ESCAPE_REGEXP, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

/** Undefined when it is not UTF-8. */
function decoded(bytes: string): string | undefined {
  try {
    return STRICT.decode(toBytes(bytes));
  } catch {
    return undefined;
  }
}

/** Byte by byte, so that a text has one form only. */
function escaped(bytes: string): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const [valid, length] = sequenceAt(bytes, at);
    text += valid ?? `%${bytes.charCodeAt(at).toString(16).toUpperCase()}`;
    at += length;
  }
  return text;
}

/** The valid sequence that begins there, and how many bytes to go on. */
function sequenceAt(bytes: string, at: number): [string | undefined, number] {
  const first = bytes.charCodeAt(at);
  if (first < 0x80) return [bytes.charAt(at), 1];
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : LONGEST_SEQUENCE;
  const sequence = bytes.slice(at, at + length);
  const text = sequence.length === length ? decoded(sequence) : undefined;
  return text === undefined ? [undefined, 1] : [text, length];
}
