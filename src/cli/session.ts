/** Configuration, state, jails and reporter -> what a journey needs. */
import type { Config } from "../config/mod.ts";
import { openReadJail, type ReadJail } from "../fs/mod.ts";
import { show, utf8Bytes } from "../model/mod.ts";
import type { Reporter } from "../report/mod.ts";
import { openState, type StateStore } from "../state/mod.ts";
import type { Invocation } from "./args.ts";
import type { Host } from "./host.ts";
import { loadOwnConfig, type OwnConfig } from "./own_config.ts";
import { warnUnknown } from "./peers.ts";
import type { Reporting } from "./reporting.ts";

export const DEFAULT_SYSTEM_DIR = "/etc";
const DEFAULT_STATE_DIR = "/var/lib/csync2";

export function systemDir(host: Host): string {
  return utf8Bytes(host.env("CSYNC2_SYSTEM_DIR") ?? DEFAULT_SYSTEM_DIR);
}

/** Everything that the commands on one configuration share. */
export interface Session extends AsyncDisposable {
  readonly invocation: Invocation;
  readonly host: Host;
  readonly systemDir: string;
  readonly config: Config;
  /** Name whose address connections are made from. */
  readonly bindAs: string | undefined;
  readonly state: StateStore;
  readonly jail: ReadJail;
  readonly reporter: Reporter;
  readonly trace: Reporting["trace"];
}

export interface SessionParts {
  readonly invocation: Invocation;
  readonly host: Host;
  readonly reporting: Reporting;
}

/** @throws ConfigError, StateError */
export async function openSession(parts: SessionParts): Promise<Session> {
  const { invocation, host, reporting } = parts;
  const { reporter, trace } = reporting;
  const dir = systemDir(host);
  const { config, bindAs } = await readConfig(parts, dir);
  warnUnknown(invocation, { config, reporter });
  const state = await openStateOf(config, parts);
  const jail = openReadJail();
  return {
    invocation,
    host,
    systemDir: dir,
    config,
    bindAs,
    state,
    jail,
    reporter,
    trace,
    async [Symbol.asyncDispose]() {
      jail[Symbol.dispose]();
      await state[Symbol.asyncDispose]();
    },
  };
}

function noteTo(reporter: Reporter): (level: 0 | 1 | 2, text: string) => void {
  return (level, text) => reporter.note({ event: "note", level, text });
}

async function readConfig(
  { invocation, reporting }: SessionParts,
  dir: string,
): Promise<OwnConfig> {
  const onNote = noteTo(reporting.reporter);
  const own = await loadOwnConfig({
    systemDir: dir,
    configName: invocation.configName,
    hostName: invocation.hostName,
    ...(invocation.groups && { groupFilter: invocation.groups }),
    onNote,
  });
  onNote(2, `My hostname is ${own.config.hostName}.`);
  return own;
}

/** The state that belongs to a configuration. @throws StateError */
export async function openStateOf(
  config: Config,
  { invocation, host, reporting }: SessionParts,
): Promise<StateStore> {
  const password = host.env("CSYNC2_DATABASE_PASSWORD");
  return await openState({
    // The option wins over the statement, also when it is empty (D 1.10).
    database: invocation.database ?? config.database,
    hostName: config.hostName,
    configName: config.configName,
    lockTimeoutSeconds: config.lockTimeoutSeconds,
    password: password === undefined ? undefined : utf8Bytes(password),
    defaultDir: DEFAULT_STATE_DIR,
    synchronous: !invocation.asynchronous && invocation.durability !== "none",
    onNote: noteTo(reporting.reporter),
  });
}

/**
 * What is said while the lock file exists, undefined without it. Anything will do, but a link that
 * leads nowhere (D 1.1).
 */
export function lockedBy(dir: string): string | undefined {
  const lock = `${dir}/csync2.lock`;
  try {
    Deno.statSync(show(lock));
    return `Found ${lock}`;
  } catch {
    return undefined; // what cannot be looked at counts as not there, as for the C programs
  }
}
