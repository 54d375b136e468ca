/** The one line that leads from the classic dialect to the fast one, and its answer (pure but for a nonce). */
import { freshNonce } from "./keys.ts";

/** The word, which C servers do not know. */
export const FAST_WORD = "CSYNC3";
const VERSION = 1;
const VERSION_REGEXP = /^[1-9]\d{0,2}$/;
const NONCE_REGEXP = /^[0-9a-f]{64}$/;
const REPLY_REGEXP = /^OK \(csync3 (\d{1,3}) ([0-9a-f]{64})\)\.$/;

/** What both sides have sent in plain sight. */
export interface Nonces {
  readonly clientNonce: Uint8Array;
  readonly serverNonce: Uint8Array;
}

/** The client's line. */
export function fastOffer(clientNonce: Uint8Array): string {
  return `${FAST_WORD} ${VERSION} ${clientNonce.toHex()}`;
}

/** The server's answer to an offer's arguments; undefined when they are none. */
export function acceptFast(
  [version, nonce]: readonly (string | undefined)[],
): { readonly reply: string; readonly nonces: Nonces } | undefined {
  if (version === undefined || !VERSION_REGEXP.test(version)) return undefined;
  if (nonce === undefined || !NONCE_REGEXP.test(nonce)) return undefined;
  const serverNonce = freshNonce();
  return {
    reply: `OK (csync3 ${VERSION} ${serverNonce.toHex()}).`,
    nonces: { clientNonce: Uint8Array.fromHex(nonce), serverNonce },
  };
}

/** The nonce of a server that speaks it; undefined for any other answer. */
export function acceptedNonce(reply: string): Uint8Array | undefined {
  const match = REPLY_REGEXP.exec(reply);
  return match !== null && Number(match[1]) === VERSION ? Uint8Array.fromHex(match[2]!) : undefined;
}
