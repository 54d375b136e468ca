/** Peer over frames: many requests in flight, each with its own answer (docs/fast-protocol.md). */
import {
  type ByteStream,
  type DbName,
  DONE,
  failed,
  type HostName,
  type Key,
  type Nanos,
  type Outcome,
  type Present,
  type Refusal,
} from "../../model/mod.ts";
import type { Duplex } from "../../net/mod.ts";
import type { BulkPeer } from "../bulk.ts";
import type { ClientLimits } from "../classic/client.ts";
import type { Trace } from "../classic/wire.ts";
import type { DeltaSource, ListedRow, LookResult, Peer, PutOptions, ThereView } from "../peer.ts";
import { ProtocolError } from "../protocol_error.ts";
import { readDigest, readLook, readNumber, readWelcome, type Welcome } from "./answers.ts";
import { BulkClient } from "./bulk_client.ts";
import type { Reader } from "./bytes.ts";
import { Calls } from "./calls.ts";
import {
  sendHello,
  sendMake,
  sendMeasure,
  sendPlain,
  sendTouch,
  type Target,
  targetBytes,
} from "./client_frames.ts";
import { isSameProof, MAX_KEYS, proveKeys } from "./keys.ts";
import { CAPABILITY, HOST_NAME_MAX_BYTES, NAME_MAX_BYTES } from "./layout.ts";
import { Listings } from "./listings.ts";
import { loadZstd } from "./packing.ts";
import { PutSender } from "./put_sender.ts";
import { entryBytes, fitsEntry } from "./values.ts";

export interface FastPeerOptions {
  readonly duplex: Duplex;
  readonly limits?: ClientLimits | undefined;
  readonly trace?: Trace | undefined;
  /** Those that may be used with this peer. */
  readonly keys: readonly Key[];
  /** What proofs under a name are made over. */
  readonly binding: (clientName: string) => Promise<Uint8Array>;
  /** How long the peer took to answer. @default {0} */
  readonly roundTripMs?: number | undefined;
  /** The server has proven one of the keys for the first time; what it throws ends the connection. */
  readonly onProven?: (() => Promise<void>) | undefined;
}

/** PERF: what is under way when the young generation is collected is copied; 1,024 take 14 % longer. */
const WINDOW = 256;
/** Where an answer takes long, that many more are needed to keep the line busy. */
const FAR_WINDOW = 1_024;
const FAR_MS = 10;
const GOODBYE_MS = 5_000;
const NOT_SHARED: Refusal = { kind: "denied", why: "no grant" };
const NAME_TOO_LONG = failed("File name too long");
const UNSPEAKABLE = failed("Invalid argument");
const SIZE_REGEXP = /:type=reg:size=([0-9]{1,15})$/;
/** Unused, because there is a digest. */
const NO_SIGNATURE: ByteStream = (async function* () {})();

export class FastPeer implements Peer {
  readonly dialect = "fast";
  readonly window: number;
  readonly timeUnit = "nanos";
  readonly bulk: BulkPeer;
  readonly #options: FastPeerOptions;
  readonly #calls: Calls;
  readonly #puts: PutSender;
  readonly #listings: Listings;
  /** Place in HELLO of the keys that the server has proven. */
  readonly #keys = new Map<string, number>();
  #myName: HostName | undefined;
  #isProven = false;

  constructor(options: FastPeerOptions) {
    this.#options = options;
    const { duplex, trace, limits, roundTripMs = 0 } = options;
    this.window = roundTripMs < FAR_MS ? WINDOW : FAR_WINDOW;
    this.#calls = new Calls({
      duplex,
      trace,
      aliveMs: limits?.aliveMs,
      stallMs: limits?.stallMs,
    });
    this.#puts = new PutSender(this.#calls, limits);
    this.#listings = new Listings(this.#calls, (key) => this.#keys.get(key));
    this.bulk = new BulkClient({
      calls: this.#calls,
      target: (key, name) => this.#target(key, name),
      ranges: this.#listings,
    });
  }

  async identify(myName: HostName): Promise<Outcome> {
    if (this.#myName === myName) return DONE;
    if (this.#calls.gate.count > 0) {
      throw new ProtocolError("unusable", "Cannot say another name: requests are under way");
    }
    this.#myName = undefined;
    this.#keys.clear();
    if (myName.length > HOST_NAME_MAX_BYTES) return failed("Identification failed!");
    const keys = this.#options.keys.slice(0, MAX_KEYS);
    const binding = await this.#options.binding(myName);
    const welcome = await this.#hello(myName, await proveKeys(keys, { by: "client", binding }));
    if ("kind" in welcome) return welcome;
    try {
      await this.#learn(welcome, await proveKeys(keys, { by: "server", binding }));
    } catch (error) {
      this.#calls.fail(error);
      throw error;
    }
    this.#myName = myName;
    return DONE;
  }

  async #hello(name: HostName, proofs: readonly Uint8Array[]): Promise<Welcome | Refusal> {
    const isPacking = await loadZstd() !== undefined;
    const { channel } = this.#calls;
    return await this.#calls.ask({
      bytes: 0,
      send: (id) => sendHello(channel.sender, id, { name, isPacking, proofs }),
      read: readWelcome,
    });
  }

  /** @throws ProtocolError `certificate` when the server has proven a key that it does not know */
  async #learn(welcome: Welcome, wanted: readonly Uint8Array[]): Promise<void> {
    const { proofs, capabilities, requests, requestBytes, offers } = welcome;
    const isWrong = proofs.length !== wanted.length ||
      proofs.some((proof, at) => proof.length > 0 && !isSameProof(proof, wanted[at]!));
    if (isWrong) {
      throw new ProtocolError(
        "certificate",
        "Cannot trust the peer: its proof of the group key is wrong",
        { advice: "somebody may be between the two hosts" },
      );
    }
    this.#options.keys.slice(0, MAX_KEYS).forEach((key, at) => {
      if (proofs[at]!.length > 0) this.#keys.set(key, at);
    });
    if (this.#keys.size > 0 && !this.#isProven) {
      this.#isProven = true;
      await this.#options.onProven?.();
    }
    const { channel, gate } = this.#calls;
    gate.limit({ requests, bytes: requestBytes });
    (this.bulk as BulkClient).limit(offers);
    if ((capabilities & CAPABILITY.zstd) !== 0) await channel.usePacking();
    channel.open();
  }

  /** Where a request goes; a name is told to nobody who has not proven its key. */
  #target(key: Key, name: DbName): Target | Refusal {
    const place = this.#keys.get(key);
    if (place === undefined) return NOT_SHARED;
    return name.length > NAME_MAX_BYTES ? NAME_TOO_LONG : { key: place, name };
  }

  async look<T>(
    key: Key,
    name: DbName,
    judge: (there: ThereView) => Promise<T>,
  ): Promise<LookResult<T>> {
    const target = this.#target(key, name);
    if ("kind" in target) return target;
    const reply = await this.#ask({ do: "look", ...target }, readLook);
    if (reply.kind !== "there") return reply;
    const { checkText } = reply;
    const digest = () => this.#digest(target, sizeOf(checkText));
    return { kind: "there", judged: await judge({ checkText, signature: NO_SIGNATURE, digest }) };
  }

  async #digest(target: Target, workBytes: number): Promise<Uint8Array | undefined> {
    const { sender } = this.#calls.channel;
    const digest = await this.#calls.ask({
      bytes: targetBytes(target),
      send: (id) => sendPlain(sender, id, { do: "digest", ...target }),
      read: readDigest,
      workBytes,
    });
    return digest instanceof Uint8Array ? digest : undefined;
  }

  put(
    key: Key,
    name: DbName,
    want: Present,
    content?: DeltaSource,
    options: PutOptions = {},
  ): Promise<Outcome> {
    const target = this.#target(key, name);
    if ("kind" in target) return Promise.resolve(target);
    if (want.kind === "reg" && fitsEntry(want)) {
      return this.#puts.send({ ...target, want, content, ...options });
    }
    return this.#make(target, want);
  }

  async #make(target: Target, want: Present): Promise<Outcome> {
    if (want.kind === "lnk" && want.target === "") return failed("Empty link target");
    if (!fitsEntry(want) || want.kind === "reg") return UNSPEAKABLE;
    const { sender } = this.#calls.channel;
    return await this.#calls.ask({
      bytes: targetBytes(target) + entryBytes(want),
      send: (id) => sendMake(sender, id, { ...target, want }),
      read: () => DONE,
    });
  }

  async remove(key: Key, name: DbName): Promise<Outcome> {
    const target = this.#target(key, name);
    return "kind" in target ? target : await this.#ask({ do: "remove", ...target }, () => DONE);
  }

  async touch(key: Key, name: DbName, mtime: Nanos): Promise<Outcome> {
    const target = this.#target(key, name);
    if ("kind" in target) return target;
    if (BigInt.asIntN(64, mtime) !== mtime) return UNSPEAKABLE;
    const { sender } = this.#calls.channel;
    return await this.#calls.ask({
      bytes: targetBytes(target),
      send: (id) => sendTouch(sender, id, { ...target, mtime }),
      read: () => DONE,
    });
  }

  async flush(key: Key, name: DbName): Promise<Outcome> {
    const target = this.#target(key, name);
    return "kind" in target ? target : await this.#ask({ do: "flush", ...target }, () => DONE);
  }

  async measure(
    key: Key,
    name: DbName,
    of: "mtime" | "size",
  ): Promise<bigint | undefined | Refusal> {
    const target = this.#target(key, name);
    if ("kind" in target) return target;
    const { sender } = this.#calls.channel;
    return await this.#calls.ask({
      bytes: targetBytes(target),
      send: (id) => sendMeasure(sender, id, { ...target, of }),
      read: readNumber,
    });
  }

  list(
    peerName: HostName,
    keys: readonly Key[],
    only?: DbName,
  ): AsyncIterable<readonly ListedRow[]> {
    return this.#listings.all({ name: peerName, keys, only });
  }

  async content(key: Key, name: DbName): Promise<ByteStream | Refusal> {
    const target = this.#target(key, name);
    if ("kind" in target) return target;
    const { sender } = this.#calls.channel;
    return await this.#listings.content({
      bytes: targetBytes(target),
      send: (id) => sendPlain(sender, id, { do: "content", ...target }),
    });
  }

  /** A request on one name and nothing else. */
  #ask<T>(
    request: Parameters<typeof sendPlain>[2],
    read: (reader: Reader) => T,
  ): Promise<T | Refusal> {
    const { sender } = this.#calls.channel;
    return this.#calls.ask({
      bytes: targetBytes(request),
      send: (id) => sendPlain(sender, id, request),
      read,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#calls.close(this.#options.limits?.goodbyeMs ?? GOODBYE_MS);
  }
}

/** Of a file, by its check text; 0 of anything else. */
function sizeOf(checkText: string): number {
  return Number(SIZE_REGEXP.exec(checkText)?.[1] ?? 0);
}
