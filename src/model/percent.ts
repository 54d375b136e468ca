/** The %XX encoding of names and texts, on the wire and in the database (W 2.3, D 5.3). */

const SPECIAL_REGEXP = /[\x01-\x20\x7f"'%$:|\\]/g;
const ANY_SPECIAL_REGEXP = /[\x01-\x20\x7f"'%$:|\\]/;
const HEX_PAIR_REGEXP = /%([0-9A-Fa-f]{2})/g;
const BAD_ESCAPE_REGEXP = /%(?![0-9A-Fa-f]{2})|%00/;

/** Encodes 0x01-0x20, 0x7F and `"'%$:|\` as %XX; all other bytes stay as they are. */
export function percentEncode(text: string): string {
  if (!ANY_SPECIAL_REGEXP.test(text)) return text;
  return text.replace(
    SPECIAL_REGEXP,
    (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0"),
  );
}

/**
 * Decodes text of the database. A `%` without two hex digits behind it and `%00` stay as they are
 * (D 7.6.12); a C program would turn them into a NUL.
 */
export function percentDecode(text: string): string {
  if (!text.includes("%")) return text;
  return text.replace(
    HEX_PAIR_REGEXP,
    (all, hex) => hex === "00" ? all : String.fromCharCode(parseInt(hex, 16)),
  );
}

/** Decodes a token of a peer; undefined for `%00`, and for `%` without two hex digits (W 20.13). */
export function strictPercentDecode(text: string): string | undefined {
  return BAD_ESCAPE_REGEXP.test(text) ? undefined : percentDecode(text);
}
