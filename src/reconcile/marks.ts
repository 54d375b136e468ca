/** Who has to be told about a name (pure; D 3.5). */
import { type Config, peersOf } from "../config/mod.ts";
import type { DbName, DirtyMark, HostName } from "../model/mod.ts";

export interface MarkOptions {
  /** `-F`. */
  readonly forced: boolean;
  /** `-P` where it restricts marking: exact names (D 6, D 7.7.9). @default everybody */
  readonly onlyPeers?: readonly string[] | undefined;
  /** The mark is made for this peer alone, which was refused or lacks a parent (D 7.3.12). */
  readonly onBehalfOf?: HostName | undefined;
}

/**
 * The marks for one name: one for each peer of its groups, with the own name of the group declared last
 * that has the peer. Slaves are marked like others, and a slave marks its own changes too: its `-M`
 * shows them, a master's answer will be to send its own copy (D 3.5, D 7.3.14).
 */
export function marksFor(
  config: Config,
  name: DbName,
  { forced, onlyPeers, onBehalfOf }: MarkOptions,
): DirtyMark[] {
  return peersOf(config, name, { onlyGroupsWith: onBehalfOf })
    .filter(({ peer }) => onBehalfOf === undefined || peer === onBehalfOf)
    .filter(({ peer }) => onlyPeers === undefined || onlyPeers.includes(peer))
    .map(({ peer, myName }) => ({ name, forced, myName, peer }));
}
