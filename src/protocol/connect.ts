/** A connected byte stream -> an identified-to-be Peer: TLS, CONFIG, GROUP, probe of the flavour. */
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
import type { Peer } from "./peer.ts";
import { ProtocolError } from "./protocol_error.ts";

/** How a client encrypts, and whether it trusts what it meets. */
export interface ClientTls {
  /** Makes the plain connection an encrypted one (net's `upgrade` with role `client`). */
  upgrade(plain: Duplex): Promise<Duplex>;
  /** Asked with the DER of the server's leaf certificate, before anything else is sent. */
  trust(certificate: Uint8Array): Promise<"ok" | "wrong"> | "ok" | "wrong";
}

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
  try {
    if (options.tls !== undefined) duplex = await encrypt(duplex, options.tls, options.trace);
    const wire = new Wire(duplex, { commandsFrom: "local", trace: options.trace });
    const kind = await start(wire, options);
    return new ClassicPeer(wire, kind, options.limits);
  } catch (error) {
    await duplex[Symbol.asyncDispose]();
    throw error;
  }
}

async function encrypt(plain: Duplex, tls: ClientTls, trace?: Trace): Promise<Duplex> {
  const wire = new Wire(plain, { commandsFrom: "local", trace });
  await wire.send("SSL");
  const reply = await wire.line(STATUS_LINE_MAX_BYTES);
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
  if (certificate === undefined || await tls.trust(certificate) !== "ok") {
    await encrypted[Symbol.asyncDispose]();
    const what = certificate === undefined ? "no certificate" : "another certificate than before";
    throw new ProtocolError("certificate", `Cannot trust the peer: it showed ${what}`);
  }
  return encrypted;
}

/** CONFIG, GROUP and the probe, in one write: the probe costs no round trip of its own (W 1). */
async function start(wire: Wire, { configName, groups }: ConnectPeerOptions): Promise<ServerKind> {
  // COMPAT: an empty name is sent as "CONFIG", one blank (W 4.1).
  const config = configName === "" ? "CONFIG " : commandLine("CONFIG", configName);
  const group = groups === undefined ? [] : [commandLine("GROUP", groups.join(","))];
  for (const line of [config, ...group]) {
    if (line.length >= COMMAND_LINE_MAX_BYTES) {
      throw new ProtocolError("line", `Cannot send a command of ${line.length} bytes`);
    }
  }
  await wire.send(config, ...group, PROBE);
  await expectOk(wire, "config");
  if (groups !== undefined) await expectOk(wire, "group");
  const reply = await wire.line(STATUS_LINE_MAX_BYTES);
  if (isUnknownCommand(reply)) return { timeUnit: "seconds", isOurs: false };
  if (reply.startsWith("Dear ")) return { timeUnit: "nanos", isOurs: isFromOurs(reply) };
  throw new ProtocolError(
    "line",
    `Cannot tell the peer's version: it answered "${printable(reply)}"`,
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
