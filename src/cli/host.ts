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
  /** Aborted by the first SIGTERM or SIGINT after `endGently`: finish what is in hand. */
  readonly signal: AbortSignal;
  /**
   * From now on the first signal only asks; called once. Before, a signal ends the process at once,
   * which the state survives (D 7.5.4).
   */
  endGently(): void;
}
