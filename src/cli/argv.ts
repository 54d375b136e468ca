/** The arguments of the process as bytes: names of files need not be UTF-8. */
import { fromBytes, utf8Bytes } from "../model/mod.ts";

const REPLACEMENT = "\ufffd";

/**
 * @param words the arguments as the runtime decoded them
 * @param readCommandLine the process's command line, NUL-separated; asked only when decoding lost bytes
 */
export function argumentBytes(
  words: readonly string[],
  readCommandLine: () => Uint8Array,
): string[] {
  if (!words.some((word) => word.includes(REPLACEMENT))) return words.map(utf8Bytes);
  const all = fromBytes(readCommandLine()).split("\0").slice(0, -1);
  return all.slice(all.length - words.length);
}
