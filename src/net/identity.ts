/** Key and certificate of this host as files of the system directory (W 5.2). */
import { type Identity, makeCertificate } from "./certificate.ts";
import { NetError } from "./error.ts";

/** COMPAT: the names of a C program; both programs may use the same files. */
const KEY_FILE = "csync2_ssl_key.pem";
const CERT_FILE = "csync2_ssl_cert.pem";
/** LIMIT: an 8192-bit key has 7 KiB; chains are rare here. */
const FILE_MAX_BYTES = 262_144;
const PRIVATE_MODE = 0o600;

export interface EnsureIdentityOptions {
  /** Host name for a certificate that has to be made. */
  commonName: string;
  /** Hears of each file that was made. */
  onNote?: (text: string) => void;
}

/**
 * The key and certificate of this host, or undefined when neither file exists.
 * @throws NetError `net/identity` when one is missing or cannot be read
 */
export async function readIdentity(systemDir: string): Promise<Identity | undefined> {
  const key = await readIfThere(`${systemDir}/${KEY_FILE}`);
  const cert = await readIfThere(`${systemDir}/${CERT_FILE}`);
  if (key === undefined && cert === undefined) return undefined;
  if (key !== undefined && cert !== undefined) return { key, cert };
  const [missing, present] = key === undefined ? [KEY_FILE, CERT_FILE] : [CERT_FILE, KEY_FILE];
  throw new NetError("identity", {
    message: `Cannot use TLS: "${systemDir}/${missing}" does not exist, but ${present} does`,
    advice: `bring it back, or remove ${present} as well to have both made`,
  });
}

/**
 * The key and certificate of this host; what is missing is made. Several processes may do this at
 * once: the first key wins, and the certificate is made for the key that won.
 *
 * Files get mode 0600 and appear complete or not at all; nothing that exists is changed.
 *
 * @throws NetError `net/identity`, also for a certificate without its key: peers have pinned it
 */
export async function ensureIdentity(
  systemDir: string,
  { commonName, onNote = () => {} }: EnsureIdentityOptions,
): Promise<Identity> {
  const keyPath = `${systemDir}/${KEY_FILE}`, certPath = `${systemDir}/${CERT_FILE}`;
  let key = await readIfThere(keyPath);
  if (key === undefined) {
    if (await exists(certPath)) await readIdentity(systemDir); // throws
    const made = await makeCertificate({ commonName });
    if (await create(keyPath, made.key)) onNote(`Made TLS key "${keyPath}"`);
    key = await read(keyPath);
  }
  let cert = await readIfThere(certPath);
  if (cert === undefined) {
    const made = await makeCertificate({ commonName, key });
    if (await create(certPath, made.cert)) onNote(`Made TLS certificate "${certPath}"`);
    cert = await read(certPath);
  }
  return { key, cert };
}

/**
 * Runs `work`, which uses key and certificate, and names both files in what is wrong with them, in the
 * words of a C program (D 8).
 */
export async function namingIdentityFiles<T>(
  systemDir: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof NetError) || cause.code !== "net/identity") throw cause;
    const files = `key file ${systemDir}/${KEY_FILE} and/or certificate file ` +
      `${systemDir}/${CERT_FILE}`;
    const { reason, advice } = cause;
    const message = `SSL: failed to use ${files}: ${cause.message}`;
    throw new NetError("identity", {
      message,
      reason,
      ...(advice !== undefined && { advice }),
      cause,
    });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw unreadable(path, cause);
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  return await exists(path) ? await read(path) : undefined;
}

async function read(path: string): Promise<string> {
  try {
    const { size, isFile } = await Deno.stat(path);
    if (!isFile) throw new Error("it is not a regular file");
    if (size > FILE_MAX_BYTES) throw new Error(`it has more than ${FILE_MAX_BYTES} bytes`);
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): NetError {
  const reason = (cause as Error).message;
  return new NetError("identity", { message: `Cannot read "${path}": ${reason}`, reason, cause });
}

/**
 * Makes a complete file under a name that does not exist yet; false when it does.
 *
 * A hard link fails on everything that is there, a symbolic link to nowhere included, where a rename
 * would replace it.
 */
async function create(path: string, text: string): Promise<boolean> {
  const temp = `${path}.${crypto.randomUUID()}`;
  try {
    await writeNew(temp, text);
    await Deno.link(temp, path);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists) return false;
    const reason = (cause as Error).message;
    throw new NetError("identity", { message: `Cannot make "${path}": ${reason}`, reason, cause });
  } finally {
    await Deno.remove(temp).catch(() => {}); // never made, or nobody needs it
  }
}

async function writeNew(path: string, text: string): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: PRIVATE_MODE });
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  await file.sync();
}

/** LIMIT: the TLS library signs with no RSA key below this. */
const RSA_MIN_BITS = 2_048;
/** The pair that was found good last: a program has one. */
let lastGood: Identity | undefined;

/**
 * Checks that the key is the certificate's and that the TLS library can use it; what the library
 * itself says about either is misleading.
 *
 * @throws NetError `net/identity`
 */
export function checkIdentity(
  crypto: typeof import("node:crypto"),
  { key, cert }: Identity,
): void {
  if (lastGood?.key === key && lastGood.cert === cert) return;
  let secret, certificate;
  try {
    secret = crypto.createPrivateKey(key);
    certificate = new crypto.X509Certificate(cert);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw unusable(reason, cause);
  }
  const bits = secret.asymmetricKeyDetails?.modulusLength ?? RSA_MIN_BITS;
  if (bits < RSA_MIN_BITS) throw unusable(`the RSA key has only ${bits} bits`);
  if (!certificate.checkPrivateKey(secret)) throw unusable("the certificate is for another key");
  lastGood = { key, cert };
}

function unusable(reason: string, cause?: unknown): NetError {
  return new NetError("identity", {
    message: `Cannot use our own TLS key and certificate: ${reason}`,
    reason,
    advice:
      `remove ${KEY_FILE} and ${CERT_FILE} to have new ones made; peers must forget the old pin`,
    cause,
  });
}
