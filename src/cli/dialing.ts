/** How a client reaches its peers: network, TLS with our certificate, pins. */
import { connect, ensureIdentity, namingIdentityFiles, upgrade } from "../net/mod.ts";
import { type Dial, dialer } from "../update/mod.ts";
import type { Session } from "./session.ts";

/** For name, connection and handshake. */
const CONNECT_DEADLINE_MS = 30_000;
/** A peer may work on a big file for long before it answers. */
const IDLE_MS = 600_000;

export function dialFor(session: Session): Dial {
  const { invocation, config, bindAs, systemDir, state, reporter, trace } = session;
  let identity: ReturnType<typeof ensureIdentity> | undefined;
  return dialer({
    config,
    state,
    reporter,
    dryRun: invocation.dryRun,
    classic: invocation.classic,
    ...(invocation.bytesPerSecond && { bytesPerSecond: invocation.bytesPerSecond }),
    connect: (host) =>
      connect({
        host,
        port: invocation.port,
        onNote: (text) => reporter.note({ event: "connect", level: 1, text }),
        ...(bindAs !== undefined && { bindAs }),
        deadlineMs: CONNECT_DEADLINE_MS,
        idleMs: IDLE_MS,
      }),
    upgrade: (plain) =>
      namingIdentityFiles(systemDir, async () => {
        identity ??= ensureIdentity(systemDir, { commonName: config.hostName });
        return await upgrade(plain, {
          role: "client",
          ...await identity,
          deadlineMs: CONNECT_DEADLINE_MS,
        });
      }),
    ...(invocation.groups && { groups: invocation.groups }),
    ...(trace && { trace }),
  });
}
