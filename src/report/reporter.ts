/** Events of the journeys. Who prints, counts or shows them is decided in cli. */
import type { DbName, HostName } from "../model/mod.ts";

/** 0: always; n: with n times `-v` (D 4.7). */
export type Level = 0 | 1 | 2 | 3 | 4;

/**
 * Something that happened. Each folder has constructors for its own events (`check/messages.ts`), so
 * that a text exists once; further fields are for the JSON sink.
 */
export interface ReportEvent {
  /** Kebab case: `file-marked`, `conflict`. */
  readonly event: string;
  readonly level: Level;
  /** The line for people, as a byte string without LF: the C program's text where there is one (D 8). */
  readonly text: string;
  /** Whether it counts as an error: exit code 1 and the number in `Finished with %d errors.` */
  readonly isError?: boolean;
  readonly name?: DbName;
  readonly peer?: HostName;
  readonly [field: string]: unknown;
}

/** How far one peer is, for progress lines: amounts since the last call. */
export interface Progress {
  readonly peer: HostName;
  /** Names still to do when known, in absolute terms. */
  readonly total?: number;
  readonly files?: number;
  readonly bytes?: number;
}

export interface Reporter {
  /** Whether anybody listens at this level: ask before building a costly event. */
  wants(level: Level): boolean;
  note(event: ReportEvent): void;
  progress(step: Progress): void;
  /**
   * Line for standard output: lists, `-T` rows, dry-run rows. Byte string without LF.
   *
   * @param row the same in parts, for those who do not read lines
   */
  print(line: string, row?: PrintedRow): void;
  /** Number of events with `isError` so far. */
  readonly errors: number;
  /**
   * For what one of a server's connections does, to be told from the others'; its errors count here
   * too. Without it nobody has to tell them apart.
   */
  ofConnection?(number: number): ConnectionReporter;
}

/** The reporter of one connection, and its closing lines. */
export interface ConnectionReporter extends Reporter {
  finish(): void;
}

/** A line of a list in parts. */
export interface PrintedRow {
  /** Kebab case: what kind of line it is. */
  readonly event: string;
  readonly [field: string]: string | boolean;
}

/** Keeps everything: for tests. */
export class MemoryReporter implements Reporter {
  readonly events: ReportEvent[] = [];
  readonly printed: string[] = [];
  readonly rows: (PrintedRow | undefined)[] = [];
  readonly steps: Progress[] = [];
  wants(): boolean {
    return true;
  }
  note(event: ReportEvent): void {
    this.events.push(event);
  }
  progress(step: Progress): void {
    this.steps.push(step);
  }
  print(line: string, row?: PrintedRow): void {
    this.printed.push(line);
    this.rows.push(row);
  }
  get errors(): number {
    return this.events.filter((e) => e.isError).length;
  }
}
