/** Events as JSON lines, for programs that read us. */
import { type HostName, show } from "../model/mod.ts";
import type { Level, Progress, Reporter, ReportEvent } from "./reporter.ts";

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
 * One object per event, with all its fields; `print`ed lines are `{"event":"line","text":...}`. Byte
 * strings become UTF-8 text; bytes that are no UTF-8 become U+FFFD.
 */
export class JsonSink implements Reporter {
  #errors = 0;
  readonly #served = new Map<HostName, Served>();

  constructor(private readonly options: JsonSinkOptions) {}

  get errors(): number {
    return this.#errors;
  }

  wants(level: Level): boolean {
    return level <= this.options.level;
  }

  note(event: ReportEvent): void {
    if (event.isError) this.#errors++;
    if (event.level <= this.options.level) this.#write(event);
  }

  progress({ peer, files = 0, bytes = 0 }: Progress): void {
    const now = this.options.now();
    const served = this.#served.get(peer) ?? { startedMs: now, lastMs: now, files: 0, bytes: 0 };
    served.lastMs = now;
    served.files += files;
    served.bytes += bytes;
    this.#served.set(peer, served);
  }

  print(line: string): void {
    this.#write({ event: "line", text: line });
  }

  /** The closing objects of a run: one for each peer that was served, and the number of errors. */
  finish(): void {
    for (const [peer, { startedMs, lastMs, files, bytes }] of this.#served) {
      const milliseconds = Math.round(lastMs - startedMs);
      this.#write({ event: "peer-done", peer, files, bytes, milliseconds });
    }
    this.#write({ event: "finished", errors: this.#errors });
  }

  #write(fields: Record<string, unknown>): void {
    this.options.output(
      JSON.stringify(
        fields,
        (_key, value) =>
          typeof value === "bigint"
            ? value.toString()
            : typeof value === "string"
            ? show(value)
            : value,
      ),
    );
  }
}
