/** Listens on an own address, on all of them, or on a descriptor that a super-server opened. */
import type { Server, Socket } from "node:net";
import { closeOnExec, keepFreedMemory } from "../os/mod.ts";
import { unmapped } from "./address.ts";
import { ConnLink } from "./conn_link.ts";
import type { Duplex, PeerAddress } from "./duplex.ts";
import { NetError, netError } from "./error.ts";
import type { Link } from "./link.ts";
import { LinkDuplex } from "./link_duplex.ts";
import { portNumber, resolve } from "./resolve.ts";
import { SocketLink } from "./socket_link.ts";

export interface ListenOptions {
  /** Own name (`-N`): the first of its addresses that can be bound. @default all addresses */
  host?: string;
  /** Number or service name; "0" is any free port. */
  port: string;
  /** Longest wait without progress on each connection. @default 300_000 */
  idleMs?: number;
}

/** A listening socket. Connections wait in the system until somebody asks for the next one. */
export interface Listener extends Disposable {
  readonly address: PeerAddress;
  /** Ends when the listener is closed. Accepted connections belong to the caller. */
  accept(): AsyncIterableIterator<Duplex>;
  close(): void;
}

/** Dual-stack where the system has IPv6 (D 7.5.5); C listens on IPv4 only. */
const WILDCARDS = ["::", "0.0.0.0"];
/** COMPAT: a C server has 5; a storm of peers after a restart needs more. */
const BACKLOG = 128;
/** Pause after an error that may pass, as too many open files. */
const RETRY_MS = 100;

/** @throws NetError `net/bind` when no address can be bound, `net/resolve`, `net/port` */
export async function listen({ host, port, idleMs }: ListenOptions): Promise<Listener> {
  const number = await portNumber(port);
  const addresses = host === undefined ? WILDCARDS : await resolve(host);
  let failure: NetError | undefined;
  for (const hostname of addresses) {
    try {
      // Deno sets SO_REUSEADDR.
      return new DenoListener(Deno.listen({ hostname, port: number, tcpBacklog: BACKLOG }), idleMs);
    } catch (cause) {
      const last = netError(`Cannot listen on ${hostname} port ${number}`, cause);
      // The first failure tells more than the ones after it, unless it is a missing IPv6.
      failure = failure === undefined || host === undefined ? last : failure;
    }
  }
  throw failure ?? new NetError("resolve", { message: `Cannot listen on "${host}": no address` });
}

class DenoListener implements Listener {
  readonly address: PeerAddress;
  readonly #listener: Deno.TcpListener;
  readonly #idleMs: number | undefined;
  #isClosed = false;

  constructor(listener: Deno.TcpListener, idleMs: number | undefined) {
    this.#listener = listener;
    this.#idleMs = idleMs;
    this.address = { address: listener.addr.hostname, port: listener.addr.port };
  }

  async *accept(): AsyncIterableIterator<Duplex> {
    while (!this.#isClosed) {
      const link = await this.#next();
      if (link !== undefined) yield duplexOver(link, this.#idleMs);
    }
  }

  /** Undefined when there is none, now or any more. */
  async #next(): Promise<Link | undefined> {
    let conn;
    try {
      conn = await this.#listener.accept();
      return new ConnLink(conn);
    } catch {
      // The connection is gone before we took it, or descriptors are short: the server lives on.
      conn?.close();
      if (!this.#isClosed) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      return undefined;
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

export interface ListenOnOptions {
  /** A listening TCP socket, for example 3 from systemd. */
  fd: number;
  idleMs?: number;
}

/**
 * Listens on a descriptor of ours from now on; programs we start do not inherit it.
 * @throws NetError `net/bind` when it is no listening socket, OsError when it is not open
 */
export async function listenOn({ fd, idleMs }: ListenOnOptions): Promise<Listener> {
  const { createServer } = await import("node:net");
  closeOnExec(fd);
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
  const listener = new FdListener(server, idleMs);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  try {
    server.listen({ fd }, resolve);
    await promise;
  } catch (cause) {
    listener.close();
    const { reason } = netError("", cause);
    const message = `Cannot listen on descriptor ${fd}: ${reason}`;
    throw new NetError("bind", { message, reason, cause });
  }
  return listener;
}

/** LIMIT: connections that wait for their turn when the system's backlog is not ours to bound. */
const WAITING_MAX = 128;

class FdListener implements Listener {
  readonly #server: Server;
  readonly #idleMs: number | undefined;
  readonly #waiting: Socket[] = [];
  #wake: (() => void) | undefined;
  #isClosed = false;

  constructor(server: Server, idleMs: number | undefined) {
    this.#server = server;
    this.#idleMs = idleMs;
    server.on("connection", (socket) => {
      if (this.#isClosed || this.#waiting.length >= WAITING_MAX) return void socket.destroy();
      this.#waiting.push(socket);
      this.#wake?.();
    });
    server.on("error", () => {}); // one connection that could not be accepted
  }

  get address(): PeerAddress {
    const at = this.#server.address();
    if (at === null || typeof at === "string") return { address: at ?? "", port: 0 };
    return { address: unmapped(at.address), port: at.port };
  }

  async *accept(): AsyncIterableIterator<Duplex> {
    while (!this.#isClosed) {
      const socket = this.#waiting.shift();
      if (socket !== undefined) yield duplexOver(new SocketLink(socket), this.#idleMs);
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const socket of this.#waiting.splice(0)) socket.destroy();
    this.#server.close();
    this.#wake?.();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function duplexOver(link: Link, idleMs: number | undefined): Duplex {
  keepFreedMemory();
  return new LinkDuplex(link, idleMs === undefined ? {} : { idleMs });
}

/** Descriptors that systemd passed to this process start here. */
const LISTEN_FDS_START = 3;

/**
 * The listening descriptor of systemd socket activation, or undefined when this process was not
 * started that way. LISTEN_PID guards against variables that a parent process left behind.
 *
 * @throws NetError `net/bind` when there is more than one
 */
export function inheritedListener(
  env: { get(name: string): string | undefined },
  pid: number,
): number | undefined {
  if (env.get("LISTEN_PID") !== String(pid)) return undefined;
  const count = Number(env.get("LISTEN_FDS") ?? "0");
  if (count === 1) return LISTEN_FDS_START;
  if (!(count > 1)) return undefined;
  throw new NetError("bind", {
    message: `Cannot choose between ${count} listening sockets from systemd`,
    advice: "give the socket unit one ListenStream only",
  });
}
