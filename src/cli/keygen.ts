/** `-k FILE`: a new group key (D 4.8). */
import { KEY_ALPHABET } from "../config/mod.ts";
import { CsyncError, toBytes } from "../model/mod.ts";
import {
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  openAt,
  OsError,
  sync,
  unlink,
  writeAll,
} from "../os/mod.ts";

const KEY_CHARACTERS = 64;
const CREATE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;

/** 64 random characters, 6 bits each: 384 bits. */
export function newKey(fillRandom: (bytes: Uint8Array<ArrayBuffer>) => void): string {
  const bytes = new Uint8Array(KEY_CHARACTERS);
  fillRandom(bytes);
  return Array.from(bytes, (byte) => KEY_ALPHABET[byte & 63]).join("");
}

/**
 * Writes a new key to `path`, a byte string. It must not exist; the file is private from its first
 * moment on, and gone again when it cannot be written whole (D 7.4.10).
 * @throws CsyncError `cli/keygen`
 */
export function writeKeyFile(path: string): void {
  const slash = path.lastIndexOf("/");
  const dirPath = slash < 0 ? "." : path.slice(0, slash + 1), name = path.slice(slash + 1);
  try {
    using dir = openAt(dirPath, { flags: O_RDONLY | O_DIRECTORY });
    using file = openAt(name, { dir, flags: CREATE, mode: 0o600 });
    try {
      writeAll(file, toBytes(newKey((bytes) => crypto.getRandomValues(bytes)) + "\n"), path);
      sync(file, path);
    } catch (error) {
      unlink(dir, name);
      throw error;
    }
  } catch (cause) {
    if (!(cause instanceof OsError)) throw cause;
    throw new CsyncError("cli/keygen", { message: `Can't create key file: ${cause.text}`, cause });
  }
}
