/** Events as the lines that the C programs print (D 4.7, D 8). */
import type { ConnectionReporter, Level, Progress, ReportEvent } from "./reporter.ts";

export interface TextSinkOptions {
  /** Number of `-v`. */
  readonly verbosity: number;
  /** Takes one message with its level: standard error, or syslog with `-l`. No LF. */
  readonly message: (level: Level, line: string) => void;
  /** Takes one line of standard output. No LF. */
  readonly output: (line: string) => void;
  /** `-O`: takes every message of every level. */
  readonly fullLog?: (line: string) => void;
  /** `-t` and `-s`: called before every message, to print a time stamp when the last one is old. */
  readonly beforeMessage?: () => void;
  /** `-t`: put in front of every message, for example `[12:00:00] `. */
  readonly prefix?: () => string;
  /** Progress of the peers, for a terminal. */
  readonly onProgress?: (step: Progress) => void;
  /** Before the closing lines. */
  readonly onFinish?: () => void;
  /** Messages of a connection begin with its number, `<3> `, as with the process of a C server. */
  readonly marksConnections?: boolean;
  /** A connection begins; what is returned is called after its closing lines. */
  readonly onConnection?: (number: number) => () => void;
}

/** The connection whose messages a sink shows, among those of a server. */
interface Connection {
  readonly number: number;
  readonly onError: () => void;
  readonly onEnd: (() => void) | undefined;
}

/** Control characters but the line feed. */
const CONTROL_REGEXP = /[\x00-\x09\x0b-\x1f\x7f]/g;

/** A name, which anybody may have chosen, can neither steer a terminal nor look like a line of ours. */
function harmless({ text, name }: ReportEvent): string {
  const plain = text.replace(CONTROL_REGEXP, "?");
  return name === undefined ? plain : plain.replaceAll("\n", "?");
}

/** Filters by level, counts errors, and remembers whether anything was said. */
export class TextSink implements ConnectionReporter {
  #errors = 0;
  #said = false;
  readonly #options: TextSinkOptions;
  readonly #connection: Connection | undefined;

  constructor(options: TextSinkOptions, connection?: Connection) {
    this.#options = options;
    this.#connection = connection;
  }

  get errors(): number {
    return this.#errors;
  }

  wants(level: Level): boolean {
    return level <= this.#options.verbosity || this.#options.fullLog !== undefined;
  }

  note(event: ReportEvent): void {
    if (event.isError) this.#countError();
    const { fullLog, verbosity, beforeMessage, marksConnections = false, message } = this.#options;
    const text = harmless(event);
    const mark = this.#connection === undefined ? "" : `<${this.#connection.number}> `;
    fullLog?.(mark + text);
    if (event.level > verbosity) return;
    this.#said = true;
    beforeMessage?.();
    const prefix = (this.#options.prefix?.() ?? "") + (marksConnections ? mark : "");
    for (const line of text.split("\n")) message(event.level, prefix + line);
  }

  #countError(): void {
    this.#errors++;
    this.#connection?.onError();
  }

  ofConnection(number: number): TextSink {
    const onEnd = this.#options.onConnection?.(number);
    return new TextSink(this.#options, { number, onEnd, onError: () => this.#countError() });
  }

  progress(step: Progress): void {
    this.#options.onProgress?.(step);
  }

  print(line: string): void {
    this.#options.output(line);
  }

  /** The closing lines of every run, and of every connection of a server (D 4.3). */
  finish(): void {
    this.#options.onFinish?.();
    this.note({ event: "closed", level: 1, text: "Connection closed." });
    if (this.#errors > 0 || (this.#said && this.#options.verbosity > 0)) {
      this.note({
        event: "finished",
        level: 0,
        text: `Finished with ${this.#errors} errors.`,
        errors: this.#errors,
      });
    }
    this.#connection?.onEnd?.();
  }
}
