/** `-u`: what is marked goes to the peers, all of them at the same time. */
import type { Config } from "../config/mod.ts";
import type { ReadJail } from "../fs/mod.ts";
import { Budget, type HostName } from "../model/mod.ts";
import type { RemovalLimit } from "../reconcile/mod.ts";
import type { Reporter } from "../report/mod.ts";
import { outdatedTold, type StateStore } from "../state/mod.ts";
import type { Dial } from "./dial.ts";
import { HeldMarks } from "./held_marks.ts";
import { RecordedFiles } from "./known_contents.ts";
import { PeerRun } from "./peer_run.ts";
import { selection, type UpdateTarget } from "./selection.ts";

const CONTENT_BYTES = 24 * 1_048_576;
/** Peers served at the same time without `-j`. */
const MAX_PARALLEL_PEERS = 8;

export interface UpdateOptions {
  readonly config: Config;
  readonly state: StateStore;
  readonly jail: ReadJail;
  readonly reporter: Reporter;
  /** See `dialer`. */
  readonly dial: Dial;
  /** Paths of the command line; all rows without. */
  readonly targets?: readonly UpdateTarget[];
  /** `-P`: exact names without regard to case. */
  readonly onlyPeers?: readonly string[];
  /** `-d`: nothing is changed anywhere, `?M ?D ?S !M !D` lines are printed. @default {false} */
  readonly dryRun?: boolean;
  /** `--checksum`: nothing is equal without a look at its content. @default {false} */
  readonly checksum?: boolean;
  /** A check of the same names came directly before. @default {false} */
  readonly isChecked?: boolean;
  /** `-j`. @default {8} */
  readonly parallel?: number;
  /** Whether `-G` is in force. @default {false} */
  readonly isRestricted?: boolean;
  /** `--allow-removals`: also of what is below a root that is gone. @default {false} */
  readonly allowsRemovals?: boolean;
  /** `--max-removals`: when a peer would get more removals, it gets none. */
  readonly maxRemovals?: RemovalLimit;
  /** LIMIT: of contents under way, to all peers together; a row of each may always be. @default 24 MiB */
  readonly contentBytes?: number;
  /** Ends after the file in hand. */
  readonly signal?: AbortSignal;
}

/**
 * Pushes the marks of every chosen peer. A peer that cannot be reached or refuses is reported, counts
 * as an error and delays nobody; its rows stay.
 *
 * @throws StateError, after all peers have come to their end
 */
export async function update(options: UpdateOptions): Promise<void> {
  const { config, state, dryRun = false, isRestricted = false } = options;
  const isTaken = selection(config, options.targets);
  const wanted = options.onlyPeers?.map((name) => name.toLowerCase());
  const outdated = (await outdatedTold(state)).map(({ peer }) => peer);
  const peers = [...new Set([...await state.dirtyPeers(), ...outdated])]
    .filter((peer) => wanted?.includes(peer) ?? true);
  const { parallel = MAX_PARALLEL_PEERS } = options;
  const held = new HeldMarks({ ...options, dryRun });
  const memory = new Budget(options.contentBytes ?? CONTENT_BYTES);
  const recorded = new RecordedFiles(state);
  try {
    await each(
      peers,
      parallel,
      (peer) =>
        new PeerRun({ ...options, dryRun, isRestricted, isTaken, held, memory, recorded }, peer)
          .run(),
    );
  } finally {
    held.tell();
  }
}

/** Runs `work` for all peers, `parallel` at a time, and throws the first failure at the end. */
async function each(
  peers: readonly HostName[],
  parallel: number,
  work: (peer: HostName) => Promise<void>,
): Promise<void> {
  const queue = peers.values();
  const failures: unknown[] = [];
  const worker = async () => {
    for (const peer of queue) await work(peer).catch((error) => failures.push(error));
  };
  await Promise.all(Array.from({ length: Math.max(1, parallel) }, worker));
  if (failures.length > 0) throw failures[0];
}
