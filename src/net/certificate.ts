/** Makes keys and self-signed certificates. */
import type { JsonNameParams } from "@peculiar/x509";
import { NetError } from "./error.ts";

/** Key and certificate, PEM. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

export interface CertificateOptions {
  /** Host name that the certificate is for. */
  commonName: string;
  /** Private key to make it for, PEM. @default a new P-256 key */
  key?: string;
  /** @default now */
  from?: Date;
}

/**
 * COMPAT: a C client shows its certificate to a C server only when both subjects are equal, byte for
 * byte (W 5.2 trap 2). So every certificate of ours has one and the same subject, that of `openssl
 * req` with all questions left unanswered, which is how csync2 certificates come about: the files
 * serve a C program as well. The host name stands in subjectAltName, where nobody compares it.
 */
const SUBJECT: JsonNameParams = [
  { C: [{ printableString: "AU" }] },
  { ST: [{ utf8String: "Some-State" }] },
  { O: [{ utf8String: "Internet Widgits Pty Ltd" }] },
];
const EC = { name: "ECDSA", namedCurve: "P-256" } as const;
const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;
/** Nobody looks at dates (W 5.2), and the pins of all peers would break with a new certificate. */
const VALID_DAYS = 100 * 365;
const SERIAL_BYTES = 16;

/**
 * A self-signed X.509 v3 certificate and its key.
 * @throws NetError `net/identity` when the given key is no P-256 key and no RSA key
 */
export async function makeCertificate(
  { commonName, key, from = new Date() }: CertificateOptions,
): Promise<Identity> {
  const x509 = await import("@peculiar/x509");
  const keys = key === undefined ? await newKeys() : await keysOf(key);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: new x509.Name(SUBJECT),
    keys,
    signingAlgorithm: { ...keys.privateKey.algorithm, hash: "SHA-256" },
    serialNumber: serialNumber(),
    notBefore: new Date(from.getTime() - DAY_MS),
    notAfter: new Date(from.getTime() + VALID_DAYS * DAY_MS),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: commonName }]),
    ],
  });
  const made = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    key: key ?? x509.PemConverter.encode(made, "PRIVATE KEY") + "\n",
    cert: certificate.toString("pem") + "\n",
  };
}

function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(EC, true, ["sign", "verify"]);
}

/** A key file of any PEM kind as keys of the Web Crypto API. */
async function keysOf(pem: string): Promise<CryptoKeyPair> {
  const { createPrivateKey, createPublicKey } = await import("node:crypto");
  try {
    const secret = createPrivateKey(pem);
    const isRsa = secret.asymmetricKeyType === "rsa";
    const pkcs8 = new Uint8Array(secret.export({ type: "pkcs8", format: "der" }));
    const spki = new Uint8Array(createPublicKey(pem).export({ type: "spki", format: "der" }));
    const algorithm = isRsa ? RSA : EC;
    return {
      privateKey: await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, true, ["sign"]),
      publicKey: await crypto.subtle.importKey("spki", spki, algorithm, true, ["verify"]),
    };
  } catch (cause) {
    throw new NetError("identity", {
      message: `Cannot make a certificate for the key: ${(cause as Error).message}`,
      advice: "only unencrypted RSA and P-256 keys will do; remove the key to have a new one made",
      cause,
    });
  }
}

/** Positive and without leading zeros, as DER wants it. */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SERIAL_BYTES));
  bytes[0] = bytes[0]! & 0x3f | 0x40;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
