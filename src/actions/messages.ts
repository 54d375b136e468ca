/** What actions say. */
import type { ScheduledAction } from "../model/mod.ts";

/** The part of report's ReportEvent and Reporter that is needed here: report is not in our row. */
export type ActionEvent = {
  readonly event: string;
  readonly level: 0 | 1 | 2;
  readonly text: string;
};
export interface Notes {
  note(event: ActionEvent): void;
}

export function running(text: string): ActionEvent {
  return { event: "action-running", level: 1, text: `Running '${text}' ...` };
}

/** A failure is always told, but is no error of ours: the exit code stays what it is (D 7.7.4). */
export function ended(
  { command }: ScheduledAction,
  { code, signal }: { code: number; signal: string | null },
): ActionEvent {
  const how = signal === null ? `exit status ${code}` : `signal ${signal}`;
  return { event: "action-ended", level: code === 0 ? 2 : 0, text: `'${command}' ended: ${how}` };
}

export function overTime({ command }: ScheduledAction, seconds: number): ActionEvent {
  return {
    event: "action-over-time",
    level: 0,
    text: `'${command}' was ended: it ran for more than ${seconds} s`,
  };
}

export function stopped({ command }: ScheduledAction): ActionEvent {
  return {
    event: "action-stopped",
    level: 0,
    text: `'${command}' was ended: the program ends, and it did not within the grace`,
  };
}

export function cannotEnd({ command }: ScheduledAction, reason: string): ActionEvent {
  return {
    event: "action-not-ended",
    level: 0,
    text: `Cannot end '${command}', which runs for too long: ${reason}`,
  };
}

export function noLogFile({ command, logfile }: ScheduledAction, reason: string): ActionEvent {
  return {
    event: "action-log-file",
    level: 0,
    text: `Cannot open the log file "${logfile}" of '${command}': ${reason}`,
  };
}

export function cannotStart({ command }: ScheduledAction, reason: string): ActionEvent {
  return {
    event: "action-not-started",
    level: 0,
    text: `Cannot run '${command}': ${reason}`,
  };
}
