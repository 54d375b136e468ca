/** Our temporary names: made and recognised here. */
import { type Name, NAME_MAX_BYTES } from "../model/mod.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/** `.base.XXXXXX`: two dots and six characters beside the base (W 14.2). */
const SUFFIX_LENGTH = 6;
const BASE_MAX_BYTES = NAME_MAX_BYTES - SUFFIX_LENGTH - 2;
const RANDOM_LENGTH = 3;
const words = new Uint32Array(RANDOM_LENGTH);
const wordBytes = new Uint8Array(words.buffer);
const TEMP_REGEXP = /^\.([^]*)\.([A-Za-z0-9]{6})$/;

/**
 * A temporary name for `leaf`: `.hello.txt.AbC123` (W 14.2).
 *
 * Three characters are random, three are a checksum of the rest. That is how isTempName() tells our
 * names from a user's `.env.docker` or `.bashrc.backup`, which look the same and must be synced.
 *
 * @param random fills bytes; a taken name is met by asking again
 */
export function tempName(leaf: string, random: (bytes: Uint8Array) => void): Name {
  const base = cut(leaf.startsWith(".") ? leaf.slice(1) : leaf);
  random(wordBytes);
  let drawn = "";
  for (const word of words) drawn += ALPHABET[word % ALPHABET.length];
  return `.${base}.${drawn}${checksum(base + drawn)}` as Name;
}

/** Whether `leaf` was made by tempName(). One in 238,000 other names of this shape is taken for one. */
export function isTempName(leaf: string): boolean {
  const parts = TEMP_REGEXP.exec(leaf);
  if (parts === null) return false;
  const [, base = "", suffix = ""] = parts;
  const drawn = suffix.slice(0, RANDOM_LENGTH);
  return checksum(base + drawn) === suffix.slice(RANDOM_LENGTH);
}

/** Cut to fit, without half a UTF-8 character or a dot at the end. */
function cut(base: string): string {
  if (base.length <= BASE_MAX_BYTES) return base;
  let end = BASE_MAX_BYTES;
  // Back to the first byte of a character that the cut would halve; not in names that are no UTF-8.
  let start = end;
  while (start > 0 && end - start < 3 && isContinuation(base, start)) start--;
  if (!isContinuation(base, start)) end = start;
  const short = base.slice(0, end);
  return short.endsWith(".") ? short.slice(0, -1) : short;
}

function isContinuation(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xc0) === 0x80;
}

/** FNV-1a, as three characters. */
function checksum(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  }
  let out = "";
  for (let i = 0; i < SUFFIX_LENGTH - RANDOM_LENGTH; i++) {
    out += ALPHABET[hash % ALPHABET.length];
    hash = Math.floor(hash / ALPHABET.length);
  }
  return out;
}

const drawn = new Uint8Array(4_080);
let used = drawn.length;

/** Random bytes from the system: the default source of tempName(). PERF: many are drawn at once. */
export function systemRandom(bytes: Uint8Array): void {
  if (bytes.length > drawn.length - used) {
    crypto.getRandomValues(drawn);
    used = 0;
  }
  bytes.set(drawn.subarray(used, used += bytes.length));
}
