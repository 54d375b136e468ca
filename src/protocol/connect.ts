/** A connected byte stream -> an identified-to-be Peer: TLS, CONFIG, GROUP, probe of the flavour. */
import type { Key } from "../model/mod.ts";
import type { Duplex } from "../net/mod.ts";
import { COMMAND_LINE_MAX_BYTES, commandLine, STATUS_LINE_MAX_BYTES } from "./classic/codec.ts";
import { ClassicPeer, type ClientLimits } from "./classic/client.ts";
import { PROBE, type ServerKind } from "./classic/flavour.ts";
import {
  isFromOurs,
  isOk,
  isUnknownCommand,
  outcomeOf,
  printable,
  REPLY,
} from "./classic/replies.ts";
import { type Trace, Wire } from "./classic/wire.ts";
import { FastPeer } from "./fast/client.ts";
import { freshNonce, keyBinding } from "./fast/keys.ts";
import { acceptedNonce, fastOffer, type Nonces } from "./fast/negotiation.ts";
import { PacedDuplex } from "./paced_duplex.ts";
import type { Peer } from "./peer.ts";
import { ProtocolError } from "./protocol_error.ts";

/** How a client encrypts, and whether it trusts what it meets. */
export interface ClientTls {
  /** Makes the plain connection an encrypted one (net's `upgrade` with role `client`). */
  upgrade(plain: Duplex): Promise<Duplex>;
  /**
   * Asked with the DER of the server's leaf certificate, before anything else is sent. `unproven`: it was
   * never seen before; the connection goes on, and `confirm` is called when it may be remembered.
   */
  trust(certificate: Uint8Array): Promise<Trusted> | Trusted;
  /**
   * After `unproven`, at most once: in the classic dialect at once, in the fast one as soon as the server
   * has proven that it knows one of our keys. `wrong`: another one was remembered meanwhile.
   */
  confirm?(): Promise<"ok" | "wrong"> | "ok" | "wrong";
}

export type Trusted = "ok" | "wrong" | "unproven";

export interface ConnectPeerOptions {
  /** Plain and connected. Belongs to the Peer from now on, also when connecting fails. */
  readonly duplex: Duplex;
  /** Without it everything travels in plain text. */
  readonly tls?: ClientTls | undefined;
  /** Value of `-C`; empty without. */
  readonly configName: string;
  /** Value of `-G`. */
  readonly groups?: readonly string[] | undefined;
  readonly limits?: ClientLimits | undefined;
  /** The distinct keys of the groups that are shared with the peer, for the fast dialect. @default none */
  readonly keys?: readonly Key[] | undefined;
  /**
   * Whether the fast dialect is offered: in any case, only to a server that its answer to the probe shows
   * to be ours (one more round trip to such a server), or never. @default {"never"}
   */
  readonly fast?: "offer" | "if-ours" | "never" | undefined;
  /** Called when the server has proven one of the keys, before anything is asked. */
  readonly onProven?: (() => Promise<void>) | undefined;
  /**
   * The server has proven a key before. Whoever answers in the classic dialect in its place, and shows no
   * certificate that is known, is not told a key. @default {false}
   */
  readonly hasProven?: boolean | undefined;
  /** `--bwlimit`: what is sent at most. @default no limit */
  readonly bytesPerSecond?: number | undefined;
  readonly trace?: Trace | undefined;
}

/**
 * Starts the dialogue on a fresh connection.
 *
 * @returns a Peer whose `timeUnit` was probed; `identify` it before anything else
 * @throws ProtocolError `ssl`, `certificate`, `config`, `group` when that step failed, and the errors
 * of the connection itself; the connection is closed then
 * @see W 4, W 5, W 18.3
 */
export async function connectPeer(options: ConnectPeerOptions): Promise<Peer> {
  let duplex = options.duplex;
  const { tls, trace, bytesPerSecond } = options;
  try {
    let trusted: Trusted = "ok", roundTripMs = Infinity;
    if (tls !== undefined) ({ duplex, trusted, roundTripMs } = await encrypt(duplex, tls, trace));
    if (bytesPerSecond !== undefined) duplex = new PacedDuplex(duplex, { bytesPerSecond });
    const wire = new Wire(duplex, { commandsFrom: "local", trace });
    const started = await start(wire, options);
    const isNew = trusted === "unproven";
    if ("nonces" in started) {
      const onProven = async () => {
        if (isNew) await confirm(tls);
        await options.onProven?.();
      };
      const shortestMs = Math.min(roundTripMs, started.roundTripMs);
      return fastPeer(duplex, { ...options, ...started, roundTripMs: shortestMs, onProven });
    }
    if (options.hasProven && (isNew || tls === undefined)) throw unproven(isNew);
    if (isNew) await confirm(tls);
    return new ClassicPeer(wire, started, options.limits);
  } catch (error) {
    await duplex[Symbol.asyncDispose]();
    throw error;
  }
}

/** The certificate of a first contact is remembered from now on. */
async function confirm(tls: ClientTls | undefined): Promise<void> {
  if (await tls?.confirm?.() === "wrong") throw untrusted("another certificate than before");
}

async function encrypt(
  plain: Duplex,
  tls: ClientTls,
  trace?: Trace,
): Promise<{ duplex: Duplex; trusted: Trusted; roundTripMs: number }> {
  const wire = new Wire(plain, { commandsFrom: "local", trace });
  const sentAtMs = performance.now();
  await wire.send("SSL");
  const reply = await wire.line(STATUS_LINE_MAX_BYTES);
  const roundTripMs = performance.now() - sentAtMs;
  if (!reply.startsWith(REPLY.activatingSsl)) {
    throw new ProtocolError("ssl", `Cannot encrypt: the peer answered "${printable(reply)}"`);
  }
  if (plain.pending > 0) { // W 20.5, from the other side
    throw new ProtocolError(
      "ssl",
      "Cannot encrypt: the peer sent plain text behind its answer to SSL",
    );
  }
  const encrypted = await tls.upgrade(plain);
  const { certificate } = encrypted;
  const trusted = certificate === undefined ? "wrong" : await tls.trust(certificate);
  if (trusted === "wrong") {
    await encrypted[Symbol.asyncDispose]();
    throw untrusted(certificate ? "another certificate than before" : "no certificate");
  }
  return { duplex: encrypted, trusted, roundTripMs };
}

function untrusted(what: string): ProtocolError {
  return new ProtocolError("certificate", `Cannot trust the peer: it showed ${what}`);
}

/** Somebody between the hosts could ask for the keys in this way: the classic dialect sends them. */
function unproven(isNew: boolean): ProtocolError {
  const what = isNew ? "an unknown certificate" : "no certificate";
  return new ProtocolError(
    "certificate",
    `Cannot trust the peer: it has proven the group key before, and now speaks only as csync2 does, with ${what}`,
    { advice: "if it was changed on purpose, --forget-cert with its name takes it as it is" },
  );
}

function fastPeer(
  duplex: Duplex,
  options: ConnectPeerOptions & {
    readonly nonces: Nonces;
    readonly roundTripMs: number;
    readonly onProven: () => Promise<void>;
  },
): FastPeer {
  const { nonces, roundTripMs, configName, limits, trace, keys = [], onProven } = options;
  const tls = duplex.binding;
  return new FastPeer({
    duplex,
    limits,
    trace,
    roundTripMs,
    keys: [...new Set(keys)],
    binding: (clientName) => keyBinding({ ...nonces, tls, configName, clientName }),
    onProven,
  });
}

/**
 * CONFIG, GROUP, the probe and the offer, in one write: they cost no round trip of their own (W 1).
 *
 * @returns what the server is, or the nonces when it goes on in the fast dialect
 */
async function start(
  wire: Wire,
  { configName, groups, fast = "never" }: ConnectPeerOptions,
): Promise<ServerKind | { readonly nonces: Nonces; readonly roundTripMs: number }> {
  // COMPAT: an empty name is sent as "CONFIG", one blank (W 4.1).
  const config = configName === "" ? "CONFIG " : commandLine("CONFIG", configName);
  const group = groups === undefined ? [] : [commandLine("GROUP", groups.join(","))];
  for (const line of [config, ...group]) {
    if (line.length >= COMMAND_LINE_MAX_BYTES) {
      throw new ProtocolError("line", `Cannot send a command of ${line.length} bytes`);
    }
  }
  const clientNonce = freshNonce(), offer = fastOffer(clientNonce);
  const sentAtMs = performance.now();
  await wire.send(config, ...group, PROBE, ...(fast === "offer" ? [offer] : []));
  await expectOk(wire, "config");
  if (groups !== undefined) await expectOk(wire, "group");
  const kind = await probed(wire);
  const roundTripMs = performance.now() - sentAtMs;
  const isLate = fast === "if-ours" && kind.isOurs;
  if (fast !== "offer" && !isLate) return kind;
  if (isLate) await wire.send(offer);
  const serverNonce = await offered(wire);
  return serverNonce === undefined ? kind : { nonces: { clientNonce, serverNonce }, roundTripMs };
}

/** The answer to the probe. */
async function probed(wire: Wire): Promise<ServerKind> {
  const reply = await wire.line(STATUS_LINE_MAX_BYTES);
  if (isUnknownCommand(reply)) return { timeUnit: "seconds", isOurs: false };
  if (reply.startsWith("Dear ")) return { timeUnit: "nanos", isOurs: isFromOurs(reply) };
  throw new ProtocolError(
    "line",
    `Cannot tell the peer's version: it answered "${printable(reply)}"`,
  );
}

/** The answer to the offer: the server's nonce, or undefined when it only speaks the classic dialect. */
async function offered(wire: Wire): Promise<Uint8Array | undefined> {
  const reply = await wire.line(STATUS_LINE_MAX_BYTES);
  if (isUnknownCommand(reply) || reply.startsWith("Dear ")) return undefined;
  const nonce = acceptedNonce(reply);
  if (nonce !== undefined) return nonce;
  throw new ProtocolError(
    "line",
    `Cannot tell the peer's dialect: it answered "${printable(reply)}"`,
  );
}

async function expectOk(wire: Wire, kind: "config" | "group"): Promise<void> {
  const reply = await wire.line(STATUS_LINE_MAX_BYTES);
  if (!isOk(reply) || outcomeOf(reply).kind !== "done") {
    throw new ProtocolError(
      kind,
      `Cannot start: the peer answered "${printable(reply)}" to ${kind.toUpperCase()}`,
    );
  }
}
