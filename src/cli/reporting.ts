/** Where events go: standard error, syslog, time stamps, the full log, JSON, a progress line. */
import { CsyncError, show, toBytes, utf8Bytes } from "../model/mod.ts";
import {
  O_APPEND,
  O_CREAT,
  O_NOFOLLOW,
  O_TRUNC,
  O_WRONLY,
  openAt,
  OsError,
  SystemLog,
  writeAll,
} from "../os/mod.ts";
import {
  clockText,
  JsonSink,
  type Level,
  ProgressLine,
  type Reporter,
  TextSink,
  TimeStamps,
} from "../report/mod.ts";
import type { Invocation } from "./args.ts";
import type { Host } from "./host.ts";

/** The reporter of a run and its closing lines. */
export interface Reporting extends Disposable {
  readonly reporter: Reporter;
  /** Protocol lines at `-vvv`; they go to standard error even with `-l` (D 4.7). */
  readonly trace: ((line: string) => void) | undefined;
  /** @param isFatal the run ended early: no closing lines, one more time stamp */
  finish(isFatal: boolean): void;
}

/** @throws CsyncError `cli/file` when a file of `-s` or `-O` cannot be written */
export function openReporting(invocation: Invocation, host: Host): Reporting {
  using files = new DisposableStack();
  const stampLine = stampWriter(invocation, host, files);
  const stamps = stampLine && new TimeStamps(stampLine, host.now);
  const fullLog = invocation.fullLog === undefined
    ? undefined
    : fileLines(invocation.fullLog, "Could not open full log file:  ", O_TRUNC, files);
  const sink = invocation.json
    ? new JsonSink({
      level: Math.max(1, invocation.verbosity) as Level,
      output: (line) => host.stdout.line(utf8Bytes(line)),
      now: () => host.now().getTime(),
    })
    : textSink(invocation, { host, stamps, fullLog });
  const owned = files.move();
  return {
    reporter: sink,
    trace: invocation.verbosity >= 3 ? (line) => host.stderr.line(line) : undefined,
    finish(isFatal) {
      if (!isFatal) sink.finish();
      stamps?.finish(isFatal);
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

interface TextParts {
  readonly host: Host;
  readonly stamps: TimeStamps | undefined;
  readonly fullLog: ((line: string) => void) | undefined;
}

function textSink(invocation: Invocation, { host, stamps, fullLog }: TextParts): TextSink {
  const { verbosity, syslog, stamps: isStamped } = invocation;
  const log = syslog ? new SystemLog("csync2", { now: host.now, pid: host.pid }) : undefined;
  const progress = host.isTerminal && !syslog
    ? new ProgressLine({
      write: (text) => host.stderr.raw(utf8Bytes(text)),
      now: () => host.now().getTime(),
      columns: host.columns,
    })
    : undefined;
  const message = log
    ? (level: Level, line: string) => log.write(level, line)
    : (_level: Level, line: string) => {
      progress?.clear();
      host.stderr.line(line);
    };
  return new TextSink({
    verbosity,
    message,
    output: (line) => {
      progress?.clear();
      host.stdout.line(line);
    },
    ...(fullLog && { fullLog }),
    ...(stamps && { beforeMessage: () => stamps.stampIfOld() }),
    ...(isStamped && { prefix: () => `[${clockText(host.now())}] ` }),
    ...(progress &&
      { onProgress: (step) => progress.step(step), onFinish: () => progress.clear() }),
  });
}

function stampWriter(
  { stamps, stampFile }: Invocation,
  host: Host,
  files: DisposableStack,
): ((line: string) => void) | undefined {
  const toFile = stampFile === undefined ? undefined : fileLines(
    stampFile,
    `Can't open timestamp file \`${stampFile}': `,
    O_APPEND,
    files,
  );
  if (!stamps && toFile === undefined) return undefined;
  return (line) => {
    if (stamps) host.stderr.line(line);
    toFile?.(`<${host.pid}> ${line}`);
  };
}

/** Opens a file of the operator's for lines. A link in its last part is not followed. */
function fileLines(
  path: string,
  failure: string,
  flag: number,
  files: DisposableStack,
): (line: string) => void {
  try {
    const file = files.use(
      openAt(path, { flags: O_WRONLY | O_CREAT | O_NOFOLLOW | flag, mode: 0o600 }),
    );
    return (line) => writeAll(file, toBytes(line + "\n"), path);
  } catch (cause) {
    if (!(cause instanceof OsError)) throw cause;
    throw new CsyncError("cli/file", { message: `${failure}${cause.text}`, cause });
  }
}

/** The line for an error that ends the run; unexpected ones with their place in the code. */
export function fatalLine(error: unknown): string {
  if (error instanceof CsyncError) return error.line;
  const { stack, message } = error as Error;
  return utf8Bytes(`Internal error, please report it: ${show(stack ?? message)}`);
}
