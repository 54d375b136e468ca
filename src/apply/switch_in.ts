/** The one call in which a new object takes the place of an old one, and what to do where there is none. */
import { DONE, type Outcome, type Present } from "../model/mod.ts";
import type { TempFile } from "../fs/mod.ts";
import { changedMeanwhile, type Place, refusalOf, remove, verify } from "./steps.ts";
import { isSystemError } from "./target.ts";

/** What is made in one call; it needs nothing to be durable but its directory. */
type Bodiless =
  & Pick<TempFile, "name" | "look" | "installAs" | "installNew" | "settle">
  & Disposable;
/** A complete object under a temporary name; disposing removes it unless it was installed. */
export type Draft = TempFile | Bodiless;

/** How file systems say that they know no special rename. */
const CANNOT = ["EINVAL", "ENOSYS", "EOPNOTSUPP"];

/** The old object had to go before the new one could take its name, and then it could not. */
export class Unfinished extends Error {
  override readonly name = "Unfinished";
}

/**
 * The old object is there up to this call, the new one directly after it.
 *
 * RACE: what changes between verify() and the rename is replaced unseen; that is a few microseconds.
 *
 * @returns a failure when the new object is in place but the old one could not be removed
 * @throws Unfinished, and what makes a refusal: then nothing was changed
 */
export function switchIn(
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
