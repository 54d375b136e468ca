/** A connection whose other side is a script: it says the next thing once it has heard enough. */
import { fromBytes, toBytes } from "../../src/model/mod.ts";
import type { Duplex, PeerAddress } from "../../src/net/mod.ts";
import { LinkDuplex } from "../../src/net/link_duplex.ts";
import type { Link } from "../../src/net/link.ts";

/** One thing that the script says. */
export interface Saying {
  /** How many bytes it must have heard before. */
  readonly after: number;
  /** Byte string. */
  readonly bytes: string;
}

export interface ScriptOptions {
  /** The script's connection ends after it has said this many bytes. @default at its end */
  readonly cutAfter?: number;
  /** At its end the script says nothing more, but does not close. */
  readonly staysOpen?: boolean;
  /** @default {1_000} */
  readonly idleMs?: number;
  readonly peer?: PeerAddress | undefined;
  readonly certificate?: Uint8Array;
}

export const PEER: PeerAddress = { address: "127.2.1.1", port: 40_000 };

/** The far side of a Duplex under test; `heard` is all that was written to it. */
export class ScriptLink implements Link {
  readonly peer: PeerAddress | undefined;
  readonly certificate: Uint8Array | undefined;
  readonly #sayings: Saying[];
  readonly #staysOpen: boolean;
  #heard: string[] = [];
  #heardBytes = 0;
  #isClosed = false;
  #wake: (() => void)[] = [];

  constructor(sayings: readonly Saying[], options: ScriptOptions = {}) {
    this.peer = "peer" in options ? options.peer : PEER;
    this.certificate = options.certificate;
    this.#sayings = cut(sayings, options.cutAfter ?? Infinity);
    this.#staysOpen = options.staysOpen ?? false;
  }

  get heard(): string {
    return this.#heard.join("");
  }

  async read(): Promise<Uint8Array | undefined> {
    while (true) {
      if (this.#isClosed) return undefined;
      const next = this.#sayings[0];
      if (next === undefined && !this.#staysOpen) return undefined;
      if (next !== undefined && this.#heardBytes >= next.after) {
        this.#sayings.shift();
        return toBytes(next.bytes);
      }
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  write(data: Uint8Array): Promise<void> {
    this.#heard.push(fromBytes(data));
    this.#heardBytes += data.length;
    this.#wakeAll();
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    this.close(); // the script leaves as soon as we do
    return Promise.resolve();
  }

  close(): void {
    this.#isClosed = true;
    this.#wakeAll();
  }

  #wakeAll(): void {
    const woken = this.#wake;
    this.#wake = [];
    for (const wake of woken) wake();
  }
}

/** A Duplex to a script, and the script's ears. */
export function scripted(
  sayings: readonly Saying[],
  options: ScriptOptions = {},
): { duplex: Duplex; link: ScriptLink } {
  const link = new ScriptLink(sayings, options);
  return { link, duplex: new LinkDuplex(link, { idleMs: options.idleMs ?? 1_000 }) };
}

function cut(sayings: readonly Saying[], bytes: number): Saying[] {
  const kept: Saying[] = [];
  let left = bytes;
  for (const saying of sayings) {
    if (left > 0) kept.push({ ...saying, bytes: saying.bytes.slice(0, left) });
    left -= saying.bytes.length;
  }
  return kept;
}
