/** A Link over Deno's own TCP connection: the fastest we have, but it cannot bind a local address. */
import { unmapped } from "./address.ts";
import type { PeerAddress } from "./duplex.ts";
import type { Link } from "./link.ts";

/** PERF: each call and all that follows it costs as much for 64 KiB as for 256; few connections need more. */
const BUFFER_BYTES = 65_536;
const LARGE_BUFFER_BYTES = 262_144;

export class ConnLink implements Link {
  readonly certificate = undefined;
  readonly peer: PeerAddress;
  readonly #conn: Deno.TcpConn;
  #buffer = new Uint8Array(BUFFER_BYTES);
  /** The last read has filled the buffer: there is more than it takes. */
  #isSmall = false;
  #isClosed = false;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    conn.setNoDelay(true);
    const { hostname, port } = conn.remoteAddr;
    this.peer = { address: unmapped(hostname), port };
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#isSmall && this.#buffer.length < LARGE_BUFFER_BYTES) {
      this.#buffer = new Uint8Array(LARGE_BUFFER_BYTES);
    }
    const n = await this.#conn.read(this.#buffer);
    this.#isSmall = n === this.#buffer.length;
    return n === null ? undefined : this.#buffer.subarray(0, n);
  }

  async write(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length;) at += await this.#conn.write(data.subarray(at));
  }

  shutdown(): Promise<void> {
    return this.#conn.closeWrite();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#conn.close();
  }
}
