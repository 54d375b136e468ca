/** Frames of the fast dialect typed by hand, on either side. */
import { type Duplex, duplexPair } from "../../src/net/mod.ts";
import { keyBinding, proveKeys } from "../../src/protocol/fast/keys.ts";
import { FRAME } from "../../src/protocol/fast/layout.ts";
import type { Budget } from "../../src/model/mod.ts";
import { concat, KEY, ME, serve, Store } from "./fast_bed.ts";
import {
  type ClientLimits,
  connectPeer,
  type Peer,
  type ServeLimits,
} from "../../src/protocol/mod.ts";

export type FrameName = keyof typeof FRAME;

/** Numbers are bytes, texts are theirs. */
export type Part = number | string | Uint8Array;

export function bytesOf(...parts: readonly Part[]): Uint8Array {
  return concat(parts.map((part) => {
    if (typeof part === "number") return new Uint8Array([part]);
    if (typeof part !== "string") return part;
    return Uint8Array.from(part, (char) => char.charCodeAt(0));
  }));
}

export function u16(value: number): Uint8Array {
  return new Uint8Array([value & 255, value >> 8 & 255]);
}

export function u32(value: number): Uint8Array {
  return bytesOf(u16(value % 65_536), u16(Math.floor(value / 65_536)));
}

export function text(value: string): Uint8Array {
  return bytesOf(u16(value.length), value);
}

/** A whole frame; `type` may be one that there is not. */
export function frame(type: FrameName | number, id: number, ...parts: readonly Part[]): Uint8Array {
  const payload = bytesOf(...parts);
  const number = typeof type === "number" ? type : FRAME[type];
  return bytesOf(u32(5 + payload.length), number, u32(id), payload);
}

/** Key 0 and a name. */
export function address(name: string): Uint8Array {
  return bytesOf(0, text(name));
}

/** A regular file as it stands in PUT. */
export function entry(size: number, kind = 0): Uint8Array {
  return bytesOf(kind, u32(0o644), u32(0), u32(0), u32(5), u32(0), u32(size), u32(0));
}

export interface RawFrame {
  readonly type: number;
  readonly id: number;
  readonly payload: Uint8Array;
}

/** Reads frames from a connection. */
export class RawReader {
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(readonly duplex: Duplex) {}

  /** Undefined when the connection has ended, in whatever way. */
  async next(): Promise<RawFrame | undefined> {
    while (true) {
      const size = this.#bytes.length >= 4
        ? 4 + new DataView(this.#bytes.buffer).getUint32(0, true)
        : 4;
      if (size > 4 && this.#bytes.length >= size) {
        const whole = this.#bytes.subarray(0, size);
        this.#bytes = this.#bytes.slice(size);
        const id = new DataView(whole.buffer, whole.byteOffset).getUint32(5, true);
        return { type: whole[4]!, id, payload: whole.slice(9) };
      }
      const piece = await this.duplex.readSome(65_536).catch(() => undefined);
      if (piece === undefined) return undefined;
      this.#bytes = concat([this.#bytes, piece]);
    }
  }

  /** All that is still to come, until the connection ends; credits are left out. */
  async rest(): Promise<RawFrame[]> {
    const frames: RawFrame[] = [];
    for (let next; (next = await this.next()) !== undefined;) {
      if (next.type !== FRAME.credit) frames.push(next);
    }
    return frames;
  }
}

export interface RawClient {
  readonly duplex: Duplex;
  readonly reader: RawReader;
  readonly store: Store;
  /** What the server noted, when it has ended. */
  readonly ended: Promise<unknown[]>;
}

export interface RawOptions {
  readonly idleMs?: number;
  readonly limits?: ServeLimits;
  readonly memory?: Budget;
}

/** A client that speaks frames and has not said HELLO. */
export async function rawClient({ idleMs = 2_000, limits, memory }: RawOptions = {}) {
  const [near, far] = duplexPair({ idleMs });
  const store = new Store();
  const ended = serve(far, { store, memory, limits: { idleMs, ...limits } });
  const clientNonce = new Uint8Array(32).fill(5);
  await near.write(`CONFIG \nCSYNC3 1 ${clientNonce.toHex()}\n`);
  await near.readLine(1_000);
  const reply = await near.readLine(1_000);
  const serverNonce = Uint8Array.fromHex(reply!.slice(-66, -2));
  const parts = { clientNonce, serverNonce, tls: undefined, configName: "", clientName: ME };
  const proofs = await proveKeys([KEY], { by: "client", binding: await keyBinding(parts) });
  return { duplex: near, reader: new RawReader(near), store, ended, proof: proofs[0]! };
}

/** A client that has said HELLO. */
export async function helloClient(options: RawOptions = {}): Promise<RawClient> {
  const { proof, ...client } = await rawClient(options);
  await client.duplex.write(frame("hello", 1, u32(0), text(ME), 1, proof));
  const answer = await client.reader.next();
  if (answer?.type !== FRAME.ok) throw new Error("HELLO was not answered with OK");
  return client;
}

export interface RawServer {
  readonly peer: Peer;
  readonly duplex: Duplex;
  readonly reader: RawReader;
}

/** A peer whose server speaks frames and has not answered HELLO. */
export async function rawServer({ idleMs = 2_000, limits }: {
  readonly idleMs?: number;
  readonly limits?: ClientLimits;
} = {}): Promise<RawServer & { readonly proof: Promise<Uint8Array> }> {
  const [near, far] = duplexPair({ idleMs });
  const serverNonce = new Uint8Array(32).fill(6);
  const connecting = connectPeer({
    duplex: near,
    configName: "",
    fast: "offer",
    keys: [KEY],
    limits: { goodbyeMs: 100, ...limits },
  });
  const lines = [await far.readLine(200), await far.readLine(200), await far.readLine(200)];
  const clientNonce = Uint8Array.fromHex(lines[2]!.slice(-64));
  await far.write(`OK (cmd_finished).\nDear x, please identify first (csync2 3).\n`);
  await far.write(`OK (csync3 1 ${serverNonce.toHex()}).\n`);
  const parts = { clientNonce, serverNonce, tls: undefined, configName: "", clientName: ME };
  const proof = keyBinding(parts).then(async (binding) =>
    (await proveKeys([KEY], { by: "server", binding }))[0]!
  );
  return { peer: await connecting, duplex: far, reader: new RawReader(far), proof };
}

/** A peer that was welcomed. */
export async function welcomedPeer(
  options: Parameters<typeof rawServer>[0] = {},
): Promise<RawServer> {
  const { proof, ...server } = await rawServer(options);
  const identified = server.peer.identify(ME);
  await server.reader.next();
  await server.duplex.write(welcome(await proof));
  await identified;
  return server;
}

/** The answer to HELLO with id 1. */
export function welcome(proof: Uint8Array, { requests = 1_024, offers = 512 } = {}): Uint8Array {
  return frame("ok", 1, u32(0), u16(requests), u32(8_388_608), u16(offers), 1, 1, proof);
}
