/** What people compare certificates by. */

/**
 * SHA-256 of a certificate as people compare it: `AB:CD:..`, as `openssl x509 -fingerprint` shows it.
 *
 * @param pin the certificate as the state keeps it, in hex; what is no hex is told as `unreadable`
 */
export async function pinFingerprint(pin: string): Promise<string> {
  if (!/^([0-9A-F]{2})+$/i.test(pin)) return "unreadable";
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.fromHex(pin)));
  return digest.toHex().toUpperCase().replace(/..(?!$)/g, "$&:");
}
