/** The bare connection below a Duplex: it moves bytes and knows neither lines nor clocks. */
import type { PeerAddress } from "./duplex.ts";

export interface Link {
  /** Undefined when unknown. */
  readonly peer: PeerAddress | undefined;
  /** DER of the peer's leaf certificate when this link is encrypted, else undefined. */
  readonly certificate: Uint8Array | undefined;
  /** SHA-256 of the TLS handshake when this link is encrypted. */
  readonly binding?: Uint8Array | undefined;
  /** The next bytes, at least one, or undefined at EOF. Valid until the next read; one at a time. */
  read(): Promise<Uint8Array | undefined>;
  /** Hands bytes to the system; they may be changed as soon as this resolves. One at a time. */
  write(data: Uint8Array): Promise<void>;
  /** Ends the sending side: the peer reads EOF. Called once, after the last write. */
  shutdown(): Promise<void>;
  /** Ends both directions at once; waiting reads and writes settle soon, whatever their result. */
  close(): void;
}

/** The failure of a link that we have closed ourselves, in the shape of a failed system call. */
export function closedLink(): Error {
  return Object.assign(new Error("The connection was closed"), { name: "Interrupted" });
}
