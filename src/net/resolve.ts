/** Names -> numeric addresses, service names -> port numbers. */
import { CsyncError } from "../model/mod.ts";
import { familyOf } from "./address.ts";
import { NetError, netError } from "./error.ts";

/** Longest wait for the name service unless somebody says otherwise. */
export const RESOLVE_MS = 20_000;
const HOSTS_FILE = "/etc/hosts";
const SERVICES_FILE = "/etc/services";
const PORT_MAX = 65_535;

export interface ResolveOptions {
  /** @default 20_000 */
  deadlineMs?: number;
}

/**
 * Every address of a name, IPv4 and IPv6, each once, in the order of the system's resolver, which
 * knows /etc/hosts. A numeric address is its own answer.
 *
 * @throws NetError `net/resolve` or `net/timeout`; `reason` is the text of the C library
 */
export async function resolve(
  name: string,
  { deadlineMs = RESOLVE_MS }: ResolveOptions = {},
): Promise<string[]> {
  if (familyOf(name) !== undefined) return [name];
  const { lookup } = await import("node:dns/promises");
  const action = `Cannot resolve "${name}"`;
  let timer;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `${action}: no answer within ${deadlineMs} ms`;
      reject(new NetError("timeout", { message, reason: "Temporary failure in name resolution" }));
    }, deadlineMs);
  });
  try {
    const found = await Promise.race([lookup(name, { all: true, order: "verbatim" }), late]);
    return [...new Set(found.map(({ address }) => address))];
  } catch (cause) {
    if (cause instanceof CsyncError) throw cause;
    const { reason } = netError(action, cause);
    throw new NetError("resolve", { message: `${action}: ${reason}`, reason, cause });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Lookups that may wait for an answer at the same time. LIMIT: the runtime has 32 threads for them and
 * for files, and one that a name service keeps waiting is gone for ten seconds, whatever our deadline.
 */
export const LOOKUPS_AT_ONCE = 16;

/**
 * The names in /etc/hosts, lower case. They are quick to look up: these should not stand behind names that
 * a name service leaves without an answer.
 */
export async function namesOfHostsFile(): Promise<ReadonlySet<string>> {
  try {
    const lines = (await Deno.readTextFile(HOSTS_FILE)).split("\n");
    const names = lines.flatMap((line) => line.replace(/#.*/, "").trim().split(/\s+/).slice(1));
    return new Set(names.map((name) => name.toLowerCase()));
  } catch {
    return new Set(); // then no name goes first, and no loopback address counts
  }
}

/**
 * A port as the user writes it: a number or the name of a TCP service (W 1).
 * @throws NetError `net/port`
 */
export async function portNumber(port: string): Promise<number> {
  const number = /^\d{1,5}$/.test(port) ? Number(port) : await servicePort(port);
  if (number !== undefined && number <= PORT_MAX) return number;
  throw new NetError("port", {
    message: `Cannot use port "${port}": it is neither a number up to ${PORT_MAX} nor a service`,
    reason: "Servname not supported for ai_socktype",
    advice: `services are listed in ${SERVICES_FILE}`,
  });
}

async function servicePort(name: string): Promise<number | undefined> {
  let text;
  try {
    text = await Deno.readTextFile(SERVICES_FILE);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw netError(`Cannot read "${SERVICES_FILE}"`, cause);
  }
  for (const line of text.split("\n")) {
    const [first, address = "", ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    const [, port] = /^(\d{1,5})\/tcp$/.exec(address) ?? [];
    if (port !== undefined && (first === name || aliases.includes(name))) return Number(port);
  }
  return undefined;
}
