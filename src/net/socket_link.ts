/** A Link over node:net sockets: for a bound local address, and for descriptors that we were given. */
import type { Socket } from "node:net";
import { unmapped } from "./address.ts";
import type { PeerAddress } from "./duplex.ts";
import { closedLink, type Link } from "./link.ts";

export interface SocketLinkOptions {
  /** Where to write; the same socket unless two descriptors make one connection. */
  output?: Socket;
  /** Overrides what the socket knows. */
  peer?: PeerAddress | undefined;
}

/** The sockets must allow half-open connections, and nobody may have read from them. */
export class SocketLink implements Link {
  readonly certificate = undefined;
  readonly peer: PeerAddress | undefined;
  readonly #input: Socket;
  readonly #output: Socket;
  #atEnd = false;
  #failure: Error | undefined;
  #wakeReader: (() => void) | undefined;

  constructor(input: Socket, { output = input, peer }: SocketLinkOptions = {}) {
    this.#input = input;
    this.#output = output;
    this.peer = peer ?? addressOf(input);
    const wake = () => this.#wakeReader?.();
    input.on("readable", wake);
    input.on("end", () => {
      this.#atEnd = true;
      wake();
    });
    for (const socket of new Set([input, output])) {
      socket.on("close", wake);
      socket.on("error", (error) => {
        this.#failure ??= error;
        wake();
      });
    }
  }

  async read(): Promise<Uint8Array | undefined> {
    while (true) {
      const piece: Uint8Array | null = this.#input.read();
      if (piece !== null) return piece;
      if (this.#atEnd) return undefined;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#input.destroyed) throw closedLink();
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
    }
  }

  write(data: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (this.#output.destroyed) reject(this.#failure ?? closedLink());
    else this.#output.write(data, (error) => error ? reject(error) : resolve());
    return promise;
  }

  shutdown(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#output.once("close", resolve);
    this.#output.end(resolve);
    return promise;
  }

  close(): void {
    this.#input.destroy();
    this.#output.destroy();
  }
}

function addressOf({ remoteAddress, remotePort }: Socket): PeerAddress | undefined {
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return { address: unmapped(remoteAddress), port: remotePort };
}
