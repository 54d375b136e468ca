/** Records as rows of LIST, for those who go through all of them. */
import { setImmediate } from "node:timers/promises";
import { type DbName, type FileRecord, percentEncode, storedInUnit } from "../model/mod.ts";
import { listedText, nameOf } from "./rows.ts";
import type { NameRange, StateStore } from "./store.ts";

export interface ListedOptions {
  /** @default everything */
  readonly range?: NameRange | undefined;
  /** Of times (W 18.4). */
  readonly unit: "seconds" | "nanos";
  /** Whether a name is one of those that are meant. */
  readonly includes: (name: DbName) => boolean;
}

/** Percent-encoded. */
export interface ListedRecord {
  /** The name. */
  readonly key: string;
  /** The check text, with its time in the unit. */
  readonly stored: string;
}

/**
 * PERF: some 4 ms. A database in the process answers at once, so that without turns nothing would be
 * sent or received meanwhile, and two hosts would read one after the other; a turn costs microseconds.
 */
const TURN_ROWS = 2_000;

/** Ascending by key; a batch may be empty. Others have their turn now and then. */
export async function* listed(
  state: StateStore,
  { range, ...options }: ListedOptions,
): AsyncGenerator<readonly ListedRecord[]> {
  // PERF: 1.2 us per row, 1.7 us with a record for each in between.
  const pages = state.storedRecords?.(range);
  if (pages === undefined) {
    const records = withTurns(state.records("ascending", range), TURN_ROWS);
    for await (const batch of records) yield ofRecords(batch, options);
  } else {
    for await (const texts of withTurns(pages, 2 * TURN_ROWS)) yield ofTexts(texts, options);
  }
}

async function* withTurns<T>(
  batches: AsyncIterable<readonly T[]>,
  most: number,
): AsyncGenerator<readonly T[]> {
  let count = 0;
  for await (const batch of batches) {
    yield batch;
    count += batch.length;
    if (count < most) continue;
    count = 0;
    await setImmediate();
  }
}

type RowOptions = Omit<ListedOptions, "range">;

function ofRecords(
  records: readonly FileRecord[],
  { unit, includes }: RowOptions,
): ListedRecord[] {
  return records.filter(({ name }) => includes(name))
    .map((record) => ({ key: percentEncode(record.name), stored: storedInUnit(record, unit) }));
}

function ofTexts(texts: readonly string[], { unit, includes }: RowOptions): ListedRecord[] {
  const rows: ListedRecord[] = [];
  for (let at = 0; at + 1 < texts.length; at += 2) {
    const name = nameOf(texts[at]!);
    if (name === undefined || !includes(name)) continue;
    const key = keyOf(texts[at]!, name);
    rows.push({ key, stored: listedText(name, texts[at + 1]!, unit) });
  }
  return rows;
}

/** What percentEncode makes of names without anything to encode behind their prefix. */
const USUAL_KEY_REGEXP = /^%25[^\x01-\x20\x7f"'%$:|\\]+%25[^\x01-\x20\x7f"'%$:|\\]*$/;

/** PERF: nearly always it is what the database has, which a program may have written in another way. */
function keyOf(stored: string, name: DbName): string {
  return USUAL_KEY_REGEXP.test(stored) ? stored : percentEncode(name);
}
