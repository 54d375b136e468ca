/** Mode -> journey. Each is imported when it is chosen, so that `-c` loads no TLS. */
import type { CheckTarget } from "../check/mod.ts";
import {
  CsyncError,
  type DbName,
  type DiskPath,
  type ScheduledAction,
  toBytes,
} from "../model/mod.ts";
import { checkDescriptor, OsError, writeAll } from "../os/mod.ts";
import { exhaustive } from "../model/mod.ts";
import type { ReportEvent } from "../report/mod.ts";
import type { Mode } from "./args.ts";
import type { Session } from "./session.ts";
import { pathOf, targets } from "./targets.ts";
import { OptionError } from "./usage_error.ts";

/** Modes that need configuration and state. */
export type SessionMode = Exclude<
  Mode,
  | "keygen"
  | "make-cert"
  | "check-config"
  | "version"
  | "help"
  | "serve"
  | "serve-once"
  | "serve-stdio"
>;

/** Exit codes (D 4.3). */
export const EXIT_OK = 0;
export const EXIT_ERRORS = 1;
/** Lists: nothing to list; `-T`: in sync. */
export const EXIT_NOTHING = 2;

/**
 * Carries out one command.
 *
 * @returns exit code; errors that were reported make it 1
 * @throws CsyncError when the command cannot go on
 */
export async function runMode(mode: SessionMode, session: Session): Promise<number> {
  const code = await perform(mode, session);
  if (SCHEDULES.has(mode) && !isDryRun(mode, session)) {
    const { runActions } = await import("../actions/mod.ts");
    const { actionLimitMs } = session.invocation;
    await runActions({ ...session, ...(actionLimitMs && { timeLimitMs: actionLimitMs }) });
  }
  return session.reporter.errors > 0 ? EXIT_ERRORS : code;
}

/** Modes after which waiting actions are run: those that can schedule some (D 7.7.4). */
const SCHEDULES: ReadonlySet<Mode> = new Set(
  ["check", "update", "check-update", "sync", "mark", "compare"] satisfies Mode[],
);

/** Its actions wait for a real run (D 7.4.1). `-d` means nothing to a mere check. */
function isDryRun(mode: SessionMode, { invocation }: Session): boolean {
  return invocation.dryRun && (mode === "update" || mode === "check-update" || mode === "sync");
}

async function perform(mode: SessionMode, session: Session): Promise<number> {
  switch (mode) {
    case "hint":
    case "mark":
    case "force":
    case "tidy":
    case "compare-list":
      return await local(mode, session);
    case "check":
      await check(session, targets(session) ?? "hints");
      return EXIT_OK;
    case "update":
      await warnUseless(session, targets(session));
      await update(session, targets(session));
      return EXIT_OK;
    case "check-update":
      await check(session, targets(session) ?? "hints");
      await update(session, targets(session));
      return EXIT_OK;
    case "sync":
      await check(session, targets(session) ?? EVERYTHING);
      await update(session, targets(session));
      return EXIT_OK;
    case "compare":
      return await compare(session);
    case "list-hints":
    case "list-files":
    case "list-dirty":
    case "list-pair":
      return await list(mode, session);
    case "list-certs":
      return await (await import("./certs.ts")).listCerts(session) > 0 ? EXIT_OK : EXIT_NOTHING;
    case "forget-cert":
      await (await import("./certs.ts")).forgetCerts(session);
      return EXIT_OK;
    default:
      return exhaustive(mode);
  }
}

const EVERYTHING: readonly CheckTarget[] = [{ path: "/" as DiskPath, recursive: true }];

async function local(
  mode: "hint" | "mark" | "force" | "tidy" | "compare-list",
  session: Session,
): Promise<number> {
  const journeys = await import("../check/mod.ts");
  const { invocation } = session;
  const options = { ...session, targets: targets(session) ?? [] };
  switch (mode) {
    case "hint":
      await journeys.addHints(options);
      break;
    case "mark":
      await journeys.markPaths({
        ...options,
        forced: invocation.forced,
        ...await localActions(session),
      });
      break;
    case "force":
      await journeys.forcePaths(options);
      break;
    case "tidy":
      if (invocation.groups !== undefined) throw neverWithGroups();
      await journeys.tidy(session);
      break;
    case "compare-list":
      journeys.listCompared({
        ...options,
        ...(invocation.peers && { peerFilter: invocation.peers }),
      });
      break;
    default:
      return exhaustive(mode);
  }
  return EXIT_OK;
}

/** The -R option would forget what the other groups cover (D 4.2). */
export function neverWithGroups(): CsyncError {
  return new CsyncError("cli/usage", { message: "Never run -R with -G!" });
}

async function localActions(
  { config }: Session,
): Promise<{ actionsFor: (name: DbName) => readonly ScheduledAction[] }> {
  const { scheduleFor } = await import("../actions/mod.ts");
  return { actionsFor: (name) => scheduleFor(config, name, "local") };
}

async function check(
  session: Session,
  wanted: readonly CheckTarget[] | "hints",
): Promise<void> {
  const journeys = await import("../check/mod.ts");
  const { invocation } = session;
  const dump = dumper(
    invocation.dumpFd,
    (text) => session.reporter.note({ event: "dump-failed", level: 0, text, isError: true }),
  );
  await journeys.check({
    ...session,
    targets: wanted,
    init: invocation.init,
    forced: invocation.forced,
    ...removalOptions(invocation),
    oneFileSystem: invocation.oneFileSystem,
    ...await localActions(session),
    ...(dump && { dump }),
  });
}

function removalOptions({ allowsRemovals, maxRemovals }: Session["invocation"]) {
  return { allowsRemovals, ...(maxRemovals && { maxRemovals }) };
}

/**
 * `-W FD`: names of directories, NUL-terminated. When they cannot be written any more the check goes on:
 * what it finds must not be lost with them.
 *
 * @param onFailure gets the line that says so, once
 * @throws OptionError when there is no such descriptor
 */
export function dumper(
  descriptor: string | undefined,
  onFailure: (text: string) => void,
): ((name: DbName) => void) | undefined {
  if (descriptor === undefined) return undefined;
  const fd = Number(descriptor);
  try {
    if (!/^-?\d{1,9}$/.test(descriptor)) throw new RangeError("not a number"); // D 7.4.10
    checkDescriptor(fd);
  } catch (cause) {
    const message = `Invalid dump_dir_fd ${descriptor}: ${textOf(cause)}`;
    throw new OptionError("W", { message, cause });
  }
  let isBroken = false;
  return (name) => {
    if (isBroken) return;
    try {
      writeAll(fd, toBytes(name + "\0"), `descriptor ${descriptor}`);
    } catch (cause) {
      isBroken = true;
      onFailure(`Error while writing to dump_dir_fd ${descriptor}: ${textOf(cause)}`);
    }
  };
}

function textOf(error: unknown): string {
  return error instanceof OsError ? error.text : (error as Error).message;
}

/** A check warns by itself; what is only sent or compared is told here (D 2.6). */
async function warnUseless(session: Session, wanted: readonly CheckTarget[] = []): Promise<void> {
  if (wanted.length > 0) (await import("../check/mod.ts")).warnUseless(session, wanted);
}

const STOPPED: ReportEvent = {
  event: "stopped",
  level: 0,
  text: "ERROR: Stopped by a signal: what was not sent stays marked.",
  isError: true,
};

async function update(
  session: Session,
  wanted: readonly CheckTarget[] | undefined,
): Promise<void> {
  const journeys = await import("../update/mod.ts");
  const { dialFor } = await import("./dialing.ts");
  const { invocation, host, reporter } = session, { mode } = invocation;
  host.endGently();
  await journeys.update({
    ...session,
    dial: dialFor(session),
    ...(wanted && { targets: wanted }),
    ...(invocation.peers && { onlyPeers: invocation.peers }),
    ...(invocation.jobs !== undefined && { parallel: invocation.jobs }),
    ...removalOptions(invocation),
    dryRun: invocation.dryRun,
    checksum: invocation.checksum,
    isChecked: mode === "sync" || (mode === "check-update" && wanted !== undefined), // not by hints
    isRestricted: invocation.groups !== undefined,
    signal: host.signal,
  });
  if (host.signal.aborted) reporter.note(STOPPED);
}

/** `-T [MYNAME PEER] [FILE]` (D 4.5). */
async function compare(session: Session): Promise<number> {
  const journeys = await import("../compare/mod.ts");
  const { dialFor } = await import("./dialing.ts");
  const { invocation } = session;
  const { args } = invocation;
  const pair = args.length >= 2 ? { myName: args[0]!, peer: args[1]! } : undefined;
  const file = args.length % 2 === 1 ? pathOf(args[args.length - 1]!, session) : undefined;
  if (file !== undefined) await warnUseless(session, [{ path: file, recursive: false }]);
  const found = await journeys.compare({
    ...session,
    dial: dialFor(session),
    contents: invocation.showDiff,
    ...(pair && { pair }),
    ...(file !== undefined && { file }),
    ...(invocation.init && {
      mark: {
        removals: invocation.markRemovals,
        onlyThisPeer: invocation.onlyThisPeer,
        forced: invocation.forced,
        ...await localActions(session),
      },
    }),
  });
  return found > 0 ? EXIT_OK : EXIT_NOTHING;
}

async function list(
  mode: "list-hints" | "list-files" | "list-dirty" | "list-pair",
  session: Session,
): Promise<number> {
  const journeys = await import("../listing/mod.ts");
  const { args } = session.invocation;
  const count = mode === "list-hints"
    ? await journeys.listHints(session)
    : mode === "list-files"
    ? await journeys.listFiles(session)
    : mode === "list-dirty"
    ? await journeys.listDirty(session)
    : await journeys.listPair({ ...session, myName: args[0]!, peer: args[1]! });
  return count > 0 ? EXIT_OK : EXIT_NOTHING;
}
