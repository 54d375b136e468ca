/** A directory that the peer does not have is sent with all that is known below it (W 15.6). */
import { locate } from "../config/mod.ts";
import type { DbName, DirtyMark } from "../model/mod.ts";
import { marksFor } from "../reconcile/mod.ts";
import type { StateStore } from "../state/mod.ts";
import { isSystemError, type PushContext } from "./context.ts";

/**
 * Marks `dir` and every known object below it for this one peer (D 7.3.12). Only objects that exist;
 * no actions are scheduled, because nothing has changed here (D 7.7.3).
 *
 * @returns false when `dir` cannot be sent: it is in no group with the peer, or does not exist here
 */
export async function markSubtree(
  context: PushContext,
  state: StateStore,
  dir: DbName,
): Promise<boolean> {
  const own = marksOf(context, dir);
  if (own.length === 0) return false;
  await state.transaction((tx) => tx.mark(own));
  for await (const rows of state.records("ascending", { name: dir, below: true })) {
    const marks = rows.flatMap(({ name }) => name === dir ? [] : marksOf(context, name));
    if (marks.length > 0) await state.transaction((tx) => tx.mark(marks));
  }
  return true;
}

function marksOf({ config, jail, peerName }: PushContext, name: DbName): DirtyMark[] {
  const marks = marksFor(config, name, { forced: false, onBehalfOf: peerName })
    .filter((mark) => mark.peer === peerName);
  const at = marks.length === 0 ? undefined : locate(config, name);
  if (at === undefined) return [];
  try {
    return jail.look(at).kind === "absent" ? [] : marks;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return []; // It could not be sent either; its own check reports it.
  }
}
