/** Two connected Duplexes without a socket: for tests of everything above. */
import type { Duplex, PeerAddress } from "./duplex.ts";
import { NetError } from "./error.ts";
import { LinkDuplex } from "./link_duplex.ts";
import type { Link } from "./link.ts";

/** LIMIT: bytes on their way in one direction, as much as a socket would buffer. */
const CAPACITY_BYTES = 65_536;
const A: PeerAddress = { address: "127.0.0.1", port: 1 };
const B: PeerAddress = { address: "127.0.0.2", port: 2 };

export interface DuplexPairOptions {
  idleMs?: number;
  /** Address that the second end sees as its peer. @default 127.0.0.1 port 1 */
  first?: PeerAddress | undefined;
  /** Address that the first end sees as its peer. @default 127.0.0.2 port 2 */
  second?: PeerAddress | undefined;
}

/** Both ends of one connection; what one writes, the other reads. */
export function duplexPair(
  { idleMs, first = A, second = B }: DuplexPairOptions = {},
): [Duplex, Duplex] {
  const there = new Channel(), back = new Channel();
  const options = idleMs === undefined ? {} : { idleMs };
  return [
    new LinkDuplex(new MemoryLink(second, back, there), options),
    new LinkDuplex(new MemoryLink(first, there, back), options),
  ];
}

/** One direction. */
class Channel {
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  #isEnded = false;
  /** Set when one side closed without an orderly end. */
  #isBroken = false;
  #wake: (() => void)[] = [];

  async read(): Promise<Uint8Array | undefined> {
    while (this.#pieces.length === 0) {
      if (this.#isEnded) return undefined;
      if (this.#isBroken) throw reset();
      await this.#change();
    }
    const piece = this.#pieces.shift()!;
    this.#bytes -= piece.length;
    this.#wakeAll();
    return piece;
  }

  async write(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length;) {
      if (this.#isBroken || this.#isEnded) throw reset();
      const room = CAPACITY_BYTES - this.#bytes;
      if (room === 0) await this.#change();
      else {
        const piece = data.slice(at, at + room);
        this.#pieces.push(piece);
        this.#bytes += piece.length;
        at += piece.length;
        this.#wakeAll();
      }
    }
  }

  end(): void {
    this.#isEnded = true;
    this.#wakeAll();
  }

  /** The reader has gone: what is on its way is lost. */
  breakOff(): void {
    this.#isBroken = true;
    this.#pieces.length = 0;
    this.#wakeAll();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #wakeAll(): void {
    const woken = this.#wake;
    this.#wake = [];
    for (const wake of woken) wake();
  }
}

class MemoryLink implements Link {
  readonly certificate = undefined;

  constructor(
    readonly peer: PeerAddress | undefined,
    readonly incoming: Channel,
    readonly outgoing: Channel,
  ) {}

  read(): Promise<Uint8Array | undefined> {
    return this.incoming.read();
  }

  write(data: Uint8Array): Promise<void> {
    return this.outgoing.write(data);
  }

  shutdown(): Promise<void> {
    this.outgoing.end();
    return Promise.resolve();
  }

  close(): void {
    this.outgoing.end();
    this.incoming.breakOff();
  }
}

function reset(): NetError {
  return new NetError("closed", {
    message: "Cannot use the connection: Connection reset by peer",
    reason: "Connection reset by peer",
  });
}
