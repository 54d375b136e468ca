/** The %XX encoding of names and texts, on the wire and in the database (W 2.3, D 5.3). */

const SPECIAL_REGEXP = /[\x01-\x20\x7f"'%$:|\\]/;
/** PERF: check texts have nothing else but many of these. */
const SPECIAL_BUT_COLON_REGEXP = /[\x01-\x20\x7f"'%$|\\]/;
const PERCENT = 0x25;
/** PERF: a name with a prefix is encoded a dozen times on its way: the last ones are remembered. */
let recent = new Map<string, string>();
const RECENT_MAX = 512;
/** LIMIT: of a name that is remembered. */
const RECENT_MAX_BYTES = 512;
/** Escapes by byte; empty for what stays as it is. */
const ESCAPES: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) =>
    SPECIAL_REGEXP.test(String.fromCharCode(byte))
      ? "%" + byte.toString(16).toUpperCase().padStart(2, "0")
      : "",
);
/** Values of hex digits by byte, -1 for every other byte. */
const HEX_VALUES = new Int8Array(256).fill(-1);
for (const digit of "0123456789ABCDEFabcdef") {
  HEX_VALUES[digit.charCodeAt(0)] = parseInt(digit, 16);
}
const BAD_ESCAPE_REGEXP = /%(?![0-9A-Fa-f]{2})|%00/;

/**
 * Encodes 0x01-0x20, 0x7F and `"'%$:|\` as %XX; all other bytes stay as they are.
 *
 * PERF: this and the next one run for every name of a tree. A loop takes a quarter of the time of
 * `replace` with a function.
 */
export function percentEncode(text: string): string {
  if (text.charCodeAt(0) !== PERCENT || text.length > RECENT_MAX_BYTES) return encode(text);
  const known = recent.get(text);
  if (known !== undefined) return known;
  if (recent.size === RECENT_MAX) recent = new Map();
  const encoded = encode(text);
  recent.set(text, encoded);
  return encoded;
}

function encode(text: string): string {
  if (!SPECIAL_REGEXP.test(text)) return text;
  if (!SPECIAL_BUT_COLON_REGEXP.test(text)) return text.replaceAll(":", "%3A");
  let encoded = "", from = 0;
  for (let at = 0; at < text.length; at++) {
    const escape = ESCAPES[text.charCodeAt(at)];
    if (!escape) continue;
    encoded += text.slice(from, at) + escape;
    from = at + 1;
  }
  return encoded + text.slice(from);
}

/**
 * Decodes text of the database. A `%` without two hex digits behind it and `%00` stay as they are
 * (D 7.6.12); a C program would turn them into a NUL.
 */
export function percentDecode(text: string): string {
  let decoded = "", from = 0;
  for (let at = text.indexOf("%"); at >= 0; at = text.indexOf("%", Math.max(from, at + 1))) {
    const byte = hexPair(text, at + 1);
    if (byte <= 0) continue;
    decoded += text.slice(from, at) + String.fromCharCode(byte);
    from = at + 3;
  }
  return from === 0 ? text : decoded + text.slice(from);
}

/** The byte that two hex digits stand for; negative when they are none. */
function hexPair(text: string, at: number): number {
  const high = HEX_VALUES[text.charCodeAt(at)] ?? -1;
  const low = HEX_VALUES[text.charCodeAt(at + 1)] ?? -1;
  return high << 4 | low;
}

/** Decodes a token of a peer; undefined for `%00`, and for `%` without two hex digits (W 20.13). */
export function strictPercentDecode(text: string): string | undefined {
  return BAD_ESCAPE_REGEXP.test(text) ? undefined : percentDecode(text);
}
