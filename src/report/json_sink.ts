/** Events as JSON lines, for programs that read us. */
import { type HostName, show, utf8Bytes } from "../model/mod.ts";
import type { ConnectionReporter, Level, PrintedRow, Progress, ReportEvent } from "./reporter.ts";

export interface JsonSinkOptions {
  /** Takes one JSON document without LF. */
  readonly output: (line: string) => void;
  /** Events above this level are left out. */
  readonly level: Level;
  /** Milliseconds. */
  readonly now: () => number;
}

/** What one peer got so far. */
interface Served {
  readonly startedMs: number;
  lastMs: number;
  files: number;
  bytes: number;
}

/**
 * One object per event, with all its fields; a line of a list has its parts, any other `print`ed line is
 * `{"event":"line","text":...}`.
 *
 * Byte strings become UTF-8 text. One that is no UTF-8 has U+FFFD in place of the bytes that are none, and
 * beside it, with `Hex` added to the field's name, all its bytes in hexadecimal: nothing is lost (D 7.4.9).
 */
export class JsonSink implements ConnectionReporter {
  #errors = 0;
  readonly #served = new Map<HostName, Served>();

  constructor(
    private readonly options: JsonSinkOptions,
    private readonly connection?: { readonly number: number; readonly onError: () => void },
  ) {}

  get errors(): number {
    return this.#errors;
  }

  wants(level: Level): boolean {
    return level <= this.options.level;
  }

  note(event: ReportEvent): void {
    if (event.isError) this.#countError();
    if (event.level > this.options.level) return;
    this.#write(
      this.connection === undefined ? event : { ...event, connection: this.connection.number },
    );
  }

  #countError(): void {
    this.#errors++;
    this.connection?.onError();
  }

  progress({ peer, files = 0, bytes = 0 }: Progress): void {
    const now = this.options.now();
    const served = this.#served.get(peer) ?? { startedMs: now, lastMs: now, files: 0, bytes: 0 };
    served.lastMs = now;
    served.files += files;
    served.bytes += bytes;
    this.#served.set(peer, served);
  }

  print(line: string, row?: PrintedRow): void {
    this.#write(row ?? { event: "line", text: line });
  }

  ofConnection(number: number): JsonSink {
    return new JsonSink(this.options, { number, onError: () => this.#countError() });
  }

  /** The closing objects of a run: one for each peer that was served, and the number of errors. */
  finish(): void {
    for (const [peer, { startedMs, lastMs, files, bytes }] of this.#served) {
      const milliseconds = Math.round(lastMs - startedMs);
      this.#write({ event: "peer-done", peer, files, bytes, milliseconds });
    }
    const errors = this.#errors;
    if (this.connection === undefined) this.#write({ event: "finished", errors });
    else this.#write({ event: "connection-closed", connection: this.connection.number, errors });
  }

  #write(fields: Readonly<Record<string, unknown>>): void {
    const shown = Object.entries(fields).flatMap(([field, value]) => {
      const text = shownWithin(value);
      return typeof value !== "string" || utf8Bytes(show(value)) === value
        ? [[field, text]]
        : [[field, text], [`${field}Hex`, hex(value)]];
    });
    this.options.output(JSON.stringify(Object.fromEntries(shown)));
  }
}

/** The value as JSON has it: text for byte strings, digits for what exceeds a double. */
function shownWithin(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(
      value,
      (_key, part) =>
        typeof part === "bigint" ? part.toString() : typeof part === "string" ? show(part) : part,
    ) ?? "null",
  );
}

function hex(bytes: string): string {
  return Array.from(bytes, (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
