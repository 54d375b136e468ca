/** Answers the questions of our own clients about ranges of a listing. */
import type { Config } from "../config/mod.ts";
import type { RangeHandler } from "../protocol/mod.ts";
import { digestRanges } from "../reconcile/mod.ts";
import type { StateStore } from "../state/mod.ts";
import { listedRows } from "./listed_rows.ts";

export interface RangesOptions {
  readonly config: Config;
  readonly state: StateStore;
  /** Identity of the asking peer. */
  readonly peer: string;
}

/** Rows are those of LIST for a program of ours, with times in nanoseconds. */
export function rangesFor({ config, state, peer }: RangesOptions): RangeHandler {
  const unit = "nanos", isOurs = true;
  return {
    digests({ name: myName, keys, bounds }) {
      const range = { from: bounds[0] ?? "", before: bounds.at(-1) ?? "" };
      const query = { peer, myName, keys, range, unit, isOurs } as const;
      return digestRanges(listedRows({ config, state }, query), bounds);
    },
    list({ name: myName, keys, range }) {
      const query = { peer, myName, keys, range, unit, isOurs } as const;
      return listedRows({ config, state }, query);
    },
  };
}
