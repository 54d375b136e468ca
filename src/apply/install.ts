/**
 * Puts a complete new object in the place of an old one. This order lives here only: announce the
 * temporary name, make the object under it, tell exactly what it is, verify that the old one is still
 * what was admitted, keep a copy, switch in one call, make it durable, record.
 */
import {
  CONFLICT,
  DONE,
  type Entry,
  failed,
  type Fingerprint,
  type Name,
  type Outcome,
  type Present,
  type Refusal,
  sameFingerprint,
} from "../model/mod.ts";
import type { DirHandle, TempFile } from "../fs/mod.ts";
import { backUp, BackupFailed } from "./backup.ts";
import {
  type Applied,
  isSystemError,
  recordOf,
  type Target,
  wantText,
  type Workshop,
} from "./target.ts";

/** One state of one object. */
export interface Seen {
  readonly entry: Entry;
  readonly fingerprint?: Fingerprint;
}

/** An open directory, an entry in it, and what the entry was when the change was admitted. */
export interface Place {
  readonly dir: DirHandle;
  readonly leaf: Name;
  readonly admitted: Seen;
}

/** A complete object under a temporary name; disposing removes it unless it was installed. */
export type Draft = Pick<TempFile, "name" | "look" | "installAs"> & Disposable;

/** How file systems say that they know no special rename. */
const CANNOT = ["EINVAL", "ENOSYS", "EOPNOTSUPP"];

/** The object is not what was admitted: somebody on this host was faster. */
export class ChangedMeanwhile extends Error {
  override readonly name = "ChangedMeanwhile";
}

/**
 * Whether nobody touched the object between the two looks. A directory changes its times with every
 * entry in it, so only what is recorded of it counts.
 */
export function isSame(a: Seen, b: Seen): boolean {
  if (a.entry.kind === "absent" || b.entry.kind === "absent") return a.entry.kind === b.entry.kind;
  const x = a.fingerprint, y = b.fingerprint;
  if (x === undefined || y === undefined) return false;
  if (a.entry.kind !== "dir" || b.entry.kind !== "dir") return sameFingerprint(x, y);
  return x.dev === y.dev && x.ino === y.ino && wantText(a.entry) === wantText(b.entry);
}

/** @throws ChangedMeanwhile when the object is no longer in the admitted state */
export function verify({ dir, leaf, admitted }: Place): void {
  if (!isSame(admitted, dir.lookClosely(leaf))) throw new ChangedMeanwhile();
}

/** Announces a change, so that the next start can tidy up after a crash (N 7.9). */
export async function announce(
  { state }: Workshop,
  target: Target,
  { temp, want }: { temp: Name | ""; want: string },
): Promise<void> {
  await state.transaction((tx) =>
    tx.putIntent({ name: target.name, peer: target.peer, temp, want })
  );
}

/** Takes back an announcement: nothing was changed. */
export async function withdraw({ state }: Workshop, target: Target): Promise<void> {
  await state.transaction((tx) => tx.deleteIntent(target.name));
}

/** Record, intent, the peer's mark and the actions in one transaction. */
export async function record(
  { state, ignored }: Workshop,
  target: Target,
  { entry, actions = false }: { entry: Entry; actions?: boolean },
): Promise<void> {
  await state.transaction(async (tx) => {
    if (entry.kind === "absent") await tx.deleteRecords([target.name]);
    else {
      await tx.putRecords([recordOf(target.name, entry, { timeUnit: state.timeUnit, ignored })]);
    }
    await tx.deleteIntent(target.name);
    await tx.clearMarks(target.name, target.peer);
    if (actions && target.actions.length > 0) await tx.schedule(target.actions);
  });
}

/** How a failure is told to the peer. Everything that is not its doing goes on as an exception. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof ChangedMeanwhile) return CONFLICT;
  if (error instanceof BackupFailed) return failed(error.reply);
  if (isSystemError(error)) return failed(error.text);
  throw error;
}

/** Announces `want`, makes the object with `make` and installs it. */
export async function create(
  workshop: Workshop,
  { target, place, want, make }: {
    target: Target;
    place: Place;
    /** What the object is expected to be; a wrong guess costs one more transaction. */
    want: string;
    make: (temp: Name) => Draft;
  },
): Promise<Applied> {
  let temp: Name;
  try {
    temp = place.dir.tempName(place.leaf);
  } catch (error) {
    return { outcome: refusalOf(error), changed: false };
  }
  await announce(workshop, target, { temp, want });
  let draft: Draft;
  try {
    draft = make(temp);
  } catch (error) {
    await withdraw(workshop, target);
    return { outcome: refusalOf(error), changed: false };
  }
  return await install(workshop, { target, place, draft, announced: want });
}

/**
 * Installs a complete draft and disposes it.
 *
 * The record tells what was made, not what a look afterwards would show: a user's change directly
 * after the switch then differs from the record, and the next check finds it.
 */
export async function install(
  workshop: Workshop,
  { target, place, draft, announced }: {
    target: Target;
    place: Place;
    draft: Draft;
    announced: string;
  },
): Promise<Applied> {
  using owned = new DisposableStack();
  owned.use(draft);
  let made: Present, outcome: Outcome;
  try {
    made = complete(draft);
    const want = wantText(made);
    if (want !== announced) await announce(workshop, target, { temp: draft.name, want });
    verify(place);
    await backUp(workshop, { target, place });
    outcome = switchIn(place, { draft, made });
  } catch (error) {
    if (error instanceof Unfinished) {
      owned.move(); // the complete object stays under its temporary name, and the intent with it
      return { outcome: refusalOf(error.cause), changed: true };
    }
    const refusal = refusalOf(error);
    await withdraw(workshop, target);
    return { outcome: refusal, changed: false };
  }
  const synced = syncDirectory(workshop, place);
  await record(workshop, target, { entry: made, actions: true });
  return { outcome: outcome.kind === "done" ? synced : outcome, changed: true };
}

function complete(draft: Draft): Present {
  const entry = draft.look();
  if (entry.kind === "absent") throw new ChangedMeanwhile(); // somebody removed our temporary object
  return entry;
}

/** The old object had to go before the new one could take its name, and then it could not. */
class Unfinished extends Error {
  override readonly name = "Unfinished";
}

/**
 * The old object is there up to this call, the new one directly after it.
 *
 * RACE: what changes between verify() and the rename is replaced unseen; that is a few microseconds.
 *
 * @returns a failure when the new object is in place but the old one could not be removed
 */
function switchIn(
  { dir, leaf, admitted }: Place,
  { draft, made }: { draft: Draft; made: Present },
): Outcome {
  const old = admitted.entry.kind;
  if (old === "absent") return installNew({ dir, leaf }, draft);
  if (old !== "dir" && made.kind !== "dir") {
    draft.installAs(leaf);
    return DONE;
  }
  try {
    dir.exchange(draft.name, leaf);
  } catch (error) {
    if (!isSystemError(error, ...CANNOT)) throw error;
    return switchWithoutExchange({ dir, leaf }, { draft, old });
  }
  try {
    remove(dir, draft.name, old); // the old object has the temporary name now
    return DONE;
  } catch (error) {
    return exchangeBack({ dir, leaf }, { draft, error });
  }
}

/** Where nothing was: what appeared since then is not replaced. */
function installNew({ dir, leaf }: Pick<Place, "dir" | "leaf">, draft: Draft): Outcome {
  try {
    dir.renameNew(draft.name, leaf);
  } catch (error) {
    if (isSystemError(error, "EEXIST")) throw new ChangedMeanwhile();
    if (!isSystemError(error, ...CANNOT)) throw error;
    draft.installAs(leaf);
  }
  return DONE;
}

/** A directory that got an entry meanwhile: nothing is destroyed. */
function exchangeBack(
  { dir, leaf }: Pick<Place, "dir" | "leaf">,
  { draft, error }: { draft: Draft; error: unknown },
): Outcome {
  try {
    dir.exchange(draft.name, leaf);
  } catch {
    return refusalOf(error);
  }
  throw error;
}

/** For file systems that cannot exchange. After a crash in between, the intent completes the change. */
function switchWithoutExchange(
  { dir, leaf }: Pick<Place, "dir" | "leaf">,
  { draft, old }: { draft: Draft; old: Present["kind"] },
): Outcome {
  remove(dir, leaf, old);
  try {
    draft.installAs(leaf);
    return DONE;
  } catch (cause) {
    throw new Unfinished("Cannot install the new object", { cause });
  }
}

/** Removes one entry, a directory only when it is empty. */
export function remove(dir: DirHandle, leaf: Name, kind: Present["kind"]): void {
  if (kind === "dir") dir.rmdir(leaf);
  else dir.unlink(leaf);
}

/** Makes the switch itself durable. The change is done anyway; a failure is told to the peer. */
export function syncDirectory({ durability }: Workshop, { dir }: Place): Outcome {
  if (durability !== "full") return DONE;
  try {
    dir.sync();
    return DONE;
  } catch (error) {
    return refusalOf(error);
  }
}
