/** STARTTLS in both directions: the peer's leaf certificate as bytes, trust is decided above. */
import type { Duplex as Stream } from "node:stream";
import type { TLSSocket } from "node:tls";
import { CsyncError } from "../model/mod.ts";
import type { Duplex } from "./duplex.ts";
import { NetError } from "./error.ts";
import { Handshake } from "./handshake.ts";
import { checkIdentity } from "./identity.ts";
import { LinkDuplex } from "./link_duplex.ts";
import type { Link } from "./link.ts";
import { TlsLink } from "./tls_link.ts";

export interface UpgradeOptions {
  /** Who sends the first message: the client. */
  role: "client" | "server";
  /** Own key and certificate, PEM. */
  key: string;
  cert: string;
  /** For the whole handshake. */
  deadlineMs: number;
}

/** Bytes that may wait decrypted; the peer is not read beyond that. */
const READ_AHEAD_BYTES = 262_144;
const RSA_MIN_BITS = 2_048;

/**
 * Encrypts a connection that has spoken plain text so far. `plain` is used up, whatever happens.
 *
 * TLS 1.2 only: C peers trip over the tickets of 1.3 (W 5.2; those of 1.2 are part of the handshake
 * and harmless), and the handshake of 1.3 hides the signature that proves the possession of the key. Both sides show a certificate; chains, names and
 * dates are not looked at. As a server we send an empty list of authorities (W 5.2 trap 2), as a
 * client we show our certificate whatever list comes.
 *
 * @throws NetError `net/injected` when plain text is waiting (W 20.5), `net/identity` for an own key
 *   that cannot be used, `net/certificate` for a peer's, `net/tls`, `net/timeout`, `net/closed`
 */
export async function upgrade(plain: Duplex, options: UpgradeOptions): Promise<Duplex> {
  if (!(plain instanceof LinkDuplex)) throw new TypeError("Cannot encrypt a foreign Duplex");
  if (plain.isEncrypted) throw new TypeError("Cannot encrypt twice");
  const { idleMs } = plain;
  const link = await plain.detach();
  try {
    return new LinkDuplex(await encrypt(link, options), { idleMs });
  } catch (error) {
    link.close();
    throw error;
  }
}

async function encrypt(link: Link, options: UpgradeOptions): Promise<Link> {
  const [crypto, { Duplex: StreamClass }, tls] = await Promise.all([
    import("node:crypto"),
    import("node:stream"),
    import("node:tls"),
  ]);
  checkIdentity(crypto, options);
  const handshake = new Handshake(options.role, crypto);
  const carrier = new Carrier(link, handshake);
  let socket: TLSSocket | undefined;
  try {
    socket = start(tls, carrier.stream(StreamClass), options);
    carrier.serve(socket);
    await finished(socket, carrier, options);
    return new TlsLink(socket, {
      peer: link.peer,
      certificate: provenCertificate(socket, handshake),
      binding: handshake.binding,
      onRead: () => carrier.pull(),
      close: () => link.close(),
    });
  } catch (cause) {
    socket?.destroy();
    const error = handshakeError(cause);
    throw smallKeyError(crypto, handshake.shown, error) ?? error;
  }
}

/**
 * LIMIT: the library refuses a peer's RSA key below 2048 bits in a v3 certificate (and lets it pass
 * in a v1 certificate, which is what csync2's own recipe makes), but says something else.
 */
function smallKeyError(
  crypto: typeof import("node:crypto"),
  certificate: Uint8Array | undefined,
  cause: CsyncError,
): NetError | undefined {
  if (certificate === undefined || cause.code !== "net/tls") return undefined;
  const bits = rsaBits(crypto, certificate);
  if (bits === undefined || bits >= RSA_MIN_BITS) return undefined;
  return new NetError("certificate", {
    message: `Cannot accept the peer's certificate: its RSA key has only ${bits} bits`,
    advice: `make a new one on the peer: P-256, or RSA with ${RSA_MIN_BITS} bits or more`,
    cause,
  });
}

function rsaBits(
  crypto: typeof import("node:crypto"),
  certificate: Uint8Array,
): number | undefined {
  try {
    const { publicKey } = new crypto.X509Certificate(certificate);
    return publicKey.asymmetricKeyDetails?.modulusLength;
  } catch {
    return undefined; // no certificate at all: the library's own words will do
  }
}

/** A TLSSocket over `carrier`. */
function start(
  tls: typeof import("node:tls"),
  carrier: Stream,
  { role, key, cert }: UpgradeOptions,
): TLSSocket {
  const common = {
    key,
    cert,
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.2",
    highWaterMark: READ_AHEAD_BYTES,
  } as const;
  if (role === "client") {
    return tls.connect({
      ...common,
      socket: carrier,
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
  }
  // A bare TLSSocket asks for a certificate and refuses to go on without one, but looks at nothing.
  const asked = { ...common, isServer: true, requestCert: true, rejectUnauthorized: true };
  return new tls.TLSSocket(carrier as never, asked);
}

/** Waits for the end of the handshake. */
async function finished(
  socket: TLSSocket,
  carrier: Carrier,
  { role, deadlineMs }: UpgradeOptions,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    const message = `Cannot agree on TLS: no end of the handshake within ${deadlineMs} ms`;
    reject(new NetError("timeout", { message, reason: "Connection timed out" }));
  }, deadlineMs);
  const refuse = (cause: unknown) => reject(cause);
  socket.once(role === "client" ? "secureConnect" : "secure", resolve);
  socket.on("error", refuse);
  socket.on("_tlsError", refuse);
  socket.on("close", () => refuse(new Error("the peer closed the connection")));
  carrier.onEnd = () => refuse(new Error("the peer closed the connection"));
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    carrier.onEnd = () => {};
  }
}

function handshakeError(cause: unknown): CsyncError {
  if (cause instanceof CsyncError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NetError("tls", { message: `Cannot agree on TLS: ${reason}`, reason, cause });
}

/** The peer's leaf; the library must have seen the same one as we. */
function provenCertificate(socket: TLSSocket, handshake: Handshake): Uint8Array {
  const { result } = handshake;
  const seen: Uint8Array | undefined = socket.getPeerCertificate(true)?.raw;
  const fault = "fault" in result
    ? result.fault
    : seen !== undefined && equal(seen, result.certificate)
    ? undefined
    : "the library saw another one";
  if (fault === undefined && "certificate" in result) return result.certificate;
  throw new NetError("certificate", { message: `Cannot accept the peer's certificate: ${fault}` });
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** The link as a node stream: what the TLS library reads from and writes to. */
class Carrier {
  readonly #link: Link;
  readonly #handshake: Handshake;
  #stream: Stream | undefined;
  #socket: TLSSocket | undefined;
  #isWanted = false;
  #isReading = false;
  /** Called once, at EOF or failure of the link. */
  onEnd: () => void = () => {};

  constructor(link: Link, handshake: Handshake) {
    this.#link = link;
    this.#handshake = handshake;
  }

  stream(StreamClass: typeof Stream): Stream {
    this.#stream = new StreamClass({
      readableHighWaterMark: 1,
      writableHighWaterMark: READ_AHEAD_BYTES,
      allowHalfOpen: true,
      read: () => {
        this.#isWanted = true;
        this.pull();
      },
      write: (data: Uint8Array, _encoding, done) => {
        this.#handshake.outgoing(data);
        this.#link.write(data).then(() => done(), done);
      },
      final: (done) => void this.#link.shutdown().then(() => done(), done),
    });
    this.#stream.on("error", () => {}); // told by the TLSSocket as well
    return this.#stream;
  }

  serve(socket: TLSSocket): void {
    this.#socket = socket;
  }

  /**
   * Reads on if the library wants more and not too much waits decrypted: it would go on reading
   * however slow its reader is.
   */
  pull(): void {
    if (!this.#isWanted || this.#isReading) return;
    if ((this.#socket?.readableLength ?? 0) >= READ_AHEAD_BYTES) return;
    this.#isReading = true;
    this.#isWanted = false;
    this.#link.read().then((piece) => this.#arrived(piece), (error) => this.#failed(error));
  }

  #arrived(piece: Uint8Array | undefined): void {
    this.#isReading = false;
    if (piece !== undefined) this.#handshake.incoming(piece);
    if (this.#stream?.destroyed) return;
    this.#stream?.push(piece === undefined ? null : piece.slice());
    if (piece === undefined) this.onEnd();
    else this.pull();
  }

  #failed(error: Error): void {
    this.#stream?.destroy(error);
    this.onEnd();
  }
}
