/** A new file made from another one that is here, so that its content is not sent. */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { type FilePut, type Held, refusalOf } from "../apply/mod.ts";
import { type SourceFile, tickIsOver } from "../fs/mod.ts";
import { CsyncError, type Outcome } from "../model/mod.ts";
import type { WantedCopy } from "../protocol/mod.ts";
import type { Client } from "./client.ts";
import { digestOf } from "./digest.ts";
import type { Gate, Granted } from "./gate.ts";

const PIECE_BYTES = 262_144;
/** Of less nobody shares blocks: it would cost more calls than it saves. */
const CLONE_MIN_BYTES = 1_048_576;
/** Of what was changed while it was read. */
const NO_DIGEST = new Uint8Array(0);
/** Bytes between two turns of everybody else: some 10 ms. */
const TURN_BYTES = 8 * 1_048_576;

/** What the other file is, or what became of the new one; undefined: it has to be sent. */
type Made = Outcome | undefined;

/** Copies of one client. */
export class Copies {
  readonly #client: Client;
  readonly #gate: Gate;

  constructor(client: Client, gate: Gate) {
    this.#client = client;
    this.#gate = gate;
  }

  /**
   * The client must be entitled to both names. What counts is the digest of the bytes that were written:
   * whatever happens to the other file meanwhile, the new one is what the client has, or is not made.
   */
  async make(wanted: WantedCopy, granted: Granted): Promise<Made> {
    const from = this.#gate.judge(wanted.like);
    if (!("name" in from)) return undefined;
    const held = await this.#gate.holdForChange(granted, { refusesIfDirty: true, makes: true });
    if ("kind" in held) return held;
    using _held = held;
    if (held.seen?.kind !== "absent") return undefined;
    using source = this.#open(from);
    if (source === undefined || source.size !== wanted.here.size) return undefined;
    this.#client.signed.forget(granted.name);
    return await this.#install(held, { wanted, granted, source });
  }

  /** Undefined for what cannot be read: it is no such content. */
  #open({ at }: Granted): SourceFile | undefined {
    try {
      return this.#client.workplace.jail.open(at);
    } catch (error) {
      if (error instanceof CsyncError) return undefined;
      throw error;
    }
  }

  async #install(
    held: Held,
    { wanted, granted, source }: { wanted: WantedCopy; granted: Granted; source: SourceFile },
  ): Promise<Made> {
    const put = held.beginPut(wanted.here.meta);
    if ("kind" in put) return put;
    await using _put = put;
    try {
      const digest = await cloned(source, put) ?? await copied(source, put);
      if (digest === undefined || !isSame(digest, wanted.digest)) return undefined;
    } catch (error) {
      return refusalOf(error);
    }
    return this.#gate.tell(granted, await put.install());
  }
}

/**
 * @returns SHA-256 of what is shared now, no digest at all when it was changed meanwhile; undefined where
 * nothing can be shared
 */
async function cloned(source: SourceFile, put: FilePut): Promise<Uint8Array | undefined> {
  if (source.size < CLONE_MIN_BYTES) return undefined;
  // What is written from now on shows: else the digest could be that of other bytes than are shared.
  await tickIsOver(source.fingerprint);
  if (!await put.cloneFrom(source)) return undefined;
  return await digestOf(source) ?? NO_DIGEST;
}

/** @returns SHA-256 of what was copied; undefined when the file became shorter */
async function copied(source: SourceFile, put: FilePut): Promise<Uint8Array | undefined> {
  if (put.isLarge(source.size)) await put.spill();
  const hash = createHash("sha256");
  const piece = new Uint8Array(Math.max(1, Math.min(PIECE_BYTES, source.size)));
  for (let at = 0, turn = TURN_BYTES; at < source.size;) {
    const count = source.readAt(piece.subarray(0, source.size - at), at);
    if (count === 0) return undefined;
    const bytes = piece.subarray(0, count);
    hash.update(bytes);
    put.write(bytes);
    at += count;
    if (at < turn) continue;
    turn += TURN_BYTES;
    await setImmediate();
  }
  return hash.digest();
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
