/** Two sinks for the same events. */
import type { ConnectionReporter, Level, PrintedRow, Progress, ReportEvent } from "./reporter.ts";

/** Tells everything to both; the errors are those of the first, which counts the same. */
export class Tee implements ConnectionReporter {
  constructor(
    private readonly first: ConnectionReporter,
    private readonly second: ConnectionReporter,
  ) {}

  get errors(): number {
    return this.first.errors;
  }

  wants(level: Level): boolean {
    return this.first.wants(level) || this.second.wants(level);
  }

  note(event: ReportEvent): void {
    this.first.note(event);
    this.second.note(event);
  }

  progress(step: Progress): void {
    this.first.progress(step);
    this.second.progress(step);
  }

  print(line: string, row?: PrintedRow): void {
    this.first.print(line, row);
    this.second.print(line, row);
  }

  ofConnection(number: number): ConnectionReporter {
    const ofConnection = (one: ConnectionReporter) => one.ofConnection?.(number) ?? one;
    return new Tee(ofConnection(this.first), ofConnection(this.second));
  }

  finish(): void {
    this.first.finish();
    this.second.finish();
  }
}
