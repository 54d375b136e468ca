/** Times with their unit in the type, and the only conversions between units. */
import type { Brand } from "./brand.ts";

/** Nanoseconds since the epoch; negative before 1970. */
export type Nanos = Brand<bigint, "Nanos">;
/** Whole seconds since the epoch, rounded down. */
export type Seconds = Brand<bigint, "Seconds">;
/** Milliseconds, for deadlines and pauses. */
export type Millis = Brand<number, "Millis">;

export const NANOS_PER_SECOND = 1_000_000_000n;
/** From here on a bare number is nanoseconds, below it seconds (W 18.4). */
const NANOS_FROM = 100_000_000_000n;

export function nanos(n: bigint): Nanos {
  return n as Nanos;
}

/**
 * Rounds down, also before 1970: that is what `st_mtime` shows (D 3.6).
 *
 * PERF: one division for nearly all times; a check asks for every file.
 */
export function toSeconds(time: Nanos): Seconds {
  const seconds = time / NANOS_PER_SECOND;
  const isRoundedUp = time < 0n && time % NANOS_PER_SECOND !== 0n;
  return (isRoundedUp ? seconds - 1n : seconds) as Seconds;
}

export function fromSeconds(seconds: bigint): Nanos {
  return (seconds * NANOS_PER_SECOND) as Nanos;
}

/** Which unit a number without one is in, by its magnitude: `|v| >= 10^11` is nanoseconds (W 18.4). */
export function unitOf(value: bigint): "seconds" | "nanos" {
  return value >= NANOS_FROM || value <= -NANOS_FROM ? "nanos" : "seconds";
}

/** A time of a peer whose unit is told by its magnitude. */
export function fromEitherUnit(value: bigint): Nanos {
  return unitOf(value) === "nanos" ? nanos(value) : fromSeconds(value);
}
