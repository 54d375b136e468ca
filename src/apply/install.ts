/**
 * Puts a complete new object in the place of an old one. This order lives here only: announce the
 * temporary name, make the object under it, tell exactly what it is, make that durable, verify that the old one is still
 * what was admitted, keep a copy, switch in one call, make it durable, record.
 */
import { DONE, failed, type Name, type Outcome, type Present, wantText } from "../model/mod.ts";
import type { TempFile } from "../fs/mod.ts";
import { backUp } from "./backup.ts";
import {
  announce,
  changedMeanwhile,
  giveUp,
  type Place,
  record,
  refusalOf,
  remove,
  syncDirectory,
  verify,
  withdraw,
} from "./steps.ts";
import { type Applied, isSystemError, type Target } from "./target.ts";
import type { Workshop } from "./workshop.ts";

/** What is made in one call; it needs nothing to be durable but its directory. */
type Bodiless =
  & Pick<TempFile, "name" | "look" | "installAs" | "installNew" | "settle">
  & Disposable;
/** A complete object under a temporary name; disposing removes it unless it was installed. */
export type Draft = TempFile | Bodiless;

/** Changes what is not as it should be yet; true when there was something. */
type Correct<D extends Draft> = (draft: D, made: Present) => boolean;

/** How file systems say that they know no special rename. */
const CANNOT = ["EINVAL", "ENOSYS", "EOPNOTSUPP"];

/** Announces `want`, makes the object with `make` and installs it. */
export async function create<D extends Draft>(
  workshop: Workshop,
  { target, place, want, make, correct }: {
    target: Target;
    place: Place;
    /** What the object is expected to be; a wrong guess costs one more transaction. */
    want: string;
    make: (temp: Name) => D;
    correct?: Correct<D>;
  },
): Promise<Applied> {
  // PERF: a drawn name is free as good as always; to look costs a call for each file.
  const draft = await attempt(workshop, { target, place, want, make, name: "drawn" }) ??
    await attempt(workshop, { target, place, want, make, name: "free" });
  if (draft === undefined || "outcome" in draft) return draft ?? TAKEN;
  return await install(workshop, { target, place, draft, announced: want, correct });
}

const TAKEN: Applied = { outcome: failed("File exists"), changed: false };

/**
 * Announces and makes a draft. The announcement goes when nothing came of it.
 *
 * RACE: a crash between both leaves the announcement of a drawn name that another file may have: one of
 * the shape of ours, for the same leaf, with 238,000 to choose from.
 *
 * @returns undefined when the name is taken
 */
async function attempt<D extends Draft>(
  workshop: Workshop,
  { target, place, want, make, name }: {
    target: Target;
    place: Place;
    want: string;
    make: (temp: Name) => D;
    name: "drawn" | "free";
  },
): Promise<D | Applied | undefined> {
  const { dir, leaf } = place;
  let temp: Name;
  try {
    temp = name === "drawn" ? dir.drawName(leaf) : dir.tempName(leaf);
  } catch (error) {
    return { outcome: refusalOf(error), changed: false };
  }
  await announce(workshop, target, { temp, want });
  try {
    return make(temp);
  } catch (error) {
    const outcome = refusalOf(error);
    const isTaken = isSystemError(error, "EEXIST");
    if (isTaken) await withdraw(workshop, target); // not ours, whatever it is
    else await giveUp(workshop, { target, place, temp });
    return isTaken ? undefined : { outcome, changed: false };
  }
}

/**
 * Installs a complete draft and disposes it.
 *
 * The record tells what was made, not what a look afterwards would show: a user's change directly
 * after the switch then differs from the record, and the next check finds it.
 */
export async function install<D extends Draft>(
  workshop: Workshop,
  { target, place, draft, announced, correct }: {
    target: Target;
    place: Place;
    draft: D;
    announced: string;
    correct?: Correct<D> | undefined;
  },
): Promise<Applied> {
  let made: Present, outcome: Outcome;
  try {
    made = complete(draft);
    if (correct?.(draft, made) === true) made = complete(draft);
    const want = wantText(made);
    if (want !== announced) await announce(workshop, target, { temp: draft.name, want });
    if ("sync" in draft) await workshop.durable.contents(draft);
    if (place.admitted.entry.kind !== "absent") { // else the rename itself replaces nothing
      verify(place);
      await backUp(workshop, { target, place });
    }
    outcome = switchIn(place, { draft, made });
  } catch (error) {
    if (error instanceof Unfinished) {
      draft.settle(); // the complete object stays under its temporary name, and the intent with it
      return { outcome: refusalOf(error.cause), changed: true };
    }
    const refusal = refusalOf(error);
    draft[Symbol.dispose]();
    await giveUp(workshop, { target, place, temp: draft.name });
    return { outcome: refusal, changed: false };
  } finally {
    draft[Symbol.dispose]();
  }
  const syncing = syncDirectory(workshop, place);
  const synced = syncing instanceof Promise ? await syncing : syncing;
  await record(workshop, target, { entry: made, actions: true });
  return { outcome: outcome.kind === "done" ? synced : outcome, changed: true };
}

function complete(draft: Draft): Present {
  const entry = draft.look();
  if (entry.kind === "absent") throw changedMeanwhile(); // somebody removed our temporary object
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
  if (old === "absent") return installNew({ dir, leaf, admitted }, draft);
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
    draft.settle();
    return DONE;
  } catch (error) {
    return exchangeBack({ dir, leaf }, { draft, error });
  }
}

/** Where nothing was: what appeared since then is not replaced. */
function installNew(place: Place, draft: Draft): Outcome {
  try {
    draft.installNew(place.leaf);
  } catch (error) {
    if (isSystemError(error, "EEXIST")) throw changedMeanwhile();
    if (!isSystemError(error, ...CANNOT)) throw error;
    verify(place);
    draft.installAs(place.leaf);
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
