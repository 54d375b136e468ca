/**
 * Looks at what a peer got from us and somebody else has replaced here since (state/told.ts). It is
 * replaced there too if it is still exactly that; whatever else the peer has, somebody else answers for.
 */
import { type Config, locate } from "../config/mod.ts";
import type { DbName, DirtyRow, Entry, HostName } from "../model/mod.ts";
import { marksFor, pushOrder } from "../reconcile/mod.ts";
import {
  forgetOutdated,
  outdatedTold,
  rememberTold,
  type StateStore,
  type Told,
  told,
} from "../state/mod.ts";
import { isSystemError, type PushContext } from "./context.ts";
import type { PushResult } from "./push.ts";
import { pushOne } from "./push_one.ts";

export interface LookAgainOptions {
  readonly state: StateStore;
  /** Names that this run is about. */
  readonly isTaken: (name: DbName) => boolean;
  /** Those of the rows that may be sent as removals. */
  readonly sieve: (rows: readonly DirtyRow[]) => Promise<readonly DirtyRow[]>;
  readonly isStopped: () => boolean;
}

/**
 * LIMIT: two versions that host after host passes on could go round for ever. Who has done so that often
 * marks the name instead, and refuses the other version: then it is a conflict like any other.
 */
const MAX_RELAYS = 3;
/** Of no mark. */
const NO_GENERATION = -1;

/** One thing to look at. */
interface Due {
  readonly late: Told;
  readonly row: DirtyRow;
  readonly isRemoval: boolean;
}

/** Removals first; one after the other, for there are few. @throws what pushOne throws */
export async function lookAgain(context: PushContext, options: LookAgainOptions): Promise<void> {
  const { state, isTaken, sieve, isStopped } = options;
  const all = (await outdatedTold(state)).filter(({ name, peer }) =>
    peer === context.peerName && isTaken(name)
  );
  const found = all.flatMap((late) => dueOf(context, late) ?? []);
  const impossible = all.filter((late) => !found.some((due) => due.late === late));
  if (impossible.length > 0) await state.transaction((tx) => forgetOutdated(tx, impossible));
  for (const due of pushOrder(found)) {
    if (isStopped()) return;
    if (due.isRemoval && (await sieve([due.row])).length === 0) continue;
    await lookAt(context, { state, due });
  }
}

/** Undefined when the name is nobody's any more. */
function dueOf({ config, jail, peerName }: PushContext, late: Told): Due | undefined {
  const [mark] = marksFor(config, late.name, { forced: false, onBehalfOf: peerName });
  const at = locate(config, late.name);
  if (mark === undefined || at === undefined) return undefined;
  const row = { ...mark, generation: NO_GENERATION };
  try {
    return { late, row, isRemoval: jail.look(at).kind === "absent" };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { late, row, isRemoval: false }; // the push says why
  }
}

async function lookAt(
  context: PushContext,
  { state, due: { late, row, isRemoval } }: { state: StateStore; due: Due },
): Promise<void> {
  if (late.relays >= MAX_RELAYS) {
    return await state.transaction(async (tx) => {
      await forgetOutdated(tx, [late]);
      await tx.mark([row]);
    });
  }
  let sent: Entry | undefined;
  const result: PushResult = await pushOne(
    { ...context, onlyOver: late.version, looked: (_name, here) => sent = here },
    row,
    { isRemoval },
  );
  if (result === "present") return; // the next run
  await state.transaction(async (tx) => {
    await forgetOutdated(tx, [late]);
    // What could not be done is to be seen like every other failure.
    if (result === "kept" || result === "parent-missing") await tx.mark([row]);
    if (result === "settled" && sent !== undefined) {
      await rememberTold(tx, [told(late, { entry: sent, relays: late.relays + 1 })]);
    }
  });
}

/**
 * With three hosts, the version that loses may have replaced ours at the third one: nobody would ever
 * notice, for neither side has a mark for it any more. Where nothing has changed this costs one SIG.
 */
export async function tellOthers(
  { config, state }: { readonly config: Config; readonly state: StateStore },
  loser: HostName,
  name: DbName,
): Promise<void> {
  const marks = marksFor(config, name, { forced: false }).filter(({ peer }) => peer !== loser);
  if (marks.length > 0) await state.transaction((tx) => tx.mark(marks));
}
