/** The encrypted side of a TLSSocket as a Link. */
import type { Socket } from "node:net";
import type { PeerAddress } from "./duplex.ts";
import type { Link } from "./link.ts";
import { SocketLink } from "./socket_link.ts";

export interface TlsLinkOptions {
  peer: PeerAddress | undefined;
  certificate: Uint8Array;
  binding: Uint8Array;
  /** Called when decrypted bytes were taken. */
  onRead: () => void;
  /** Closes what the TLSSocket runs over. */
  close: () => void;
}

export class TlsLink implements Link {
  readonly peer: PeerAddress | undefined;
  readonly certificate: Uint8Array;
  readonly binding: Uint8Array;
  readonly #inner: SocketLink;
  readonly #onRead: () => void;
  readonly #closeCarrier: () => void;

  constructor(socket: Socket, { peer, certificate, binding, onRead, close }: TlsLinkOptions) {
    this.peer = peer;
    this.certificate = certificate;
    this.binding = binding;
    this.#inner = new SocketLink(socket, { peer });
    this.#onRead = onRead;
    this.#closeCarrier = close;
  }

  async read(): Promise<Uint8Array | undefined> {
    const piece = await this.#inner.read();
    this.#onRead();
    return piece;
  }

  write(data: Uint8Array): Promise<void> {
    return this.#inner.write(data);
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }

  close(): void {
    this.#inner.close();
    this.#closeCarrier();
  }
}
