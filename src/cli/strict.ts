/** `--strict`: what the C programs only warn of, or say at `-vv`, is an error (D 7.4.7). */
import type {
  ConnectionReporter,
  Level,
  PrintedRow,
  Progress,
  ReportEvent,
} from "../report/mod.ts";
import type { Invocation } from "./args.ts";

/** Hands everything on, with some of the events made errors; each failure counts once. */
export class StrictReporter implements ConnectionReporter {
  readonly #errors: ReadonlySet<string>;

  constructor(
    private readonly inner: ConnectionReporter,
    { mode, recursive }: Pick<Invocation, "mode" | "recursive">,
  ) {
    // A single name that cannot be marked is told as such in any case; the warning would be the second.
    const lost = mode === "mark" && !recursive ? "file-in-no-group" : "useless-argument";
    this.#errors = new Set([lost, "undefined-prefix"]);
  }

  /** What becomes an error is told at any level. */
  wants(level: Level): boolean {
    return this.inner.wants(level) || this.#errors.has("file-in-no-group");
  }

  note(event: ReportEvent): void {
    const isError = this.#errors.has(event.event);
    this.inner.note(isError ? { ...event, level: 0, isError } : event);
  }

  progress(step: Progress): void {
    this.inner.progress(step);
  }

  print(line: string, row?: PrintedRow): void {
    this.inner.print(line, row);
  }

  get errors(): number {
    return this.inner.errors;
  }

  finish(): void {
    this.inner.finish();
  }
}
