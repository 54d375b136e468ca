/** Is an object still what its record says? (pure; D 3.2, D 3.3, D 3.6) */
import {
  type CheckFields,
  type DbName,
  type Entry,
  type FileRecord,
  type Ignored,
  parseCheckText,
  percentDecode,
  type Present,
  storedCheckText,
  storedSubsecond,
  toSeconds,
  unitOf,
} from "../model/mod.ts";

export interface CheckStepOptions {
  /** Of the object, for a record that it has none of yet. */
  readonly name: DbName;
  /** Unit of new records (`StateStore.timeUnit`). */
  readonly time: "seconds" | "nanos";
  readonly ignored: Ignored;
}

/**
 * What a check found. `record` is to be written; `same` has one when only the record's wording is out
 * of date: another `ignore`, another unit of time, an unknown fraction of a second, an unknown target.
 * `nothing`: neither object nor record, or nobody can tell.
 */
export type CheckStep =
  | { readonly do: "same"; readonly record?: FileRecord }
  | { readonly do: "changed" | "appeared"; readonly record: FileRecord }
  | { readonly do: "vanished" | "nothing"; readonly record?: undefined };

const SAME: CheckStep = { do: "same" };
const VANISHED: CheckStep = { do: "vanished" };
const NOTHING: CheckStep = { do: "nothing" };

/**
 * Compares an object with its record.
 *
 * PERF: called once per object of every check. The common case builds one text and compares it; the
 * record is taken apart only when the texts differ.
 *
 * @param entry `unknown`: it cannot be examined, which never is a removal (D 7.3.1)
 */
export function checkStep(
  entry: Entry | "unknown",
  record: FileRecord | undefined,
  options: CheckStepOptions,
): CheckStep {
  if (entry === "unknown") return NOTHING;
  if (entry.kind === "absent") return record === undefined ? NOTHING : VANISHED;
  const stored = storedCheckText(entry, options);
  const fraction = storedSubsecond(entry, options.time);
  if (record === undefined) {
    return { do: "appeared", record: makeRecord(options.name, stored, fraction) };
  }
  if (stored === record.stored && fraction === record.subsecond) return SAME;
  const fresh = makeRecord(record.name, stored, fraction);
  return { do: isSame(entry, record, fraction) ? "same" : "changed", record: fresh };
}

function makeRecord(name: DbName, stored: string, fraction: number | undefined): FileRecord {
  return fraction === undefined ? { name, stored } : { name, stored, subsecond: fraction };
}

/** Field by field: what only one side has is not compared (D 7.3.11). */
function isSame(entry: Present, record: FileRecord, fraction: number | undefined): boolean {
  const fields = parseCheckText(percentDecode(record.stored));
  if (fields === undefined || fields.type !== entry.kind) return false;
  const { mode, uid, gid } = entry.meta;
  return unlessUnknown(fields.mode, mode) && unlessUnknown(fields.uid, uid >>> 0) &&
    unlessUnknown(fields.gid, gid >>> 0) && isSameTime(entry, fields) &&
    isSameContent(entry, fields) &&
    (fraction === undefined || unlessUnknown(record.subsecond, fraction));
}

function unlessUnknown(known: number | undefined, now: number): boolean {
  return known === undefined || known === now;
}

/**
 * In the unit of the record, which its magnitude tells: a database of 2.1.1 has nanoseconds, one of 2.0
 * seconds, and one that both wrote has both.
 */
function isSameTime({ kind, meta: { mtime } }: Present, { mtime: known }: CheckFields): boolean {
  if (kind === "dir" || kind === "lnk" || known === undefined) return true;
  return known.value === mtime && unitOf(mtime) === "nanos" ||
    known.unit === "seconds" && known.value === toSeconds(mtime) ||
    known.value === mtime;
}

function isSameContent(entry: Present, { size, dev, target }: CheckFields): boolean {
  switch (entry.kind) {
    case "reg":
      return size === BigInt(entry.size);
    case "chr":
    case "blk":
      return dev === entry.rdev >>> 0;
    case "lnk":
      // COMPAT: C programs record links below a prefix with an empty target (D 7.3.4).
      return !target || target === entry.target;
    default:
      return true;
  }
}
