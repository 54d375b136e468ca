/** From arguments to exit code: the start-up order of csync2 (D 4.1). */
import { CsyncError, utf8Bytes } from "../model/mod.ts";
import { type Invocation, parseArgs } from "./args.ts";
import type { Host } from "./host.ts";
import { dumper, EXIT_ERRORS, EXIT_OK, neverWithGroups, runMode } from "./modes.ts";
import { fatalLine, noteOption, openReporting, type Reporting, toSystemLog } from "./reporting.ts";
import { lockedBy, openSession, systemDir } from "./session.ts";
import { USAGE, VERSION } from "./usage.ts";
import { OptionError, UsageError } from "./usage_error.ts";

const VERSION_LINE = `csync2 ${VERSION}\n`;

/** Runs the program. Never throws for what a user, a file or a peer can do. @returns the exit code */
export async function main(host: Host): Promise<number> {
  try {
    const code = await start(host);
    host.stdout.flush();
    const { failure } = host.stdout;
    if (failure === undefined) return code;
    host.stderr.line(utf8Bytes(`Cannot write to standard output: ${failure}`));
    return EXIT_ERRORS;
  } finally {
    host.stdout.flush();
    host.stderr.flush();
    const { failure } = host.stderr;
    if (failure !== undefined) toSystemLog(host, `Cannot write to standard error: ${failure}`);
  }
}

async function start(host: Host): Promise<number> {
  const { args } = host;
  if (args.length === 2 && args[0] === "-k") return await keygen(host, args[1]!);
  if (args.length === 1 && args[0] === "--version") return print(host, VERSION_LINE);
  if (args.length === 1 && args[0] === "--help") return print(host, USAGE);
  const locked = lockedBy(systemDir(host));
  if (locked !== undefined && !isForPeer(args)) {
    host.stdout.line(locked);
    return EXIT_ERRORS;
  }
  let invocation: Invocation;
  try {
    invocation = parseArgs(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    refuse(error, host);
    return EXIT_ERRORS;
  }
  return await report(invocation, host);
}

/** The reason first (D 7.4.8); before a person's eyes last, as the usage text is longer than a screen. */
function refuse({ reason }: UsageError, host: Host): void {
  if (!host.isTerminal) host.stderr.line(reason);
  host.stdout.raw(utf8Bytes(USAGE));
  if (!host.isTerminal) return;
  host.stdout.flush();
  host.stderr.line(reason);
}

/** Whether descriptor 1 is a peer, whom the server answers in its own words (D 7.4.11). */
function isForPeer(args: readonly string[]): boolean {
  try {
    return parseArgs(args).mode === "serve-stdio";
  } catch {
    return false;
  }
}

function print(host: Host, text: string): number {
  host.stdout.raw(utf8Bytes(text));
  return EXIT_OK;
}

async function keygen(host: Host, path: string): Promise<number> {
  const { writeKeyFile } = await import("./keygen.ts");
  try {
    writeKeyFile(path);
    return EXIT_OK;
  } catch (error) {
    host.stderr.line(fatalLine(error));
    return EXIT_ERRORS;
  }
}

/** Opens the reporting, carries the command out, and ends both properly. */
async function report(invocation: Invocation, host: Host): Promise<number> {
  let reporting: Reporting;
  try {
    reporting = openReporting(invocation, host);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    noteOption(error, { invocation, host });
    return EXIT_ERRORS;
  }
  using open = reporting;
  try {
    dumper(invocation.dumpFd, () => {}); // tested before anything else happens
    const code = await carryOut(invocation, { host, reporting });
    open.finish(false);
    return open.reporter.errors > 0 ? EXIT_ERRORS : code;
  } catch (error) {
    const code = error instanceof CsyncError ? error.code : "internal";
    const isBeforeLog = error instanceof OptionError && !invocation.logged.has(error.option);
    if (isBeforeLog && invocation.syslog) noteOption(error, { invocation, host });
    else open.reporter.note({ event: "fatal", level: 0, text: fatalLine(error), code });
    open.finish(true);
    return EXIT_ERRORS;
  }
}

async function carryOut(
  invocation: Invocation,
  parts: { host: Host; reporting: Reporting },
): Promise<number> {
  const { mode } = invocation;
  switch (mode) {
    case "keygen":
      return await keygen(parts.host, invocation.args[0]!);
    case "version":
      return print(parts.host, VERSION_LINE);
    case "help":
      return print(parts.host, USAGE);
    case "make-cert": {
      const { makeCert } = await import("./make_cert.ts");
      return await makeCert(invocation, parts);
    }
    case "check-config": {
      const { checkConfig } = await import("./check_config.ts");
      return await checkConfig({ invocation, ...parts });
    }
    case "serve":
    case "serve-once":
    case "serve-stdio": {
      const { serveMode } = await import("./serving.ts");
      return await serveMode(mode, invocation, parts);
    }
    case "tidy":
      if (invocation.groups !== undefined) throw neverWithGroups();
      break;
    default:
  }
  await using session = await openSession({ invocation, ...parts });
  return await runMode(mode, session);
}
