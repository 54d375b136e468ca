/** `-i`, `-ii`, `-iii`: configuration, network and TLS -> the server. */
import { type Config, loadConfig } from "../config/mod.ts";
import { openJail, PathLocks } from "../fs/mod.ts";
import { CsyncError, utf8Bytes } from "../model/mod.ts";
import {
  ensureIdentity,
  inheritedListener,
  listen,
  type Listener,
  listenOn,
  namingIdentityFiles,
  prepareTls,
  resolve,
  sameAddress,
  stdioDuplex,
  upgrade,
} from "../net/mod.ts";
import { Contexts, serve, type ServeContext, serveOne, type ServeOptions } from "../serve/mod.ts";
import type { Invocation } from "./args.ts";
import { EXIT_ERRORS, EXIT_OK } from "./modes.ts";
import { loadOwnConfig, ownName } from "./own_config.ts";
import { lockedBy, openStateOf, type SessionParts, systemDir } from "./session.ts";

/** Longest wait for the next byte of a client at work. */
const IDLE_MS = 300_000;
const HANDSHAKE_DEADLINE_MS = 30_000;
/** Servers of a super-server share a state: what one of them has in hand is not the other's to repair. */
const STALE_AFTER_MS = 600_000;

/**
 * Serves until the first signal, or until one connection has ended.
 * @throws NetError when no address can be listened on
 */
export async function serveMode(
  mode: "serve" | "serve-once" | "serve-stdio",
  invocation: Invocation,
  parts: Pick<SessionParts, "host" | "reporting">,
): Promise<number> {
  const all: SessionParts = { ...parts, invocation };
  const { host, reporting: { reporter } } = parts;
  host.endGently();
  host.stdout.writeThrough();
  await using contexts = new Contexts({
    open: (name) => openContext({ ...invocation, configName: name }, all),
    reporter,
    staleAfterMs: mode === "serve-stdio" ? STALE_AFTER_MS : 0,
    createsParents: invocation.createsParents,
    durability: invocation.durability ?? "batch",
    actions: {
      stop: host.signal,
      ...(invocation.actionLimitMs && { timeLimitMs: invocation.actionLimitMs }),
    },
    owner: { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 },
  });
  const options = serveOptions(all, contexts);
  if (mode === "serve-stdio") {
    const env = { get: (name: string) => host.env(name) };
    await serveOne(await stdioDuplex({ env, idleMs: IDLE_MS }), options);
    return EXIT_OK;
  }
  let listener: Listener;
  try {
    listener = await openListener(all);
  } catch (error) {
    if (!(error instanceof CsyncError)) throw error;
    const text = `Server error: ${utf8Bytes(error.line)}`;
    reporter.note({ event: "server-error", level: 0, text, isError: true });
    return EXIT_ERRORS;
  }
  using open = listener;
  if (mode === "serve") prepareTls();
  let connections = 0;
  // COMPAT: with -iii the process serves one, and its number is the connection's as with the C programs.
  const nextNumber = mode === "serve-once" ? () => host.pid : () => ++connections;
  await serve(open, { ...options, nextNumber, once: mode === "serve-once" });
  return EXIT_OK;
}

async function openListener({ invocation, host }: SessionParts): Promise<Listener> {
  const fd = inheritedListener({ get: (name) => host.env(name) }, host.pid);
  if (fd !== undefined) return await listenOn({ fd, idleMs: IDLE_MS });
  const { hostName, port } = invocation;
  return await listen({ ...(hostName !== undefined && { host: hostName }), port, idleMs: IDLE_MS });
}

function serveOptions(parts: SessionParts, contexts: Contexts): ServeOptions {
  const { invocation, host, reporting: { reporter, trace } } = parts;
  const dir = systemDir(host);
  const name = ownName(invocation).toLowerCase();
  return {
    contexts,
    reporter,
    hostName: name,
    configName: invocation.configName,
    speaksFast: !invocation.classic,
    resolvesTo: async (announced, address) => {
      const known = await resolve(announced).catch(() => []);
      return known.some((one) => sameAddress(one, address));
    },
    tls: {
      upgrade: (plain) =>
        namingIdentityFiles(dir, async () => {
          const identity = await ensureIdentity(dir, { commonName: name });
          return await upgrade(plain, {
            role: "server",
            ...identity,
            deadlineMs: HANDSHAKE_DEADLINE_MS,
          });
        }),
    },
    limits: { idleMs: IDLE_MS },
    lockedBy: () => lockedBy(dir),
    ...(trace && { trace }),
    stop: host.signal,
  };
}

/** One configuration with its state and jail, for all connections that name it. */
async function openContext(
  invocation: Invocation,
  { host, reporting }: SessionParts,
): Promise<ServeContext> {
  const { reporter } = reporting;
  const wanted = {
    systemDir: systemDir(host),
    configName: invocation.configName,
    ...(invocation.groups && { groupFilter: invocation.groups }),
  };
  const { config, hostName } = await loadOwnConfig({
    ...wanted,
    hostName: invocation.hostName,
    onNote: (level, text) => reporter.note({ event: "note", level, text }),
  });
  reporter.note({ event: "note", level: 2, text: `My hostname is ${config.hostName}.` });
  const state = await openStateOf(config, { invocation, host, reporting });
  const jail = openJail();
  return {
    config,
    state,
    jail,
    locks: PATH_LOCKS,
    isCurrent: () => isSame(config, () => loadConfig({ ...wanted, hostName })),
    async [Symbol.asyncDispose]() {
      jail[Symbol.dispose]();
      await state[Symbol.asyncDispose]();
    },
  };
}

/** One for the process: two configurations may cover the same file. */
const PATH_LOCKS = new PathLocks();

/** C reads the configuration anew for each connection (D 1.1); here only to see whether it changed. */
function isSame(config: Config, readAgain: () => Config): boolean {
  try {
    return JSON.stringify(readAgain()) === JSON.stringify(config);
  } catch {
    return false; // opening it again tells the reason
  }
}
