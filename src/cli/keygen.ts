/** `-k FILE`: a new group key (D 4.8). */
import { CsyncError, toBytes } from "../model/mod.ts";
import { createExclusive, OsError } from "../os/mod.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
const KEY_CHARACTERS = 64;

/** 64 random characters, 6 bits each: 384 bits. */
export function newKey(random: (bytes: Uint8Array<ArrayBuffer>) => void): string {
  const bytes = new Uint8Array(KEY_CHARACTERS);
  random(bytes);
  return Array.from(bytes, (byte) => ALPHABET[byte & 63]).join("");
}

/**
 * Writes a new key to `path`, which must not exist, with mode 0600.
 * @throws CsyncError `cli/keygen`
 */
export function writeKeyFile(path: string): void {
  try {
    createExclusive(path, toBytes(newKey((bytes) => crypto.getRandomValues(bytes)) + "\n"), 0o600);
  } catch (cause) {
    if (!(cause instanceof OsError)) throw cause;
    throw new CsyncError("cli/keygen", { message: `Can't create key file: ${cause.text}`, cause });
  }
}
