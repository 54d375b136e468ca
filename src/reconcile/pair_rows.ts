/** Records -> rows of the listing of one pair: the same on both sides, so that they can be compared. */
import { type Config, type Group, groupMatches } from "../config/mod.ts";
import { type FileRecord, percentEncode, storedInUnit } from "../model/mod.ts";
import type { ListingRow } from "./listing_diff.ts";

export interface PairGroupsOptions {
  readonly myName: string;
  readonly peer: string;
  /** Further condition. */
  readonly knowsKey?: (key: string) => boolean;
}

/** The groups of a pair. A slave of them counts: it has the files. */
export function pairGroups(
  config: Config,
  { myName, peer, knowsKey = () => true }: PairGroupsOptions,
): readonly Group[] {
  return config.groups.filter((group) =>
    group.myName === myName && group.peers.some(({ name }) => name === peer) && knowsKey(group.key)
  );
}

export interface PairRowsOptions {
  readonly groups: readonly Group[];
  /** Of times (W 18.4). */
  readonly unit: "seconds" | "nanos";
}

/** Those of the records that one of the groups includes, in their order. */
export function pairRows(
  records: readonly FileRecord[],
  { groups, unit }: PairRowsOptions,
): ListingRow[] {
  const rows: ListingRow[] = [];
  for (const record of records) {
    if (!isIn(groups, record)) continue;
    rows.push({ key: percentEncode(record.name), stored: storedInUnit(record, unit) });
  }
  return rows;
}

function isIn(groups: readonly Group[], { name }: FileRecord): boolean {
  for (const group of groups) if (groupMatches(group, name)) return true;
  return false;
}
