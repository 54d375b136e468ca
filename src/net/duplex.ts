/** A byte connection with limits and deadlines; what it runs over is not visible. */

export interface PeerAddress {
  /** Numeric; an IPv4-mapped IPv6 address is given as IPv4. */
  readonly address: string;
  readonly port: number;
}

/**
 * One connection. Reads and writes may run side by side, two reads may not. Every wait ends at the
 * idle deadline with a NetError `net/timeout`. Bytes travel as byte strings in lines, as Uint8Array
 * otherwise. Dispose closes at once; `end` closes after everything written has left.
 */
export interface Duplex extends AsyncDisposable {
  /** Undefined when unknown (a pipe without SSH_CLIENT). */
  readonly peer: PeerAddress | undefined;
  readonly isEncrypted: boolean;
  /** DER of the peer's leaf certificate; only after TLS, and only with proof of possession of its key. */
  readonly certificate: Uint8Array | undefined;
  /**
   * SHA-256 of the messages of the TLS handshake, the same on both sides and different for every other
   * connection; only after TLS.
   */
  readonly binding: Uint8Array | undefined;

  /**
   * The next line without its LF, as a byte string. At EOF: undefined when nothing is pending; when
   * bytes are pending, one byte is a line and more is NetError `net/truncated` (W 2.1).
   * @throws NetError `net/line-too-long` when there is no LF within `maxBytes` (LF included)
   */
  readLine(maxBytes: number): Promise<string | undefined>;
  /**
   * The next line, and those behind it that have arrived already, each as `readLine` gives it. Only
   * the last one may begin with something else than `start`: what follows such a line stays unread.
   */
  readLines(maxBytes: number, start: string): Promise<string[] | undefined>;
  /**
   * At least one byte and at most `maxBytes`, or undefined at EOF. The piece is valid until the next
   * read: copy what you keep.
   */
  readSome(maxBytes: number): Promise<Uint8Array | undefined>;
  /** Bytes received but not read yet; must be 0 before a TLS upgrade (W 20.5). */
  readonly pending: number;

  /** Queues bytes; waits only when much is queued. The piece is copied or gone when it resolves. */
  write(data: Uint8Array | string): Promise<void>;
  /** Resolves when everything written was handed to the system. */
  flush(): Promise<void>;
  /** Flushes, closes the sending side, and the connection. Never throws. */
  end(): Promise<void>;
  /** Longest time without any progress, for all later waits. */
  setIdleDeadline(ms: number): void;
}
