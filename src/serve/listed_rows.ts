/** Answers LIST: the records of one pair, for a peer that is in it and knows its keys (W 12, W 20.9). */
import { type Config, groupMatches } from "../config/mod.ts";
import {
  type DbName,
  type FileRecord,
  percentDecode,
  percentEncode,
  storedInUnit,
} from "../model/mod.ts";
import type { ListedRow } from "../protocol/mod.ts";
import type { StateStore } from "../state/mod.ts";

const MTIME_REGEXP = /^v1:mtime=(-?\d{1,19})(?=:)/;
const TARGET_REGEXP = /(?<=%3Atype=lnk%3Atarget=).*$/;

export interface ListQuery {
  /** Identity of the asking peer. */
  readonly peer: string;
  /** Our name as the peer gives it. */
  readonly myName: string;
  readonly keys: readonly string[];
  readonly only?: DbName;
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
  { peer, myName, keys, only, unit, isOurs }: ListQuery,
): AsyncGenerator<readonly ListedRow[]> {
  const groups = config.groups.filter((group) =>
    group.myName === myName && group.peers.some(({ name }) => name === peer) &&
    knows(keys, group.key)
  );
  if (groups.length === 0) return;
  for await (const records of read(state, only)) {
    const rows: ListedRow[] = [];
    for (const record of records) {
      if (!groups.some((group) => groupMatches(group, record.name))) continue;
      const stored = storedInUnit(record, unit);
      const isPrefixed = record.name.startsWith("%");
      rows.push({
        key: percentEncode(record.name),
        stored: isPrefixed && !isOurs ? withoutTarget(stored) : stored,
      });
    }
    if (rows.length > 0) yield rows;
  }
}

/**
 * COMPAT: C programs record links below a prefix with an empty target and compare texts as they are, so
 * that they would report every such link of ours as different (D 7.3.4).
 */
function withoutTarget(stored: string): string {
  return stored.replace(TARGET_REGEXP, "");
}

async function* read(
  state: StateStore,
  only: DbName | undefined,
): AsyncGenerator<readonly FileRecord[]> {
  if (only === undefined) return yield* state.records("ascending");
  const record = await state.record(only);
  if (record !== undefined) yield [record];
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
