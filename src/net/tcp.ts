/** Connects to every address of a name until one accepts, from an own address if wanted. */
import { keepFreedMemory } from "../os/mod.ts";
import { familyOf } from "./address.ts";
import { ConnLink } from "./conn_link.ts";
import type { Duplex } from "./duplex.ts";
import { NetError, netError } from "./error.ts";
import type { Link } from "./link.ts";
import { LinkDuplex } from "./link_duplex.ts";
import { portNumber, resolve } from "./resolve.ts";
import { SocketLink } from "./socket_link.ts";

export interface ConnectOptions {
  host: string;
  /** Number or service name. */
  port: string;
  /** Own name whose address the connection shall come from (`-N`, W 1.2). */
  bindAs?: string;
  /** For resolving and connecting together. */
  deadlineMs: number;
  /** Longest wait without progress on the connection. @default 300_000 */
  idleMs?: number;
  /** Hears what a verbose C client prints; level 1. */
  onNote?: (text: string) => void;
  /** For tests. @default resolve */
  resolver?: typeof resolve;
}

/** What an attempt needs besides the address. */
interface Attempt {
  readonly port: number;
  readonly deadlineMs: number;
  readonly ownAddresses: readonly string[];
  readonly options: ConnectOptions;
}

/**
 * The first connection that comes about; addresses are tried in the resolver's order, each with an
 * equal share of the time that is left.
 *
 * An own name that cannot be resolved or bound is noted, and the connection goes on unbound, as a C
 * client does; the peer may then refuse the identification.
 *
 * @throws NetError of the last address, or `net/resolve`, `net/port`
 */
export async function connect(options: ConnectOptions): Promise<Duplex> {
  keepFreedMemory();
  const { host, bindAs, deadlineMs, idleMs, onNote = () => {} } = options;
  const startMs = performance.now();
  const leftMs = () => Math.max(1, deadlineMs - (performance.now() - startMs));
  const port = await portNumber(options.port);
  const addresses = await namedAddresses(host, options, leftMs());
  const ownAddresses = bindAs === undefined
    ? []
    : await namedAddresses(bindAs, options, leftMs()).catch(() => []);
  let failure: NetError | undefined;
  for (const [at, address] of addresses.entries()) {
    const shareMs = leftMs() / (addresses.length - at);
    try {
      const link = await open(address, { port, deadlineMs: shareMs, ownAddresses, options });
      onNote(`Connect to ${address}:${options.port} (${host}).`);
      return new LinkDuplex(link, idleMs === undefined ? {} : { idleMs });
    } catch (error) {
      failure = netError(`Cannot connect to "${host}" at ${address} port ${port}`, error);
    }
  }
  const error = failure ?? noAddress(host);
  onNote(`Can't create socket: ${error.reason}`);
  throw error;
}

/** The addresses of `name`; a failure is noted in the words of a C client. */
async function namedAddresses(
  name: string,
  { onNote, resolver = resolve }: ConnectOptions,
  deadlineMs: number,
): Promise<string[]> {
  try {
    return await resolver(name, { deadlineMs });
  } catch (error) {
    const { reason } = netError(`Cannot resolve "${name}"`, error);
    onNote?.(`Cannot resolve peername, getaddrinfo: ${reason}`);
    throw error;
  }
}

async function open(address: string, attempt: Attempt): Promise<Link> {
  const { bindAs, onNote = () => {} } = attempt.options;
  const own = attempt.ownAddresses.filter((each) => familyOf(each) === familyOf(address));
  for (const from of own) {
    const link = await openBound(address, from, attempt);
    if (link === "cannot bind") continue;
    onNote(`Bound to ${from}:0 as ${bindAs}.`);
    return link;
  }
  if (own.length > 0) onNote(`Local socket bind() to ${bindAs} failed; ignored.`);
  return await openUnbound(address, attempt);
}

async function openUnbound(address: string, { port, deadlineMs }: Attempt): Promise<Link> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), deadlineMs);
  try {
    return new ConnLink(await Deno.connect({ hostname: address, port, signal: stop.signal }));
  } catch (cause) {
    throw stop.signal.aborted ? lateAnswer(address, deadlineMs) : cause;
  } finally {
    clearTimeout(timer);
  }
}

/** Deno.connect cannot bind; node:net can. */
async function openBound(
  address: string,
  localAddress: string,
  { port, deadlineMs, options }: Attempt,
): Promise<Link | "cannot bind"> {
  const net = await import("node:net");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = net.connect({
    host: address,
    port,
    localAddress,
    noDelay: true,
    allowHalfOpen: true,
    autoSelectFamily: false,
  });
  const timer = setTimeout(() => reject(lateAnswer(address, deadlineMs)), deadlineMs);
  socket.once("connect", resolve);
  socket.on("error", reject);
  try {
    await promise;
    return new SocketLink(socket);
  } catch (cause) {
    socket.destroy();
    if ((cause as { syscall?: unknown }).syscall === "bind") return "cannot bind";
    options.onNote?.(`Bound to ${localAddress}:0 as ${options.bindAs}.`);
    throw cause;
  } finally {
    clearTimeout(timer);
  }
}

function lateAnswer(address: string, deadlineMs: number): NetError {
  const message = `Cannot connect to ${address}: no answer within ${Math.round(deadlineMs)} ms`;
  return new NetError("timeout", { message, reason: "Connection timed out" });
}

function noAddress(host: string): NetError {
  const reason = "No address associated with hostname";
  return new NetError("resolve", { message: `Cannot resolve "${host}": ${reason}`, reason });
}
