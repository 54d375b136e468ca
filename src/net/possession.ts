/** Checks one TLS 1.2 signature with the public key of a certificate. */
import type { KeyObject } from "node:crypto";

type Padding = "pkcs1" | "pss" | "none";

/** SignatureScheme (RFC 8446 4.2.3; the old pairs of hash and algorithm have the same numbers). */
const SCHEMES: Readonly<Record<number, readonly [hash: string | null, Padding]>> = {
  0x0201: ["sha1", "pkcs1"],
  0x0401: ["sha256", "pkcs1"],
  0x0501: ["sha384", "pkcs1"],
  0x0601: ["sha512", "pkcs1"],
  0x0203: ["sha1", "none"],
  0x0403: ["sha256", "none"],
  0x0503: ["sha384", "none"],
  0x0603: ["sha512", "none"],
  0x0804: ["sha256", "pss"],
  0x0805: ["sha384", "pss"],
  0x0806: ["sha512", "pss"],
  0x0807: [null, "none"],
};
const HASH_BYTES: Readonly<Record<string, number>> = { sha256: 32, sha384: 48, sha512: 64 };
/** LIMIT: checking a larger key takes long enough to be an attack. */
const RSA_MAX_BITS = 8_192;

export interface Signed {
  /** DER. */
  readonly certificate: Uint8Array;
  readonly scheme: number;
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
}

/** Undefined when the signature was made with the certificate's key, else the reason why not. */
export function signatureFault(
  crypto: typeof import("node:crypto"),
  { certificate, scheme, data, signature }: Signed,
): string | undefined {
  const [hash, padding] = SCHEMES[scheme] ?? [];
  if (hash === undefined || padding === undefined) {
    return `it signs in a way we do not know (0x${scheme.toString(16).padStart(4, "0")})`;
  }
  try {
    const key = new crypto.X509Certificate(certificate).publicKey;
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    if (bits > RSA_MAX_BITS) return `its key has ${bits} bits, more than ${RSA_MAX_BITS}`;
    const options = padding === "pss" ? pssOptions(crypto, key, hash!) : key;
    return crypto.verify(hash, data, options, signature) ? undefined : "its signature is wrong";
  } catch (cause) {
    return `its certificate cannot be used: ${(cause as Error).message}`;
  }
}

/** COMPAT: GnuTLS shortens the salt when the key has no room for one of the hash's length. */
function pssOptions(crypto: typeof import("node:crypto"), key: KeyObject, hash: string) {
  const hashBytes = HASH_BYTES[hash]!;
  const encodedBytes = Math.ceil(((key.asymmetricKeyDetails?.modulusLength ?? 0) - 1) / 8);
  const saltLength = Math.min(hashBytes, encodedBytes - hashBytes - 2);
  return { key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength };
}
