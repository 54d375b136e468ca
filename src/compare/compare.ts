/** `-T` and `-TT`: our records and a peer's, side by side. */
import { type Config, encodePath, inPair, pairKeys, pairs } from "../config/mod.ts";
import type { ReadJail } from "../fs/mod.ts";
import { CsyncError, type DbName, type DiskPath, type HostName } from "../model/mod.ts";
import type { Peer } from "../protocol/mod.ts";
import { listingDiff } from "../reconcile/mod.ts";
import type { Reporter } from "../report/mod.ts";
import type { NameRange, StateStore } from "../state/mod.ts";
import { MarkedNames } from "./marked_names.ts";
import { type Found, Marker, type MarkOptions } from "./marker.ts";
import * as say from "./messages.ts";
import { ownListing } from "./own_listing.ts";
import { rangeDiff } from "./range_diff.ts";
import { showContentDiff } from "./show_diff.ts";

export interface CompareOptions {
  readonly config: Config;
  readonly state: StateStore;
  readonly jail: ReadJail;
  readonly reporter: Reporter;
  /** A connected, not yet identified peer; undefined when that failed, which it reported itself. */
  readonly dial: (peer: HostName) => Promise<Peer | undefined>;
  /** MYNAME PEER; all pairs without. Compared with case (D 4.5). */
  readonly pair?: { readonly myName: string; readonly peer: string };
  /** FILE: this one name, never what is below it. */
  readonly file?: DiskPath;
  /** `-TT`: unified differences of content instead of rows. @default {false} */
  readonly contents?: boolean;
  /** `-I`: what is found is marked. */
  readonly mark?: MarkOptions;
}

/**
 * Compares pair after pair. Prints the rows or differences; a pair that cannot be compared is an error
 * and does not end the run. Only databases are compared, not file systems, but for names that are
 * marked here; with `contents` and `file` only contents. Nothing is written unless `mark` is given.
 *
 * @returns number of names that differ: the exit code is 1 with errors, else 0 when any differ, else 2
 * @throws StateError
 */
export async function compare(options: CompareOptions): Promise<number> {
  const { config, reporter, file, contents = false } = options;
  const only = file === undefined ? undefined : encodePath(config, file);
  const isFileDiff = contents && only !== undefined;
  const chosen = choosePairs(options).filter((pair) =>
    !isFileDiff || inPair(config, only, pair.myName, pair.peer)
  );
  if (chosen.length === 0) reporter.note(say.unknownPair(isFileDiff));
  let found = 0;
  for (const pair of chosen) {
    try {
      found += isFileDiff
        ? await showContentDiff({ ...options, pair, name: only })
        : await comparePair(options, pair, only);
    } catch (error) {
      if (!isConnectionError(error)) throw error;
      reporter.note(say.connectionLost(pair.peer, error));
    }
  }
  return found;
}

function choosePairs({ config, pair }: CompareOptions): say.Pair[] {
  return pairs(config).filter(({ myName, peer }) =>
    pair === undefined || (pair.myName === myName && pair.peer === peer)
  );
}

async function comparePair(
  options: CompareOptions,
  pair: say.Pair,
  only: DbName | undefined,
): Promise<number> {
  const { reporter, contents = false } = options;
  reporter.note(say.started(pair));
  const found: DbName[] = [];
  let count = 0;
  const listed = await withPeer(options, pair, async (peer) => {
    // Whatever is printed is marked, also when the connection is lost on the way.
    await using marker = options.mark && new Marker({ ...options, ...options.mark, pair });
    for await (const batch of differences(options, { pair, only, peer })) {
      count += batch.length;
      for (const { kind, name } of batch) {
        const row = { event: "difference", kind, ...pair, name };
        if (contents) found.push(name);
        else reporter.print(say.row(kind, pair, name), row);
      }
      await marker?.add(batch);
    }
  });
  if (!listed) return count;
  // D 4.5: differences come in the reverse order of the rows.
  for (const name of found.reverse()) await showContentDiff({ ...options, pair, name });
  return count;
}

/** Runs `work` with an identified connection. @returns false when there was none */
async function withPeer(
  { reporter, dial }: CompareOptions,
  { myName, peer: peerName }: say.Pair,
  work: (peer: Peer) => Promise<void>,
): Promise<boolean> {
  await using peer = await dial(peerName);
  if (peer === undefined) return false;
  if ((await peer.identify(myName)).kind !== "done") {
    reporter.note(say.notIdentified(peerName));
    return false;
  }
  await work(peer);
  return true;
}

interface Sides {
  readonly pair: say.Pair;
  readonly only: DbName | undefined;
  readonly peer: Peer;
}

async function* differences(
  options: CompareOptions,
  { pair, only, peer }: Sides,
): AsyncGenerator<readonly Found[]> {
  const keys = pairKeys(options.config, pair.myName, pair.peer);
  const marked = await MarkedNames.of({ ...options, pair, only });
  const ours = (range?: NameRange) => ownListing({ ...options, pair, range, unit: peer.timeUnit });
  const ranges = only === undefined ? peer.bulk?.ranges : undefined;
  const listing = { name: pair.peer, keys };
  const found = ranges === undefined
    ? listingDiff(ours(only && { name: only, below: false }), peer.list(pair.peer, keys, only))
    : rangeDiff({
      ours,
      digests: (bounds) => ranges.digests({ ...listing, bounds }),
      theirs: (range) => ranges.list({ ...listing, range }),
    });
  for await (const batch of found) {
    marked.without(batch);
    yield batch;
  }
  yield* marked.differing(peer);
}

/** Errors of the network and of the peer: they end this pair and nothing else. */
function isConnectionError(error: unknown): error is CsyncError {
  return error instanceof CsyncError && /^(net|protocol|listing)\//.test(error.code);
}
