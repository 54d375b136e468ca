/**
 * Watches a TLS 1.2 handshake from the side and tells whether the peer owns the key of the
 * certificate that it showed.
 *
 * Nobody verifies chains here (W 5.2), so the library is told to accept every certificate, and then
 * it does not check the signature of the handshake either: whoever has seen a certificate could show
 * it. The messages pass unencrypted before the change of cipher, so the signature is checked here.
 */
import { HandshakeReader, type Message } from "./handshake_reader.ts";
import { signatureFault } from "./possession.ts";

type Side = "client" | "server";

/** Message types of RFC 5246 7.4. */
const CLIENT_HELLO = 1, SERVER_HELLO = 2, NEW_SESSION_TICKET = 4, CERTIFICATE = 11;
const SERVER_KEY_EXCHANGE = 12, CERTIFICATE_REQUEST = 13, SERVER_HELLO_DONE = 14;
const CERTIFICATE_VERIFY = 15, CLIENT_KEY_EXCHANGE = 16, CERTIFICATE_STATUS = 22;

/**
 * A full handshake in the only order there is. An abbreviated one (a resumed session) shows no
 * certificate and is refused; a message out of its place could make us look at one certificate and
 * the library at another.
 */
const ORDER: readonly { type: number; from: Side; isOptional?: true }[] = [
  { type: CLIENT_HELLO, from: "client" },
  { type: SERVER_HELLO, from: "server" },
  { type: CERTIFICATE, from: "server" },
  { type: CERTIFICATE_STATUS, from: "server", isOptional: true },
  { type: SERVER_KEY_EXCHANGE, from: "server" },
  { type: CERTIFICATE_REQUEST, from: "server", isOptional: true },
  { type: SERVER_HELLO_DONE, from: "server" },
  { type: CERTIFICATE, from: "client", isOptional: true },
  { type: CLIENT_KEY_EXCHANGE, from: "client" },
  { type: CERTIFICATE_VERIFY, from: "client", isOptional: true },
  { type: NEW_SESSION_TICKET, from: "server", isOptional: true },
];
const TLS_1_2 = 0x0303;
/** Where the random of a hello stands. */
const RANDOM_FROM = 2, RANDOM_TO = 34;
/** ECCurveType of RFC 8422: the only one in use. */
const NAMED_CURVE = 3;

export class Handshake {
  readonly #us: Side;
  readonly #crypto: typeof import("node:crypto");
  readonly #incoming: HandshakeReader;
  readonly #outgoing: HandshakeReader;
  /** All messages up to the client's last one; those before it are what the client signs. */
  readonly #messages: Uint8Array[] = [];
  #next = 0;
  #clientRandom: Uint8Array | undefined;
  #serverRandom: Uint8Array | undefined;
  #certificate: Uint8Array<ArrayBuffer> | undefined;
  #isProven = false;
  #fault: string | undefined;

  constructor(us: Side, crypto: typeof import("node:crypto")) {
    this.#us = us;
    this.#crypto = crypto;
    const them = us === "client" ? "server" : "client";
    const refuse = (why: string) => this.#refuse(why);
    this.#incoming = new HandshakeReader((message) => this.#take(message, them), refuse);
    this.#outgoing = new HandshakeReader((message) => this.#take(message, us), refuse);
  }

  incoming(bytes: Uint8Array): void {
    this.#incoming.feed(bytes);
  }

  outgoing(bytes: Uint8Array): void {
    this.#outgoing.feed(bytes);
  }

  /** DER of the certificate that the peer showed, whether it is proven to be its own or not. */
  get shown(): Uint8Array<ArrayBuffer> | undefined {
    return this.#certificate;
  }

  /** DER of the peer's leaf certificate, or why there is none to be trusted. */
  get result(): { certificate: Uint8Array<ArrayBuffer> } | { fault: string } {
    if (this.#fault !== undefined) return { fault: this.#fault };
    if (this.#certificate === undefined) return { fault: "it showed no certificate" };
    if (!this.#isProven) return { fault: "it did not prove that the certificate is its own" };
    return { certificate: this.#certificate };
  }

  /**
   * SHA-256 of all messages up to the client's last one in plain text: the certificates, the randoms and
   * the key shares of both sides are in them, so that nobody in the middle has the same with both.
   */
  get binding(): Uint8Array {
    const hash = this.#crypto.createHash("sha256");
    for (const message of this.#messages) hash.update(message);
    return new Uint8Array(hash.digest());
  }

  #refuse(why: string): void {
    this.#fault ??= why;
  }

  #take(message: Message, from: Side): void {
    if (this.#fault !== undefined) return;
    const { type, body, whole } = message;
    if (!this.#isInOrder(type, from)) return this.#refuse(`message ${type} is out of its place`);
    if (type === CLIENT_HELLO) this.#clientRandom = body.slice(RANDOM_FROM, RANDOM_TO);
    if (type === SERVER_HELLO) this.#takeServerHello(body);
    if (from !== this.#us && type === CERTIFICATE) this.#takeCertificate(body);
    if (from !== this.#us && type === SERVER_KEY_EXCHANGE) this.#takeKeyExchange(body);
    if (from !== this.#us && type === CERTIFICATE_VERIFY) {
      this.#check(concat(this.#messages), body);
    }
    if (type !== NEW_SESSION_TICKET) this.#messages.push(whole); // only one side may have it yet
  }

  #isInOrder(type: number, from: Side): boolean {
    while (this.#next < ORDER.length) {
      const step = ORDER[this.#next++]!;
      if (step.type === type && step.from === from) return true;
      if (step.isOptional === undefined) return false;
    }
    return false;
  }

  #takeServerHello(body: Uint8Array): void {
    const version = uint16(body, 0);
    if (version !== TLS_1_2) {
      return this.#refuse(`version 0x${version.toString(16)} is not TLS 1.2`);
    }
    this.#serverRandom = body.slice(RANDOM_FROM, RANDOM_TO);
  }

  /** The first certificate of the list. */
  #takeCertificate(body: Uint8Array): void {
    const listBytes = uint24(body, 0), leafBytes = uint24(body, 3);
    if (listBytes === 0) return;
    if (3 + listBytes !== body.length || leafBytes === 0 || 6 + leafBytes > body.length) {
      return this.#refuse("its certificate message is malformed");
    }
    this.#certificate = body.slice(6, 6 + leafBytes);
  }

  /** The server signs both randoms and its part of the key exchange. */
  #takeKeyExchange(body: Uint8Array): void {
    const params = body.subarray(0, 4 + (body[3] ?? 0));
    if (body[0] !== NAMED_CURVE || this.#clientRandom === undefined) {
      return this.#refuse("it exchanges keys in a way we do not know");
    }
    const data = concat([this.#clientRandom, this.#serverRandom!, params]);
    this.#check(data, body.subarray(params.length));
  }

  /** `signed` is the scheme, the length and the signature. */
  #check(data: Uint8Array, signed: Uint8Array): void {
    const certificate = this.#certificate;
    if (certificate === undefined) return this.#refuse("it signed without a certificate");
    const signature = signed.subarray(4);
    if (signed.length < 4 || uint16(signed, 2) !== signature.length) {
      return this.#refuse("its signature is malformed");
    }
    const facts = { certificate, scheme: uint16(signed, 0), data, signature };
    const fault = signatureFault(this.#crypto, facts);
    if (fault !== undefined) this.#refuse(fault);
    else this.#isProven = true;
  }
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) << 8 | (bytes[at + 1] ?? 0);
}

function uint24(bytes: Uint8Array, at: number): number {
  return uint16(bytes, at) << 8 | (bytes[at + 2] ?? 0);
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
