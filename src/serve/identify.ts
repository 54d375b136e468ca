/** Whether a peer is who it says it is: address, encryption, certificate (W 4.3, W 5.3). */
import { type Config, isNosslPair, keysWith } from "../config/mod.ts";
import type { HostName } from "../model/mod.ts";
import { type KeyedIdentity, type KeyProofs, matchKeys } from "../protocol/mod.ts";
import type { Reporter } from "../report/mod.ts";
import type { StateStore } from "../state/mod.ts";
import * as say from "./messages.ts";

/** LIMIT: longest host name (W 19). */
const HOST_NAME_MAX_BYTES = 255;
const HOST_NAME_REGEXP = /^[\x21-\x7e]+$/;

/** What is known of the connection that a name was announced on. */
export interface Channel {
  /** Numeric; undefined when unknown, and then nobody is identified. */
  readonly address: string | undefined;
  readonly isEncrypted: boolean;
  /** DER of the leaf, whose key the peer has proven to own. */
  readonly certificate: Uint8Array | undefined;
}

export interface IdentifyOptions {
  readonly config: Config;
  readonly state: StateStore;
  readonly reporter: Reporter;
  readonly channel: Channel;
  /** Whether one of the name's addresses is this one. Answers false for names that do not resolve. */
  readonly resolvesTo: (name: string, address: string) => Promise<boolean>;
}

/** Answers HELLO. The order of the checks is that of W 4.3. */
export async function identify(
  name: string,
  options: IdentifyOptions,
): Promise<"ok" | "failed" | "encryption-expected"> {
  const result = await judge(name, { ...options, mayPin: true });
  return result === "no-common-key" ? "failed" : result;
}

export interface IdentifyByKeysOptions extends IdentifyOptions {
  /** With `GROUP` in force: whose keys count. */
  readonly restricted: Config;
}

/** As `identify`, for a client that proves its keys (docs/fast-protocol.md, 3). */
export async function identifyByKeys(
  name: string,
  shown: KeyProofs,
  options: IdentifyByKeysOptions,
): Promise<KeyedIdentity> {
  const known = await matchKeys(keysWith(options.restricted, name), shown);
  const mayPin = known.keys.some((key) => key !== undefined);
  const kind = await judge(name, { ...options, mayPin });
  return kind === "ok" ? { kind, ...known } : { kind };
}

interface JudgeOptions extends IdentifyOptions {
  /** Whether a certificate that is new is believed. */
  readonly mayPin: boolean;
}

async function judge(
  name: string,
  options: JudgeOptions,
): Promise<"ok" | "failed" | "encryption-expected" | "no-common-key"> {
  const { config, channel, resolvesTo } = options;
  if (name.length > HOST_NAME_MAX_BYTES || !HOST_NAME_REGEXP.test(name)) return "failed";
  if (channel.address === undefined || !await resolvesTo(name, channel.address)) return "failed";
  if (channel.isEncrypted) return await judgeCertificate(name, options);
  return isNosslPair(config, config.hostName, name) ? "ok" : "encryption-expected";
}

/**
 * Trust on first use, for hosts of a group only: another name has no permission for anything, and
 * nobody can fill the table with names (W 20.6).
 */
async function judgeCertificate(
  name: string,
  { config, state, reporter, channel, mayPin }: JudgeOptions,
): Promise<"ok" | "failed" | "no-common-key"> {
  if (channel.certificate === undefined) {
    reporter.note(say.noCertificate(name));
    return "failed";
  }
  if (!isPeer(config, name)) return "ok";
  const shown = upperHex(channel.certificate);
  let pin = await state.pin(name);
  if (pin === undefined) {
    if (!mayPin) {
      reporter.note(say.noCommonKey(name, await fingerprint(shown)));
      return "no-common-key";
    }
    pin = await state.transaction((tx) => tx.pinFirst({ peer: name, certificate: shown }));
    if (pin.certificate === shown) reporter.note(say.pinned(name));
  }
  if (pin.certificate === shown) return "ok";
  reporter.note(say.wrongCertificate(name, {
    expected: await fingerprint(pin.certificate),
    shown: await fingerprint(shown),
  }));
  return "failed";
}

/** Byte for byte: the configuration has lower case, what comes from the network is not folded (W 6.1). */
function isPeer({ groups }: Config, name: string): name is HostName {
  return groups.some(({ peers }) => peers.some((peer) => peer.name === name));
}

function upperHex(bytes: Uint8Array): string {
  return bytes.toHex().toUpperCase();
}

/** As openssl shows it: SHA-256, without colons. */
async function fingerprint(hex: string): Promise<string> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Uint8Array.fromHex(hex);
  } catch {
    return "unreadable";
  }
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return `SHA256:${upperHex(new Uint8Array(digest))}`;
}
