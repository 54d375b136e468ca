/** STARTTLS in both directions: the peer's leaf certificate as bytes, trust is decided above. */
import type { Duplex as Stream } from "node:stream";
import type { TLSSocket } from "node:tls";
import { CsyncError } from "../model/mod.ts";
import { Carrier, READ_AHEAD_BYTES } from "./carrier.ts";
import type { Duplex } from "./duplex.ts";
import { EngineLink } from "./engine_link.ts";
import { NetError } from "./error.ts";
import { Handshake } from "./handshake.ts";
import { checkIdentity } from "./identity.ts";
import { LinkDuplex } from "./link_duplex.ts";
import type { Link } from "./link.ts";
import { TlsEngine } from "./tls_engine.ts";
import { TlsLink } from "./tls_link.ts";

export interface UpgradeOptions {
  /** Who sends the first message: the client. */
  role: "client" | "server";
  /** Own key and certificate, PEM. */
  key: string;
  cert: string;
  /** For the whole handshake. */
  deadlineMs: number;
  /**
   * Where the streams of node:tls stay in use after the handshake. For tests: they are what a runtime
   * gets whose TLS library cannot be reached. @default false
   */
  throughStreams?: boolean;
}

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

/**
 * Makes ready, in other threads, what the first handshake would have to wait for.
 *
 * PERF: the library gathers randomness for 35 ms before it makes its first key.
 */
export function prepareTls(): void {
  const key = crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  Promise.all([key, libraries()]).catch(() => {}); // the handshake tells what is wrong
}

function libraries() {
  return Promise.all([import("node:crypto"), import("node:stream"), import("node:tls")]);
}

async function encrypt(link: Link, options: UpgradeOptions): Promise<Link> {
  const [crypto, { Duplex: StreamClass }, tls] = await libraries();
  checkIdentity(crypto, options);
  const handshake = new Handshake(options.role, crypto);
  const carrier = new Carrier(link, handshake, StreamClass);
  let socket: TLSSocket | undefined;
  try {
    socket = start(tls, carrier.stream, options);
    carrier.serve(socket);
    await finished(socket, carrier, options);
    const proven = {
      certificate: provenCertificate(socket, handshake),
      binding: handshake.binding,
    };
    return over(link, { socket, carrier, proven, throughStreams: options.throughStreams ?? false });
  } catch (cause) {
    socket?.destroy();
    const error = handshakeError(cause);
    throw smallKeyError(crypto, handshake.shown, error) ?? error;
  }
}

interface Established {
  readonly socket: TLSSocket;
  readonly carrier: Carrier;
  readonly proven: { readonly certificate: Uint8Array; readonly binding: Uint8Array };
  readonly throughStreams: boolean;
}

/** From here on no node stream takes part, where that can be. */
function over(link: Link, { socket, carrier, proven, throughStreams }: Established): Link {
  const engine = throughStreams ? undefined : TlsEngine.of(socket);
  if (engine !== undefined) {
    const released = carrier.release();
    return new EngineLink(link, { ...proven, engine, released, close: () => socket.destroy() });
  }
  const onRead = () => carrier.pull();
  return new TlsLink(socket, { ...proven, peer: link.peer, onRead, close: () => link.close() });
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
