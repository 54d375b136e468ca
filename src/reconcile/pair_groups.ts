/** Which names the listing of a pair has: the same on both sides, so that they can be compared. */
import { type Config, type Group, groupMatches } from "../config/mod.ts";
import type { DbName } from "../model/mod.ts";

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

/** Whether one of the groups has a name, as a function that is cheap to call. */
export function namesOf(groups: readonly Group[]): (name: DbName) => boolean {
  return (name) => {
    for (const group of groups) if (groupMatches(group, name)) return true;
    return false;
  };
}
