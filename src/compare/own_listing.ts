/** Our own records of one pair, as the peer would list its own. */
import { type Config, inPair } from "../config/mod.ts";
import { type DbName, percentDecode } from "../model/mod.ts";
import type { ListedRow } from "../protocol/mod.ts";
import type { StateStore } from "../state/mod.ts";
import type { Pair } from "./messages.ts";

export interface OwnListingOptions {
  readonly config: Config;
  readonly state: StateStore;
  readonly pair: Pair;
  /** One name instead of all. */
  readonly only?: DbName | undefined;
}

/** Ascending by encoded name, like LIST. */
export async function* ownListing(options: OwnListingOptions): AsyncGenerator<ListedRow> {
  const { config, state, pair: { myName, peer }, only } = options;
  const range = only === undefined ? undefined : { name: only, below: false };
  for await (const rows of state.records("ascending", range)) {
    for (const { name, stored } of rows) {
      if (!inPair(config, name, myName, peer)) continue;
      yield { name, checkText: percentDecode(stored) };
    }
  }
}
