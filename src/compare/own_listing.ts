/** Our own records of one pair, as the peer would list its own. */
import { type Config, groupMatches } from "../config/mod.ts";
import { type DbName, percentEncode, storedInUnit } from "../model/mod.ts";
import type { ListedRow } from "../protocol/mod.ts";
import type { StateStore } from "../state/mod.ts";
import type { Pair } from "./messages.ts";

export interface OwnListingOptions {
  readonly config: Config;
  readonly state: StateStore;
  readonly pair: Pair;
  /** One name instead of all. */
  readonly only?: DbName | undefined;
  /** What the peer counts in: our fractions of a second are of use only to one that has them too. */
  readonly unit: "seconds" | "nanos";
}

/** Ascending by key, like LIST; a batch may be empty. */
export async function* ownListing(
  options: OwnListingOptions,
): AsyncGenerator<readonly ListedRow[]> {
  const { config, state, pair: { myName, peer }, only, unit } = options;
  const groups = config.groups.filter((group) =>
    group.myName === myName && group.peers.some(({ name }) => name === peer)
  );
  const range = only === undefined ? undefined : { name: only, below: false };
  for await (const records of state.records("ascending", range)) {
    const listed: ListedRow[] = [];
    for (const record of records) {
      if (!groups.some((group) => groupMatches(group, record.name))) continue;
      const isFull = unit === "nanos" && record.subsecond !== undefined;
      const stored = isFull ? storedInUnit(record, "nanos") : record.stored;
      listed.push({ key: percentEncode(record.name), stored });
    }
    yield listed;
  }
}
