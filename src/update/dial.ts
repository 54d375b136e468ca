/** A peer's name -> a connected Peer whose certificate is the one that we know. */
import { type Config, isNosslPair, keysWith } from "../config/mod.ts";
import { CsyncError, type HostName, pinFingerprint } from "../model/mod.ts";
import {
  type ClientTls,
  connectPeer,
  type ConnectPeerOptions,
  type Peer,
  type Trusted,
} from "../protocol/mod.ts";
import type { Reporter } from "../report/mod.ts";
import { type KnownDialect, knownDialect, rememberDialect, type StateStore } from "../state/mod.ts";
import * as say from "./messages.ts";

/** A byte connection as protocol takes it. */
export type Connection = ConnectPeerOptions["duplex"];

export interface DialOptions {
  readonly config: Config;
  readonly state: StateStore;
  readonly reporter: Reporter;
  /** Plain connection to the host, with its deadlines; it reports its own steps. */
  readonly connect: (host: HostName) => Promise<Connection>;
  /** The TLS handshake as a client, with our certificate. */
  readonly upgrade: (plain: Connection) => Promise<Connection>;
  /** `-G`, told to the peer. */
  readonly groups?: readonly string[];
  /** Protocol lines for `-vvv`. */
  readonly trace?: NonNullable<ConnectPeerOptions["trace"]>;
  /** `--classic`: the fast dialect is not offered. @default {false} */
  readonly classic?: boolean;
  /** `--bwlimit`: to each peer. @default no limit */
  readonly bytesPerSecond?: number;
  /** Nothing is written, not even the certificate of a first contact. @default {false} */
  readonly dryRun?: boolean;
}

/** Connects to one peer. Undefined when that failed: then it was reported and counted as one error. */
export type Dial = (peer: HostName) => Promise<Peer | undefined>;

/** @throws StateError only: what the network and the peer do is reported */
export function dialer(options: DialOptions): Dial {
  return async (peer) => {
    const { config, reporter } = options;
    const isPlain = isNosslPair(config, config.hostName, peer);
    reporter.note(say.connecting(peer, !isPlain));
    const trust = new Trust(options, peer);
    const dialect = new Dialect(options, peer);
    let duplex: Connection | undefined;
    try {
      const fast = await dialect.offer();
      duplex = await options.connect(peer);
      const connected = await connectPeer({
        duplex,
        configName: config.configName,
        ...(!isPlain && { tls: clientTls(options, trust) }),
        groups: options.groups,
        keys: keysWith(config, peer),
        fast,
        hasProven: dialect.hasProven,
        onProven: () => dialect.proven(),
        bytesPerSecond: options.bytesPerSecond,
        trace: options.trace,
      });
      if (connected.dialect === "classic") await dialect.metClassic();
      return connected;
    } catch (error) {
      if (!isConnectionError(error)) throw error;
      if (trust.changed !== undefined) reporter.note(say.pinChanged(trust.changed));
      else report(reporter, peer, { error, isConnected: duplex !== undefined });
      return undefined;
    }
  };
}

function clientTls({ upgrade }: DialOptions, trust: Trust): ClientTls {
  return { upgrade, trust: (shown) => trust.judge(shown), confirm: () => trust.confirm() };
}

interface Failure {
  readonly error: CsyncError;
  readonly isConnected: boolean;
}

/** One line for -v that says which step failed, then the one that counts. */
function report(reporter: Reporter, peer: HostName, { error, isConnected }: Failure): void {
  const step = isConnected ? handshakeStep(error) : connectStep(error);
  if (step !== undefined) reporter.note(say.connectStep(peer, step));
  reporter.note(say.connectFailed(peer, error.line));
}

/** `connect` has told everything else itself. COMPAT: a C client goes on without an address. */
function connectStep({ code }: CsyncError): string | undefined {
  return code === "net/resolve" ? "Can't create socket: No such file or directory" : undefined;
}

/** The C program's sentence for the step, and what it does not say: why (D 8). */
function handshakeStep({ code, line }: CsyncError): string {
  switch (code) {
    case "protocol/ssl":
    case "net/tls":
      return `SSL command failed. ${line}`;
    case "protocol/config":
      return `Config command failed. ${line}`;
    case "protocol/group":
      return `Group command failed. ${line}`;
    default:
      return line;
  }
}

/** Errors of the network and of the peer: they end this connection and nothing else. */
export function isConnectionError(error: unknown): error is CsyncError {
  return error instanceof CsyncError && /^(net|protocol)\//.test(error.code);
}

/** What a peer speaks, remembered: who is known to speak the classic dialect is not asked each time. */
class Dialect {
  #known: KnownDialect | undefined;

  constructor(private readonly options: DialOptions, private readonly peer: HostName) {}

  /** `--classic` is the word of somebody who knows: then nothing is expected of the peer. */
  async offer(): Promise<NonNullable<ConnectPeerOptions["fast"]>> {
    if (this.options.classic) return "never";
    this.#known = await knownDialect(this.options.state, this.peer);
    return this.#known === "classic" ? "if-ours" : "offer";
  }

  get hasProven(): boolean {
    return this.#known === "fast";
  }

  /** Before that anybody may have answered. */
  async proven(): Promise<void> {
    await this.#remember("fast");
  }

  async metClassic(): Promise<void> {
    const { reporter, classic = false } = this.options;
    if (classic) return;
    if (this.hasProven) reporter.note(say.wentBack(this.peer));
    await this.#remember("classic");
  }

  async #remember(dialect: KnownDialect): Promise<void> {
    const { state, dryRun = false } = this.options;
    if (dryRun || this.#known === dialect) return;
    await state.transaction((tx) => rememberDialect(tx, this.peer, dialect));
  }
}

/** The certificate a peer shows against the one it showed first (W 5.3). */
class Trust {
  /** Set when another certificate was shown. */
  changed: say.ChangedPin | undefined;
  /** Never seen before, in hexadecimal. */
  #unknown: string | undefined;

  constructor(private readonly options: DialOptions, private readonly peer: HostName) {}

  async judge(certificate: Uint8Array): Promise<Trusted> {
    const shown = hex(certificate);
    const known = await this.options.state.pin(this.peer);
    if (known !== undefined) return await this.#compare(known.certificate, shown);
    this.#unknown = shown;
    return "unproven";
  }

  /** The peer has proven to know a key, or speaks a dialect that has no proofs. */
  async confirm(): Promise<"ok" | "wrong"> {
    const { state, reporter, dryRun = false, config } = this.options;
    const { peer } = this;
    const shown = this.#unknown;
    // W 20.6: only hosts of a group are pinned.
    const isMember = config.groups.some((group) => group.peers.some((p) => p.name === peer));
    if (shown === undefined || !isMember || dryRun) return "ok";
    const known = await state.transaction((tx) => tx.pinFirst({ peer, certificate: shown }));
    if (known.certificate !== shown) return await this.#compare(known.certificate, shown);
    reporter.note(say.pinAdded(peer, await pinFingerprint(shown)));
    return "ok";
  }

  async #compare(known: string, shown: string): Promise<"ok" | "wrong"> {
    if (known.toUpperCase() === shown) return "ok";
    this.changed = {
      peer: this.peer,
      known: await pinFingerprint(known),
      shown: await pinFingerprint(shown),
    };
    return "wrong";
  }
}

function hex(bytes: Uint8Array): string {
  return bytes.toHex().toUpperCase();
}
