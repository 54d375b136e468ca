/** Answers LIST: the records of one pair, for a peer that is in it and knows its keys (W 12, W 20.9). */
import type { Config } from "../config/mod.ts";
import { type DbName, type KeyRange, percentDecode } from "../model/mod.ts";
import type { ListedRow } from "../protocol/mod.ts";
import { namesOf, pairGroups } from "../reconcile/mod.ts";
import { listed, type StateStore } from "../state/mod.ts";

const MTIME_REGEXP = /^v1:mtime=(-?\d{1,19})(?=:)/;
/** Of an encoded name that begins with a prefix. */
const PREFIX_START = "%25";
const TARGET_REGEXP = /(?<=%3Atype=lnk%3Atarget=).*$/;

export interface ListQuery {
  /** Identity of the asking peer. */
  readonly peer: string;
  /** Our name as the peer gives it. */
  readonly myName: string;
  readonly keys: readonly string[];
  readonly only?: DbName;
  /** Instead of all. */
  readonly range?: KeyRange;
  readonly unit: "seconds" | "nanos";
  /** The asking program is ours. */
  readonly isOurs: boolean;
}

/**
 * Rows ascending by key, of the groups in which we have that name, the peer is a host, and whose
 * key was given. A slave gets them too: it has the files, and compares them with `-T`.
 */
export async function* listedRows(
  { config, state }: { config: Config; state: StateStore },
  { peer, myName, keys, only, range, unit, isOurs }: ListQuery,
): AsyncGenerator<readonly ListedRow[]> {
  const groups = pairGroups(config, { myName, peer, knowsKey: (key) => knows(keys, key) });
  if (groups.length === 0) return;
  const which = only === undefined ? range : { name: only, below: false };
  for await (const rows of listed(state, { range: which, unit, includes: namesOf(groups) })) {
    if (rows.length > 0) yield isOurs ? rows : rows.map(forC);
  }
}

/**
 * COMPAT: C programs record links below a prefix with an empty target and compare texts as they are, so
 * that they would report every such link of ours as different (D 7.3.4).
 */
function forC(row: ListedRow): ListedRow {
  return row.key.startsWith(PREFIX_START)
    ? { key: row.key, stored: row.stored.replace(TARGET_REGEXP, "") }
    : row;
}

/** Compares all keys completely: the time it takes tells nothing about how much of one was right. */
function knows(given: readonly string[], key: string): boolean {
  let isKnown = false;
  for (const candidate of given) {
    let difference = candidate.length ^ key.length;
    for (let at = 0; at < key.length; at++) {
      difference |= candidate.charCodeAt(at) ^ key.charCodeAt(at);
    }
    if (difference === 0) isKnown = true;
  }
  return isKnown;
}

/** The record's text, decoded, with its time as SIG has it. */
export function timeless(stored: string): string {
  return percentDecode(stored).replace(MTIME_REGEXP, "v1:mtime=0");
}
