/** The single steps of a change: verify, announce, take back, record. Their order is in install.ts. */
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
  wantText,
} from "../model/mod.ts";
import type { DirHandle, HeldObject } from "../fs/mod.ts";
import { type StateTx, supersedeTold } from "../state/mod.ts";
import { isSystemError, recordOf, type Target } from "./target.ts";
import type { Workshop } from "./workshop.ts";

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

/** The change is refused before anything was touched. */
export class Refused extends Error {
  override readonly name = "Refused";
  constructor(readonly refusal: Refusal, cause?: unknown) {
    super(refusal.kind, { cause });
  }
}

/** The object is not what was admitted: somebody on this host was faster. */
export function changedMeanwhile(): Refused {
  return new Refused(CONFLICT);
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

/** @throws Refused when the object is no longer in the admitted state */
export function verify({ dir, leaf, admitted }: Place): void {
  if (!isSame(admitted, dir.lookClosely(leaf))) throw changedMeanwhile();
}

/**
 * The admitted object itself, for changes of its metadata: who owns the directory cannot slip another
 * one under them. Undefined when something else is there by now. @throws OsError
 */
export function holdAdmitted({ dir, leaf, admitted }: Place): HeldObject | undefined {
  let held: HeldObject;
  try {
    held = dir.hold(leaf);
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  }
  using undo = new DisposableStack();
  undo.use(held);
  if (!isSame(admitted, held.lookClosely())) return undefined;
  undo.move();
  return held;
}

/**
 * Holds a directory that was just made. Whoever owns the directory above can have put another one
 * there, but not one of somebody else with anything in it. @throws Refused
 */
export function holdNew(dir: DirHandle, leaf: Name): HeldObject {
  using undo = new DisposableStack();
  const held = undo.use(dir.hold(leaf));
  if (held.lookClosely().entry.kind !== "dir" || held.list().length > 0) throw changedMeanwhile();
  undo.move();
  return held;
}

/** Announces a change, so that the next start can tidy up after a crash (N 7.9). */
export function announce(
  { state }: Workshop,
  target: Target,
  { temp, want }: { temp: Name | ""; want: string },
): Promise<void> {
  return state.joined((tx) => tx.putIntent({ name: target.name, peer: target.peer, temp, want }));
}

/** Takes back an announcement: nothing was changed. */
export async function withdraw({ state }: Workshop, target: Target): Promise<void> {
  await state.joined((tx) => tx.deleteIntent(target.name));
}

/** As withdraw, unless the temporary object could not be removed: then the next start does it. */
export async function giveUp(
  workshop: Workshop,
  { target, place, temp }: { target: Target; place: Pick<Place, "dir">; temp: Name },
): Promise<void> {
  let isGone = false;
  try {
    isGone = place.dir.look(temp).kind === "absent";
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
  if (isGone) await withdraw(workshop, target);
}

/** Record, intent, the peer's mark and the actions in one transaction. */
export async function record(
  workshop: Workshop,
  target: Target,
  { entry, actions = false }: { entry: Entry; actions?: boolean },
): Promise<void> {
  await workshop.state.joined(async (tx) => {
    await recordIn(tx, workshop, { target, entry });
    if (actions && target.actions.length > 0) await tx.schedule(target.actions);
  });
}

/** As `record`, as a part of a transaction. */
export async function recordIn(
  tx: StateTx,
  { state, ignored }: Workshop,
  { target, entry }: { target: Target; entry: Entry },
): Promise<void> {
  if (entry.kind === "absent") await tx.deleteRecords([target.name]);
  else {
    await tx.putRecords([recordOf(target.name, entry, { timeUnit: state.timeUnit, ignored })]);
  }
  await tx.deleteIntent(target.name);
  await tx.clearMarks(target.name, target.peer);
  await supersedeTold(tx, target.name, target.peer);
}

/** How a failure is told to the peer. Everything that is not its doing goes on as an exception. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refused) return error.refusal;
  if (isSystemError(error)) return failed(error.text);
  throw error;
}

/** Removes one entry, a directory only when it is empty. */
export function remove(dir: DirHandle, leaf: Name, kind: Present["kind"]): void {
  if (kind === "dir") dir.rmdir(leaf);
  else dir.unlink(leaf);
}

/** Makes the switch itself durable. The change is done anyway; a failure is told to the peer. */
export function syncDirectory({ durable }: Workshop, { dir }: Place): Outcome | Promise<Outcome> {
  try {
    const synced = durable.entries(dir);
    return synced === undefined ? DONE : synced.then(() => DONE, refusalOf);
  } catch (error) {
    return refusalOf(error);
  }
}
