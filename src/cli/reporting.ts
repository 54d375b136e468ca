/** Where events go: standard error, syslog, time stamps, the full log, JSON, a progress line. */
import { CsyncError, show, utf8Bytes } from "../model/mod.ts";
import { isSameObject, OsError, SystemLog } from "../os/mod.ts";
import {
  clockText,
  type ConnectionReporter,
  JsonSink,
  type Level,
  ProgressLine,
  type Reporter,
  Tee,
  TextSink,
  TimeStamps,
} from "../report/mod.ts";
import type { Invocation } from "./args.ts";
import type { Host } from "./host.ts";
import { LogFile } from "./log_file.ts";
import { StrictReporter } from "./strict.ts";
import { OptionError } from "./usage_error.ts";

/** The reporter of a run and its closing lines. */
export interface Reporting extends Disposable {
  readonly reporter: Reporter;
  /** Protocol lines at `-vvv`; they go to standard error even with `-l` (D 4.7). */
  readonly trace: ((line: string) => void) | undefined;
  /** @param isFatal the run ended early: no closing lines, one more time stamp */
  finish(isFatal: boolean): void;
}

/** @throws OptionError when a file of `-s` or `-O` cannot be written */
export function openReporting(invocation: Invocation, host: Host): Reporting {
  using files = new DisposableStack();
  const warnings = new Warnings();
  const parts = { host, files, warnings, aside: asideWriter(invocation, host) };
  const stampLine = stampWriter(invocation, parts);
  const stamps = stampLine && new TimeStamps(stampLine, host.now);
  const fullLog = fullLogWriter(invocation, parts);
  let isServed = false;
  const text = (toWhom: Audience) =>
    textSink(invocation, { ...parts, ...toWhom, stamps, fullLog, onServed: () => isServed = true });
  const plain = invocation.json ? withJson(invocation, host, text) : text({ isShown: true });
  const sink = invocation.strict ? new StrictReporter(plain, invocation) : plain;
  warnings.to(sink);
  const owned = files.move();
  return {
    reporter: sink,
    trace: invocation.verbosity >= 3 ? (line) => parts.aside(line) : undefined,
    finish(isFatal) {
      // The one connection of -iii has had its closing lines, and they are those of the run.
      if (invocation.mode === "serve-once" && isServed && !isFatal) return;
      if (!isFatal) sink.finish();
      stamps?.finish(isFatal);
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/** What is wrong with a log itself is told as an event, once there is somebody to tell. */
class Warnings {
  #reporter: Reporter | undefined;
  readonly #held: string[] = [];

  tell(text: string): void {
    if (this.#reporter === undefined) this.#held.push(text);
    else this.#reporter.note({ event: "log-failed", level: 0, text });
  }

  to(reporter: Reporter): void {
    this.#reporter = reporter;
    for (const text of this.#held.splice(0)) this.tell(text);
  }
}

interface Parts {
  readonly host: Host;
  readonly files: DisposableStack;
  readonly warnings: Warnings;
  readonly aside: (line: string) => void;
}

/**
 * Where lines go that are no messages: standard error, even with `-l` (D 4.7). A super-server may have
 * given us the connection as standard error too: then they are for the system log.
 */
function asideWriter({ mode }: Invocation, host: Host): (line: string) => void {
  if (mode !== "serve-stdio" || !isErrorsToPeer()) return (line) => host.stderr.line(line);
  const log = systemLog(host, () => {});
  return (line) => log.write(SYSTEM_LOG_DEBUG, line);
}

const SYSTEM_LOG_DEBUG = 2;

/** Whether standard error is the connection; what cannot be looked at counts as it. */
function isErrorsToPeer(): boolean {
  try {
    return isSameObject(0, 2);
  } catch {
    return true;
  }
}

function systemLog({ now, pid }: Host, onLost: () => void): SystemLog {
  return new SystemLog("csync2", { now, pid, onLost });
}

/** Who gets the text: a person, or only the logs, as a program reads the JSON lines. */
interface Audience {
  readonly isShown: boolean;
}

function withJson(
  { verbosity, syslog, fullLog }: Invocation,
  host: Host,
  text: (audience: Audience) => TextSink,
): ConnectionReporter {
  const json = new JsonSink({
    level: Math.max(1, verbosity) as Level,
    output: (line) => host.stdout.line(utf8Bytes(line)),
    now: () => host.now().getTime(),
  });
  return syslog || fullLog !== undefined ? new Tee(json, text({ isShown: false })) : json;
}

interface TextParts extends Parts, Audience {
  readonly stamps: TimeStamps | undefined;
  readonly fullLog: ((line: string) => void) | undefined;
  /** A connection has had its closing lines. */
  readonly onServed: () => void;
}

function textSink(invocation: Invocation, parts: TextParts): TextSink {
  const { verbosity, syslog, stamps: isStamped } = invocation;
  const { host, stamps, fullLog, isShown } = parts;
  const progress = host.isTerminal && !syslog && isShown
    ? new ProgressLine({
      write: (text) => host.stderr.raw(utf8Bytes(text)),
      now: () => host.now().getTime(),
      columns: host.columns,
    })
    : undefined;
  return new TextSink({
    verbosity,
    message: messageWriter(invocation, parts, progress),
    output: (line) => {
      if (!isShown) return;
      progress?.clear();
      host.stdout.line(line);
    },
    ...(fullLog && { fullLog }),
    ...(stamps && { beforeMessage: () => stamps.stampIfOld() }),
    // The system log has its own clock and process.
    ...(isStamped && !syslog && { prefix: () => `[${clockText(host.now())}] ` }),
    marksConnections: !syslog,
    onConnection: (number) => {
      const stampEnd = stamps?.ofConnection(number);
      return () => {
        stampEnd?.();
        parts.onServed();
      };
    },
    ...(progress &&
      { onProgress: (step) => progress.step(step), onFinish: () => progress.clear() }),
  });
}

function messageWriter(
  { syslog, mode }: Invocation,
  { host, isShown }: TextParts,
  progress: ProgressLine | undefined,
): (level: Level, line: string) => void {
  if (!syslog) {
    return (_level, line) => {
      progress?.clear();
      if (isShown) host.stderr.line(line);
    };
  }
  const log = systemLog(host, () => {
    if (mode !== "serve-stdio") host.stderr.line(NO_SYSTEM_LOG);
  });
  return (level, line) => log.write(level, line);
}

const NO_SYSTEM_LOG = "WARNING: The system log takes no messages: some are lost.";

/** COMPAT: as the C programs make the file of -s; it holds nothing but times. */
const STAMP_FILE_MODE = 0o666;
/** The full log holds every name. */
const FULL_LOG_MODE = 0o600;

function stampWriter(
  { stamps, stampFile }: Invocation,
  { host, files, warnings, aside }: Parts,
): ((line: string, connection?: number) => void) | undefined {
  const file = stampFile === undefined ? undefined : openedFor(
    "s",
    `Can't open timestamp file \`${stampFile}':`,
    () =>
      files.use(LogFile.open(stampFile, {
        mode: STAMP_FILE_MODE,
        onFailure: (why) =>
          warnings.tell(`WARNING: Cannot write time stamps to ${stampFile}: ${why}`),
      })),
  );
  if (!stamps && file === undefined) return undefined;
  return (line, connection) => {
    if (stamps) aside(connection === undefined ? line : `<${connection}> ${line}`);
    file?.line(`<${connection ?? host.pid}> ${line}`);
  };
}

function fullLogWriter(
  { fullLog: path }: Invocation,
  { files, warnings }: Parts,
): ((line: string) => void) | undefined {
  if (path === undefined) return undefined;
  const file = openedFor(
    "O",
    `Could not open full log file:  ${path}`,
    () =>
      files.use(LogFile.open(path, {
        mode: FULL_LOG_MODE,
        isEmptied: true,
        onFailure: (why) => warnings.tell(`WARNING: Cannot write the full log ${path}: ${why}`),
      })),
  );
  return (line) => file.line(line);
}

/** @throws OptionError that begins with `failure` */
function openedFor(option: "s" | "O", failure: string, open: () => LogFile): LogFile {
  try {
    return open();
  } catch (cause) {
    if (!(cause instanceof CsyncError)) throw cause;
    const reason = cause instanceof OsError ? cause.text : cause.line;
    // COMPAT: the C programs end the one text with the reason, the other one without.
    const message = failure.endsWith(":") ? `${failure} ${reason}` : `${failure} (${reason})`;
    throw new OptionError(option, { message, cause });
  }
}

/** For the one line that is left when the usual ways are closed. */
export function toSystemLog(host: Host, line: string, onLost = () => {}): void {
  using log = systemLog(host, onLost);
  log.write(0, line);
}

/** What is wrong with an option, where the options before it have directed it. */
export function noteOption(
  { option, line }: OptionError,
  { invocation, host }: { readonly invocation: Invocation; readonly host: Host },
): void {
  const onError = () => host.stderr.line(line);
  if (!invocation.syslog || !invocation.logged.has(option)) onError();
  // Nothing else is said by a run that ends here. With -i standard error may be the peer.
  else toSystemLog(host, line, invocation.mode === "serve-stdio" ? undefined : onError);
}

/** The line for an error that ends the run; unexpected ones with their place in the code. */
export function fatalLine(error: unknown): string {
  if (error instanceof CsyncError) return error.line;
  const { stack, message } = error as Error;
  return utf8Bytes(`Internal error, please report it: ${show(stack ?? message)}`);
}
