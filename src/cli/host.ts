/** What the process gives to the program; tests give something else. */
import type { LineWriter } from "./output.ts";

export interface Host {
  /** Byte strings, without the program's name. */
  readonly args: readonly string[];
  env(name: string): string | undefined;
  readonly stdout: LineWriter;
  readonly stderr: LineWriter;
  /** Whether a person watches standard error. */
  readonly isTerminal: boolean;
  columns(): number;
  now(): Date;
  /** Number of the process. */
  readonly pid: number;
  /** Aborted by the first SIGTERM or SIGINT: finish what is in hand. */
  readonly signal: AbortSignal;
}
