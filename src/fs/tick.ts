/** The kernel's clock for files, which stands still between two ticks. */
import type { Fingerprint } from "../model/mod.ts";

/** Longest time that it stands still (100 Hz), doubled. */
const TICK_MS = 20;

/**
 * Waits until the next write is sure to leave another time behind. Two writes within one tick of the
 * kernel's clock cannot be told apart afterwards, so what is read in the tick of the last write may be
 * a mixture that looks unchanged.
 */
export async function tickIsOver(fingerprint: Fingerprint, nowMs = Date.now()): Promise<void> {
  if (isWithinTick(fingerprint, nowMs)) await new Promise((go) => setTimeout(go, TICK_MS));
}

/** Whether the last write may not be the last one that shows this time. */
export function isWithinTick({ ctime }: Fingerprint, nowMs = Date.now()): boolean {
  return Math.abs(nowMs - Number(ctime / 1_000_000n)) < TICK_MS;
}
