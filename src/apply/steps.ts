/** The single steps of a change: verify, announce, take back, record. Their order is in install.ts. */
import {
  CONFLICT,
  type DbName,
  DONE,
  type Entry,
  failed,
  type FileRecord,
  type Fingerprint,
  type Name,
  type Outcome,
  type Present,
  type Refusal,
  sameEntry,
  sameFingerprint,
  wantText,
} from "../model/mod.ts";
import type { DirHandle, HeldObject } from "../fs/mod.ts";
import type { StateTx } from "../state/mod.ts";
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
  return x.dev === y.dev && x.ino === y.ino && sameEntry(a.entry, b.entry);
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

/** What is about to be made. */
export interface Announced {
  readonly target: Target;
  readonly temp: Name | "";
  /** Undefined: nobody knows yet. */
  readonly want: Entry | undefined;
}

/** Announces a change, so that the next start can tidy up after a crash (N 7.9). */
export async function announce(workshop: Workshop, change: Announced): Promise<void> {
  await announceAll(workshop, [change]);
}

/** As `announce`, in one transaction. */
export async function announceAll(
  { state }: Workshop,
  changes: readonly Announced[],
): Promise<void> {
  if (changes.length === 0) return;
  await state.joined(async (tx) => {
    for (const { target: { name, peer }, temp, want } of changes) {
      const put = tx.putIntent({
        name,
        peer,
        temp,
        want: want === undefined ? "" : wantText(want),
      });
      if (put instanceof Promise) await put;
    }
  });
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
  if (isGone(place.dir, temp)) await withdraw(workshop, target);
}

/** Whether nothing is left under the name; false when that cannot be told. */
export function isGone(dir: DirHandle, temp: Name): boolean {
  try {
    return dir.look(temp).kind === "absent";
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false;
  }
}

/** An object as it is now. */
export interface Changed {
  readonly target: Target;
  readonly entry: Entry;
}

/** Record, intent, the peer's mark and the actions in one transaction. */
export async function record(
  workshop: Workshop,
  target: Target,
  { entry, actions = false }: { entry: Entry; actions?: boolean },
): Promise<void> {
  await settleAll(workshop, { recorded: [{ target, entry }], withdrawn: [], actions });
}

/** As `record` and `withdraw`, for many. */
export async function settleAll(
  workshop: Workshop,
  { recorded, withdrawn, actions }: {
    readonly recorded: readonly Changed[];
    readonly withdrawn: readonly Target[];
    readonly actions: boolean;
  },
): Promise<void> {
  if (recorded.length + withdrawn.length === 0) return;
  await workshop.state.joined(async (tx) => {
    for (const { name } of withdrawn) await tx.deleteIntent(name);
    await recordIn(tx, workshop, recorded);
    for (const { target } of actions ? recorded : []) {
      if (target.actions.length > 0) await tx.schedule(target.actions);
    }
  });
}

/** As `record`, for many, as a part of a transaction. */
export async function recordIn(
  tx: StateTx,
  { state, ignored }: Workshop,
  changes: readonly Changed[],
): Promise<void> {
  if (changes.length === 0) return;
  const options = { timeUnit: state.timeUnit, ignored };
  const records: FileRecord[] = [], gone: DbName[] = [];
  for (const { target: { name }, entry } of changes) {
    if (entry.kind === "absent") gone.push(name);
    else records.push(recordOf(name, entry, options));
  }
  if (gone.length > 0) await tx.deleteRecords(gone);
  if (records.length > 0) await tx.putRecords(records);
  for (const { target: { name, peer } } of changes) {
    const settled = tx.deleteIntent(name);
    if (settled instanceof Promise) await settled;
    const cleared = tx.clearMarks(name, peer);
    if (cleared instanceof Promise) await cleared;
  }
  await tx.supersedeTold(changes.map(({ target: { name, peer } }) => ({ name, by: peer })));
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

/** Makes a switch itself durable. The change is done anyway; a failure is told to the peer. */
export async function syncDirectory(workshop: Workshop, { dir }: Place): Promise<Outcome> {
  const [outcome] = await syncDirectories(workshop, [dir]);
  return outcome!;
}

/** As `syncDirectory`, each directory once: an outcome for each, in their order. */
export function syncDirectories(
  { durable }: Workshop,
  dirs: readonly DirHandle[],
): readonly Outcome[] | Promise<readonly Outcome[]> {
  const failures = durable.entries(dirs);
  return failures instanceof Promise ? failures.then(outcomesOf) : outcomesOf(failures);
}

function outcomesOf(failures: readonly unknown[]): readonly Outcome[] {
  return failures.map((failure) => failure === undefined ? DONE : refusalOf(failure));
}
