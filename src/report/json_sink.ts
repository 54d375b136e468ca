/** Events as JSON lines, for programs that read us. */
import { show } from "../model/mod.ts";
import type { Level, Progress, Reporter, ReportEvent } from "./reporter.ts";

export interface JsonSinkOptions {
  /** Takes one JSON document without LF. */
  readonly output: (line: string) => void;
  /** Events above this level are left out. */
  readonly level: Level;
}

/**
 * One object per event, with all its fields; `print`ed lines are `{"event":"line","text":...}`. Byte
 * strings become UTF-8 text; bytes that are no UTF-8 become U+FFFD.
 */
export class JsonSink implements Reporter {
  #errors = 0;

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

  progress(_step: Progress): void {}

  print(line: string): void {
    this.#write({ event: "line", text: line });
  }

  /** The closing object of a run. */
  finish(): void {
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
