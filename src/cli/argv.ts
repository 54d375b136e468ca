/** The arguments of the process as bytes: names of files need not be UTF-8. */
import { fromBytes, utf8Bytes } from "../model/mod.ts";
import { commandLine } from "../os/mod.ts";

const REPLACEMENT = "\ufffd";

/**
 * @param words the arguments as the runtime decoded them
 * @param readCommandLine the process's command line, NUL-separated; asked only when decoding lost bytes
 * @throws OsError where /proc is not mounted
 */
export function argumentBytes(
  words: readonly string[],
  readCommandLine: () => Uint8Array = commandLine,
): string[] {
  if (!words.some((word) => word.includes(REPLACEMENT))) return words.map(utf8Bytes);
  const all = fromBytes(readCommandLine()).split("\0").slice(0, -1);
  return all.slice(all.length - words.length);
}
