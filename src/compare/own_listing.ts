/** Our own records of one pair, as the peer would list its own. */
import type { Config } from "../config/mod.ts";
import type { ListedRow } from "../protocol/mod.ts";
import { namesOf, pairGroups } from "../reconcile/mod.ts";
import { listed, type NameRange, type StateStore } from "../state/mod.ts";
import type { Pair } from "./messages.ts";

export interface OwnListingOptions {
  readonly config: Config;
  readonly state: StateStore;
  readonly pair: Pair;
  /** @default everything */
  readonly range?: NameRange | undefined;
  /** What the peer counts in: our fractions of a second are of use only to one that has them too. */
  readonly unit: "seconds" | "nanos";
}

/** Ascending by key, like LIST; a batch may be empty. */
export function ownListing(
  { config, state, pair, range, unit }: OwnListingOptions,
): AsyncIterable<readonly ListedRow[]> {
  return listed(state, { range, unit, includes: namesOf(pairGroups(config, pair)) });
}
