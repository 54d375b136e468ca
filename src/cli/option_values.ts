/** Values of options: a text of the command line -> what it stands for, or a UsageError. */
import type { Durability } from "../apply/mod.ts";
import { parseRemovalLimit, type RemovalLimit } from "../reconcile/mod.ts";
import { UsageError } from "./usage_error.ts";

const DURABILITIES: readonly Durability[] = ["none", "batch", "file"];
const RATE_REGEXP = /^([1-9]\d{0,11})([KMG]?)$/i;
const RATE_UNITS = ["", "K", "M", "G"];
/** LIMIT: less would be a minute for each of the smallest files. */
const RATE_MIN_BYTES = 1_024;

export function removalLimit(text: string | undefined): RemovalLimit | undefined {
  if (text === undefined) return undefined;
  const limit = parseRemovalLimit(text);
  if (limit !== undefined) return limit;
  throw new UsageError(
    `csync2: --max-removals needs a number of names, or a percentage like 10% up to 100%, not '${text}'`,
  );
}

export function actionLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,5}$/.test(text)) {
    throw new UsageError(
      `csync2: --action-limit needs a number of seconds from 1 to 999999, not '${text}'`,
    );
  }
  return Number(text) * 1_000;
}

export function jobCount(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,3}$/.test(text)) {
    throw new UsageError(`csync2: -j needs a number from 1 to 9999, not '${text}'`);
  }
  return Number(text);
}

export function durabilityOf(text: string | undefined): Durability | undefined {
  if (text === undefined) return undefined;
  const found = DURABILITIES.find((one) => one === text);
  if (found !== undefined) return found;
  throw new UsageError(`csync2: --durability needs none, batch or file, not '${text}'`);
}

/** Bytes per second; K, M and G are powers of 1,024. */
export function rateOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, digits = "", unit = ""] = RATE_REGEXP.exec(text) ?? [];
  const rate = Number(digits) * 1_024 ** RATE_UNITS.indexOf(unit.toUpperCase());
  if (rate >= RATE_MIN_BYTES && Number.isSafeInteger(rate)) return rate;
  throw new UsageError(
    `csync2: --bwlimit needs a number of bytes per second from ${RATE_MIN_BYTES}, like 500K, 20M or 1G,` +
      ` not '${text}'`,
  );
}
