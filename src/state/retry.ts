/** Waiting for a busy database without blocking the event loop. */
import { type MaybePromise, SqlError } from "./sql_connection.ts";
import { BUSY_TEXT, StateError } from "./state_error.ts";

/** First pause between two attempts; pauses double up to the longest one. */
const FIRST_PAUSE_MS = 1;
/** Longest pause: a waiter must find the gap between two transactions of a busy process. */
const LONGEST_PAUSE_MS = 16;
const NOTE_EVERY_MS = 1_000;

export interface BusyRetryOptions {
  /** How long to wait altogether before giving up. */
  readonly timeoutMs: number;
  /** Called when waiting begins and once for every further second of it. */
  readonly onBusy?: (() => void) | undefined;
}

/**
 * Does `attempt` again and again until the database is not busy.
 *
 * @throws StateError `state/busy` after the time-out, `state/broken` for any other failure
 */
export async function retryBusy<T>(
  attempt: () => MaybePromise<T>,
  { timeoutMs, onBusy }: BusyRetryOptions,
): Promise<T> {
  const start = performance.now();
  let nextNote = start;
  for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await attempt();
    } catch (error) {
      const now = performance.now();
      if (!isBusy(error) || now - start >= timeoutMs) throw asStateError(error);
      if (now >= nextNote) {
        onBusy?.();
        nextNote = now + NOTE_EVERY_MS;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

export function isBusy(error: unknown): boolean {
  return error instanceof SqlError && (error.kind === "busy" || error.kind === "away");
}

/** SqlError -> StateError; everything else stays what it is. */
export function asStateError(error: unknown): unknown {
  if (!(error instanceof SqlError)) return error;
  return error.kind === "busy"
    ? new StateError("state/busy", { message: BUSY_TEXT, cause: error })
    : new StateError(error.kind === "away" ? "state/open" : "state/broken", {
      message: error.message,
      cause: error,
    });
}
