/** Check texts as the database and LIST have them: the unit of their time. */
import { percentDecode, percentEncode } from "./percent.ts";
import type { FileRecord } from "./records.ts";
import { fromEitherUnit, fromSeconds, toSeconds, unitOf } from "./time.ts";

const TIME_START = "v1%3Amtime=";
const STORED_MTIME_REGEXP = /^v1%3Amtime=(-?\d{1,19})(?=%3A)/;
/** What no row may contain, whoever wrote it into the database. */
const CONTROL_REGEXP = /[\0-\x20\x7f]/;
const FRACTION_DIGITS = 9;
const SECONDS_DIGITS_MAX = 11;
const ZERO = 0x30, NINE = 0x39;

/**
 * The text of a record, still encoded, with its time in the given unit (W 18.4). A fraction of a second
 * that is not known is written as zeros.
 */
export function storedInUnit(record: FileRecord, unit: "seconds" | "nanos"): string {
  const stored = CONTROL_REGEXP.test(record.stored)
    ? percentEncode(percentDecode(record.stored))
    : record.stored;
  if (!stored.startsWith(TIME_START)) return stored;
  // PERF: nearly all times are seconds after 1970, and digits are all it takes.
  const end = endOfSeconds(stored);
  if (end === undefined) return convertTime({ ...record, stored }, unit);
  if (unit === "seconds") return stored;
  const fraction = String(record.subsecond ?? 0).padStart(FRACTION_DIGITS, "0");
  return stored.slice(0, end) + fraction + stored.slice(end);
}

/** Where the time of a stored text ends when it is in seconds without any doubt. */
export function endOfSeconds(stored: string): number | undefined {
  const from = TIME_START.length, most = from + SECONDS_DIGITS_MAX;
  if (!stored.startsWith(TIME_START) || stored.charCodeAt(from) === ZERO) return undefined;
  let at = from;
  for (; at < most; at++) {
    const code = stored.charCodeAt(at);
    if (!(code >= ZERO && code <= NINE)) break;
  }
  return at > from && stored.startsWith("%3A", at) ? at : undefined;
}

function convertTime({ stored, subsecond }: FileRecord, unit: "seconds" | "nanos"): string {
  return stored.replace(STORED_MTIME_REGEXP, (all, digits: string) => {
    const value = BigInt(digits);
    if (unitOf(value) === unit) return all;
    const time = unit === "seconds"
      ? toSeconds(fromEitherUnit(value))
      : fromSeconds(value) + BigInt(subsecond ?? 0);
    return TIME_START + time;
  });
}
