/** Check texts as the database and LIST have them: the unit of their time. */
import { percentDecode, percentEncode } from "./percent.ts";
import type { FileRecord } from "./records.ts";
import { fromEitherUnit, fromSeconds, toSeconds, unitOf } from "./time.ts";

const TIME_START = "v1%3Amtime=";
const STORED_MTIME_REGEXP = /^v1%3Amtime=(-?\d{1,19})(?=%3A)/;
/** What no row may contain, whoever wrote it into the database. */
const CONTROL_REGEXP = /[\0-\x20\x7f]/;
const SECONDS_REGEXP = /^[1-9]\d{0,10}$/;
const FRACTION_DIGITS = 9;

/**
 * The text of a record, still encoded, with its time in the given unit (W 18.4). A fraction of a second
 * that is not known is written as zeros.
 */
export function storedInUnit(record: FileRecord, unit: "seconds" | "nanos"): string {
  const stored = CONTROL_REGEXP.test(record.stored)
    ? percentEncode(percentDecode(record.stored))
    : record.stored;
  if (!stored.startsWith(TIME_START)) return stored;
  const end = stored.indexOf("%", TIME_START.length);
  const digits = stored.slice(TIME_START.length, end);
  // PERF: nearly all times are seconds after 1970, and digits are all it takes.
  const isUsual = SECONDS_REGEXP.test(digits) && stored.startsWith("%3A", end);
  if (!isUsual) return convertTime({ ...record, stored }, unit);
  if (unit === "seconds") return stored;
  const fraction = String(record.subsecond ?? 0).padStart(FRACTION_DIGITS, "0");
  return TIME_START + digits + fraction + stored.slice(end);
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
