/** In which order marks are sent (pure; W 15.1). */
import { byteOrder, type DirtyRow, percentEncode } from "../model/mod.ts";

/** A row, and whether its object is gone here (or lies behind a symbolic link). */
export interface PlannedRow {
  readonly row: DirtyRow;
  readonly isRemoval: boolean;
}

/** Removals descending, contents before their directory; then the rest ascending, parents first. */
export function pushOrder<T extends PlannedRow>(rows: readonly T[]): T[] {
  // Encoded once, not once per comparison: a push may have a million rows.
  const keyed = rows.map((planned) => ({ planned, key: percentEncode(planned.row.name) }));
  keyed.sort((a, b) => {
    if (a.planned.isRemoval !== b.planned.isRemoval) return a.planned.isRemoval ? -1 : 1;
    return a.planned.isRemoval ? byteOrder(b.key, a.key) : byteOrder(a.key, b.key);
  });
  return keyed.map(({ planned }) => planned);
}
