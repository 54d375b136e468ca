/** Descriptors 0 and 1 as a Duplex, for `-i`. */
import { closeLookOf, Fd, keepFreedMemory, OsError, peerAddress, takeStandard } from "../os/mod.ts";
import { familyOf, unmapped } from "./address.ts";
import type { Duplex, PeerAddress } from "./duplex.ts";
import { NetError } from "./error.ts";
import { LinkDuplex } from "./link_duplex.ts";
import { SocketLink } from "./socket_link.ts";

export interface StdioOptions {
  /** Where SSH_CLIENT is looked up. @default the process's environment */
  env?: { get(name: string): string | undefined };
  /** @default 300_000 */
  idleMs?: number;
}

/**
 * The connection that a super-server or sshd gave us (W 1.1). From now on descriptors 0 and 1 lead
 * nowhere, and 2 as well if it is the connection: what is printed by mistake does not reach the
 * peer, and no program we start inherits it.
 *
 * @throws NetError `net/stdio` when descriptor 0 or 1 is neither a socket nor a pipe
 */
export async function stdioDuplex(
  { env = Deno.env, idleMs }: StdioOptions = {},
): Promise<Duplex> {
  keepFreedMemory();
  const { Socket } = await import("node:net");
  using input = takeConnection(0);
  using output = takeConnection(1);
  if (isErrorOutput(input) || isErrorOutput(output)) takeStandard(2)[Symbol.dispose]();
  const peer = socketPeer(input) ?? sshPeer(env.get("SSH_CLIENT"));
  const common = { allowHalfOpen: true };
  const reader = new Socket({ ...common, fd: input.release(), readable: true, writable: false });
  const writer = new Socket({ ...common, fd: output.release(), readable: false, writable: true });
  writer.setNoDelay(true);
  const link = new SocketLink(reader, { output: writer, peer });
  return new LinkDuplex(link, idleMs === undefined ? {} : { idleMs });
}

function takeConnection(fd: 0 | 1): Fd {
  const taken = takeStandard(fd);
  const { kind, meta } = closeLookOf(taken, `descriptor ${fd}`).entry;
  if (kind === "sock" || kind === "fifo") return taken;
  taken[Symbol.dispose]();
  // COMPAT: the words of the C program (D 4.9).
  const message = `I'm only talking to sockets or pipes! ${meta.mode.toString(16)}`;
  throw new NetError("stdio", { message, advice: "-i is for inetd, systemd and sshd; use -ii" });
}

/** Whether our error messages would go to the peer: inetd makes one socket 0, 1 and 2. */
function isErrorOutput(connection: Fd): boolean {
  const errors = new Fd(2);
  try {
    const a = closeLookOf(connection, "the connection").fingerprint;
    const b = closeLookOf(errors, "descriptor 2").fingerprint;
    return a.dev === b.dev && a.ino === b.ino;
  } catch (error) {
    if (error instanceof OsError && error.errnoName === "EBADF") return false; // 2 is closed
    throw error;
  } finally {
    errors.release();
  }
}

/** Undefined for a pipe and for a local socket. */
function socketPeer(fd: Fd): PeerAddress | undefined {
  const peer = peerAddress(fd.number);
  if (peer === undefined || peer.family === "unix") return undefined;
  return { address: unmapped(peer.host), port: peer.port };
}

/** Address and port, the first two of the three words that sshd sets. */
function sshPeer(words: string | undefined): PeerAddress | undefined {
  const [address = "", port = ""] = words?.split(" ") ?? [];
  if (familyOf(address) === undefined) return undefined;
  return { address: unmapped(address), port: /^\d{1,5}$/.test(port) ? Number(port) : 0 };
}
