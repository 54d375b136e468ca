/** A TCP proxy between a client and a server that breaks the connection after a number of bytes. */
import net, { type Socket } from "node:net";

/** `up`: from the client to the server. */
export type Direction = "up" | "down";

/**
 * How a connection breaks. `fin`: both ends see an orderly end. `half`: only the direction that was
 * counted ends, the other one goes on. `rst`: both ends get a reset. `silence`: nothing travels any more,
 * a little later both ends see the end. `kill`: as `silence`, and `onCut` does the rest.
 */
export type How = "fin" | "half" | "rst" | "silence" | "kill";

export interface Cut {
  readonly direction: Direction;
  /** So many bytes still arrive. */
  readonly after: number;
  readonly how: How;
}

/** How long nothing travels before the end of a `silence`. */
const SILENCE_MS = 20;
/** The same for a `kill`: long enough for who is to be killed. */
const KILL_MS = 100;

export interface CutProxyOptions {
  /** Both listen on it: the client must find the server's name at the proxy. */
  readonly host: string;
  readonly listenPort: number;
  readonly serverPort: number;
  /** Where connections to the server come from, as it identifies its clients by their address. */
  readonly clientHost: string;
}

/** The bytes of each direction that arrived. */
export interface Recorded {
  readonly up: Uint8Array;
  readonly down: Uint8Array;
}

export class CutProxy implements AsyncDisposable {
  readonly #options: CutProxyOptions;
  readonly #server = net.createServer({ allowHalfOpen: true, noDelay: true });
  readonly #sockets = new Set<Socket>();
  #cut: Cut | undefined;
  #isCut = false;
  #wasReset = false;
  #connections = 0;
  #pieces: { direction: Direction; bytes: Uint8Array; atMs: number }[] = [];
  #ended = Promise.withResolvers<void>();
  /** Called at the moment of the cut, once. */
  onCut: () => Promise<void> = () => Promise.resolve();
  /** What `onCut` has begun. */
  afterCut: Promise<void> = Promise.resolve();

  private constructor(options: CutProxyOptions) {
    this.#options = options;
    this.#server.on("connection", (client) => this.#take(client));
  }

  static async start(options: CutProxyOptions): Promise<CutProxy> {
    const proxy = new CutProxy(options);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    proxy.#server.once("error", reject);
    proxy.#server.listen({ host: options.host, port: options.listenPort }, resolve);
    await promise;
    return proxy;
  }

  /** The next connection is cut so; undefined: none is. Forgets what was recorded. */
  arm(cut: Cut | undefined): void {
    this.#cut = cut;
    this.#isCut = false;
    this.#wasReset = false;
    this.#pieces = [];
    this.#connections = 0;
    this.#ended = Promise.withResolvers<void>();
    this.onCut = () => Promise.resolve();
    this.afterCut = Promise.resolve();
  }

  /** Whether the connection was cut: false when it had fewer bytes. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** After a reset nobody can see at the connection when the server is done. */
  get wasReset(): boolean {
    return this.#wasReset;
  }

  get connections(): number {
    return this.#connections;
  }

  /** What travelled since the proxy was armed. */
  get recorded(): Recorded {
    const all = (wanted: Direction) =>
      join(this.#pieces.filter(({ direction }) => direction === wanted).map(({ bytes }) => bytes));
    return { up: all("up"), down: all("down") };
  }

  /** When which bytes of a direction had arrived, counted from the first one. */
  arrivals(wanted: Direction): readonly { readonly atMs: number; readonly count: number }[] {
    let count = 0;
    return this.#pieces.filter(({ direction }) => direction === wanted)
      .map(({ atMs, bytes }) => ({ atMs, count: count += bytes.length }));
  }

  /** Resolves when the server has closed its end of the connection, or was reset. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  #take(client: Socket): void {
    const { host, serverPort, clientHost } = this.#options;
    this.#connections++;
    const server = net.connect({
      host,
      port: serverPort,
      localAddress: clientHost,
      allowHalfOpen: true,
      noDelay: true,
      autoSelectFamily: false,
    });
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
    }
    const ended = this.#ended; // of this one, even when it ends after the next one has begun
    server.on("end", () => ended.resolve());
    server.on("close", () => ended.resolve());
    const pair = new Pair(client, server);
    const cut = this.#cut;
    this.#cut = undefined; // a client that comes again gets through
    this.#carry(pair, "up", cut);
    this.#carry(pair, "down", cut);
    if (cut?.after === 0) {
      if (cut.direction === "up") server.once("connect", () => this.#break(pair, cut));
      else this.#break(pair, cut);
    }
  }

  #carry(pair: Pair, direction: Direction, cut: Cut | undefined): void {
    const [from, to] = direction === "up" ? [pair.client, pair.server] : [pair.server, pair.client];
    const limit = cut?.direction === direction ? cut.after : Infinity;
    let count = 0;
    from.on("data", (data: Uint8Array) => {
      if (pair.isStill || pair.isOver[direction]) return;
      const bytes = data.subarray(0, limit - count);
      count += bytes.length;
      this.#pieces.push({ direction, bytes: bytes.slice(), atMs: performance.now() });
      if (bytes.length > 0) to.write(bytes);
      if (count >= limit) this.#break(pair, cut!);
    });
    from.on("end", () => {
      pair.isOver[direction] = true;
      to.end();
    });
    from.on("close", () => to.end());
  }

  #break(pair: Pair, { how, direction }: Cut): void {
    if (pair.isStill || pair.isOver[direction]) return;
    this.#isCut = true;
    this.afterCut = this.onCut();
    const { client, server } = pair;
    switch (how) {
      case "half":
        pair.isOver[direction] = true;
        (direction === "up" ? server : client).end();
        return;
      case "fin":
        pair.isStill = true;
        client.end();
        server.end();
        return;
      case "rst":
        pair.isStill = true;
        this.#wasReset = true;
        client.resetAndDestroy();
        server.resetAndDestroy();
        return;
      case "silence":
      case "kill":
        pair.isStill = true;
        setTimeout(() => {
          client.end();
          server.end();
        }, how === "kill" ? KILL_MS : SILENCE_MS);
        return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const socket of this.#sockets) socket.destroy();
    await promise;
  }
}

/** Both connections of one client. */
class Pair {
  /** Nothing is carried any more. */
  isStill = false;
  /** What has ended by itself. */
  readonly isOver: Record<Direction, boolean> = { up: false, down: false };
  constructor(readonly client: Socket, readonly server: Socket) {}
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
