/** Runs scheduled commands. The only user of Deno.Command. */
import { type Config, resolveName } from "../config/mod.ts";
import { percentEncode, type ScheduledAction, toBytes } from "../model/mod.ts";
import {
  O_APPEND,
  O_CREAT,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_WRONLY,
  openAt,
  OsError,
  signalGroup,
} from "../os/mod.ts";
import type { StateStore } from "../state/mod.ts";
import { type Run, runsOf } from "./choose.ts";
import * as say from "./messages.ts";

/** Time between the request to end and the end by force. */
const GRACE_MS = 5_000;
const LOG_FLAGS = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
const DEV_NULL = "/dev/null";
/** Variables of ours that a command gets (D 7.7.7). */
const PASSED_ON = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"];
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Becomes the command: closes low descriptors that we may have been given, opens the log ($1), and runs
 * the text ($3) with the names behind it as arguments. With `e` ($2) text and names have bytes that are
 * no UTF-8, and come as printf escapes; the dot keeps line feeds at their end.
 */
const BOOT = `exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
[ -z "$1" ] || command exec >>"$1" 2>&1 || :
MODE=$2
shift 2
if [ "$MODE" = e ]; then
  N=$#
  while [ "$N" -gt 0 ]; do
    V=$(printf '%b.' "$1")
    shift
    set -- "$@" "\${V%.}"
    N=$((N - 1))
  done
fi
TEXT=$1
shift
exec /bin/sh -c "$TEXT" csync2-action "$@"`;

export interface RunActionsOptions {
  readonly config: Config;
  readonly state: StateStore;
  readonly reporter: say.Notes;
  /** Longest run of one command; then it and what it started are ended. @default no limit */
  readonly timeLimitMs?: number;
  /** The program is to end: what runs has the grace, and nothing begins after it. */
  readonly stop?: AbortSignal;
  /** @default {5_000} */
  readonly stopGraceMs?: number;
  /** @default this process's */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Runs everything that is scheduled now, one command after the other. @throws StateError */
export async function runActions(options: RunActionsOptions): Promise<void> {
  await new ActionRunner(options).run();
}

/**
 * Runs scheduled commands of one state, never two at once. In a server, tell it what was scheduled: a
 * row that is scheduled again while its command runs is then run once more, not forgotten.
 */
export class ActionRunner {
  readonly #options: RunActionsOptions;
  readonly #again = new Set<string>();
  /** The grace after `stop` is over. */
  readonly #over = new AbortController();
  #last: Promise<void> = Promise.resolve();

  constructor(options: RunActionsOptions) {
    this.#options = options;
    const { stop, stopGraceMs = GRACE_MS } = options;
    const end = () => Deno.unrefTimer(setTimeout(() => this.#over.abort(), stopGraceMs));
    if (stop?.aborted) end();
    else stop?.addEventListener("abort", end, { once: true });
  }

  /** To be called after the transaction that scheduled them. */
  scheduled(actions: readonly ScheduledAction[]): void {
    for (const action of actions) this.#again.add(keyOf(action));
  }

  /** Runs what is scheduled when earlier calls are through. Rows are deleted after their run. */
  run(): Promise<void> {
    const next = this.#last.then(() => this.#runAll());
    this.#last = next.catch(() => {}); // its caller is told; the next one starts afresh
    return next;
  }

  async #runAll(): Promise<void> {
    const { state, config } = this.#options;
    const groups = Map.groupBy(
      await state.actions(),
      ({ command, logfile }) => `${percentEncode(logfile)} ${percentEncode(command)}`,
    );
    for (const rows of groups.values()) {
      for (const run of runsOf(rows, (name) => resolveName(config, name))) {
        if (this.#over.signal.aborted) return; // the next run begins with the rest
        for (const row of run.rows) this.#again.delete(keyOf(row));
        await this.#runOne(run.rows[0]!, run);
        const settled = run.rows.filter((row) => !this.#again.has(keyOf(row)));
        if (settled.length > 0) await state.transaction((tx) => tx.deleteActions(settled));
      }
    }
  }

  async #runOne(action: ScheduledAction, run: Run): Promise<void> {
    const { reporter, timeLimitMs } = this.#options;
    reporter.note(say.running(run.shown));
    using log = this.#openLog(action);
    let child: Deno.ChildProcess;
    try {
      child = this.#spawn(run, log);
    } catch (error) {
      reporter.note(say.cannotStart(action, messageOf(error)));
      return;
    }
    using watch = new Watch(child, {
      limitMs: timeLimitMs,
      over: this.#over.signal,
      onFailure: (reason) => reporter.note(say.cannotEnd(action, reason)),
    });
    const status = await child.status;
    if (watch.ended === undefined) reporter.note(say.ended(action, status));
    else if (watch.ended === "limit") reporter.note(say.overTime(action, timeLimitMs! / 1_000));
    else reporter.note(say.stopped(action));
  }

  /** A session of its own, `/`, nothing on standard input, and no descriptor but the log (D 7.7.6-7). */
  #spawn({ text, names }: Run, { path }: Log): Deno.ChildProcess {
    const plain = [text, ...names].map(asText).filter((argument) => argument !== undefined);
    const isPlain = plain.length === names.length + 1;
    const passed = isPlain ? plain : [text, ...names].map(escaped);
    return new Deno.Command("/bin/sh", {
      args: ["-c", BOOT, "csync2-action", path, isPlain ? "" : "e", ...passed],
      cwd: "/",
      stdin: "null",
      stdout: "null",
      stderr: "null",
      clearEnv: true,
      env: cleanEnvironment(this.#options.environment ?? Deno.env.toObject()),
      detached: true,
    }).spawn();
  }

  /** No link is followed as the last component (D 7.7.9). Without a log the command runs all the same. */
  #openLog(action: ScheduledAction): Log {
    if (action.logfile === DEV_NULL) return NO_LOG;
    const { logfile } = action;
    try {
      const path = logfile.startsWith("/") ? logfile : `/${logfile}`;
      const file = openAt(path, { flags: LOG_FLAGS, mode: 0o666 });
      return {
        path: `/proc/${Deno.pid}/fd/${file.number}`,
        [Symbol.dispose]: () => file[Symbol.dispose](),
      };
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      this.#options.reporter.note(say.noLogFile(action, error.text));
      return NO_LOG;
    }
  }
}

interface Log extends Disposable {
  /** For the shell; empty when there is none. */
  readonly path: string;
}
const NO_LOG: Log = { path: "", [Symbol.dispose]: () => {} };

function keyOf({ name, command, logfile }: ScheduledAction): string {
  return [name, command, logfile].map(percentEncode).join(" ");
}

interface WatchOptions {
  readonly limitMs: number | undefined;
  readonly over: AbortSignal;
  /** Gets the reason why the child, or what it started, cannot be ended. */
  readonly onFailure: (reason: string) => void;
}

/** Ends a child with its whole session when its time is over. */
class Watch implements Disposable {
  /** Why it was ended. */
  ended: "limit" | "stop" | undefined;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  #force: ReturnType<typeof setTimeout> | undefined;
  readonly #over: AbortSignal;
  readonly #onFailure: (reason: string) => void;
  readonly #onOver = () => this.#end("stop");

  constructor(
    private readonly child: Deno.ChildProcess,
    { limitMs, over, onFailure }: WatchOptions,
  ) {
    this.#onFailure = onFailure;
    if (limitMs !== undefined) this.#timer = setTimeout(() => this.#end("limit"), limitMs);
    this.#over = over;
    if (over.aborted) this.#onOver();
    else over.addEventListener("abort", this.#onOver, { once: true });
  }

  #end(why: "limit" | "stop"): void {
    if (this.ended !== undefined) return;
    this.ended = why;
    this.#signal("SIGTERM");
    this.#force = setTimeout(() => this.#signal("SIGKILL"), GRACE_MS);
  }

  #signal(signal: "SIGTERM" | "SIGKILL"): void {
    try {
      signalGroup(this.child.pid, signal); // detached: its process group has its number
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      this.#onFailure(error.text);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#force);
    this.#over.removeEventListener("abort", this.#onOver);
  }
}

function cleanEnvironment(
  from: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const env: Record<string, string> = { PATH: DEFAULT_PATH, SHELL: "/bin/sh", PWD: "/" };
  for (const name of PASSED_ON) {
    const value = from[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}

/** The byte string as text that encodes to the same bytes, or undefined when it is no UTF-8. */
function asText(bytes: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(toBytes(bytes));
  } catch {
    return undefined;
  }
}

/** For printf's `%b`: everything but letters, digits and blanks as an octal escape. */
function escaped(bytes: string): string {
  return bytes.replace(
    /[^A-Za-z0-9 ]/g,
    (c) => "\\0" + c.charCodeAt(0).toString(8).padStart(3, "0"),
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
