/** Rows of SQLite, read as texts and numbers, as byte strings (pure). */
import { fromBytes, utf8Bytes } from "../model/mod.ts";

/** What the driver makes of a column. */
export type Value = string | number | bigint | null | Uint8Array;

const NON_ASCII_REGEXP = /[^\x00-\x7f]/;
/** What the driver writes for bytes that are no UTF-8. */
const REPLACED = "\ufffd";

/**
 * Rows as byte strings, in place. The last column is how many bytes the texts of the row have: the driver
 * cuts texts at NUL, and replaces what is no UTF-8.
 *
 * PERF: a third of the time that a blob for each column takes.
 *
 * @returns undefined when a text is not the one that is stored
 */
export function asStored(rows: Value[][]): string[][] | undefined {
  for (let n = 0; n < rows.length; n++) {
    const row = rows[n]!, last = row.length - 1;
    let bytes = 0;
    for (let at = 0; at < last; at++) {
      const value = row[at];
      if (typeof value === "string") {
        const text = NON_ASCII_REGEXP.test(value) ? bytesOf(value) : value;
        if (text === undefined) return undefined;
        if (text !== value) row[at] = text;
        bytes += text.length;
      } else if (typeof value === "number") {
        if (!Number.isInteger(value)) return undefined;
        row[at] = String(value);
      } else if (value instanceof Uint8Array) {
        row[at] = fromBytes(value);
        bytes += value.length;
      } else if (value === null) {
        row[at] = "";
      } else return undefined;
    }
    if (row[last] !== bytes) return undefined;
    row.length = last;
  }
  return rows as string[][];
}

function bytesOf(text: string): string | undefined {
  return text.includes(REPLACED) ? undefined : utf8Bytes(text);
}
