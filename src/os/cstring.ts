/** Byte strings as C strings in buffers that are reused for every call. */
import { PATH_MAX_BYTES } from "../model/mod.ts";
import { errorNamed } from "./errno.ts";

const first = new Uint8Array(PATH_MAX_BYTES);
const second = new Uint8Array(PATH_MAX_BYTES);
export const EMPTY = new Uint8Array(1);

/**
 * `text` with a closing NUL, valid until the next cstring().
 *
 * @throws OsError `EINVAL` when a NUL or no byte is in it, so that no call can be about another name
 * than its caller meant; `ENAMETOOLONG` from 4096 bytes on, as the kernel says
 */
export function cstring(text: string, call: string): Uint8Array<ArrayBuffer> {
  return fill(first, { text, call });
}

/** As cstring(), in a second buffer, for calls with two names. */
export function secondCstring(text: string, call: string): Uint8Array<ArrayBuffer> {
  return fill(second, { text, call });
}

function fill(
  into: Uint8Array<ArrayBuffer>,
  { text, call }: { text: string; call: string },
): Uint8Array<ArrayBuffer> {
  const length = text.length;
  if (length >= into.length) throw errorNamed("ENAMETOOLONG", { call, path: text });
  for (let at = 0; at < length; at++) {
    const byte = text.charCodeAt(at);
    if (byte === 0 || byte > 0xff) throw errorNamed("EINVAL", { call, path: text });
    into[at] = byte;
  }
  into[length] = 0;
  return into;
}
