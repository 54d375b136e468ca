/** What is asked of the peer for a row, and what follows its outcome. */
import { type Outcome, parent, type Present, type Refusal } from "../model/mod.ts";
import type { DeltaSource } from "../protocol/mod.ts";
import { winsConflict } from "./conflict.ts";
import * as say from "./messages.ts";
import type { NotThere } from "./offered.ts";
import { answerFacts, type Push, type PushResult, refuse } from "./push.ts";

export async function touch(push: Push, want: Present): Promise<PushResult> {
  const { context: { peer, wasPut }, key, name } = push;
  const outcome = await peer.touch(key, name, want.meta.mtime);
  if (outcome.kind !== "done") return refuse(push, outcome);
  wasPut(name, want, 0);
  return "settled";
}

export async function put(push: Push, want: Present): Promise<PushResult> {
  const { context: { wasPut }, name } = push;
  const result = await carryOut(push, sendingOf(push, want));
  if (result === "settled") wasPut(name, want, want.kind === "reg" ? want.size : 0);
  return result;
}

/**
 * What follows when a file that was put together with others came to `outcome`. Nobody is told that it was
 * put.
 *
 * @param above ends of what was under way above it: it may have been refused for what was not done yet
 */
export async function afterPut(
  push: Push,
  want: Present,
  { outcome, above }: { readonly outcome: Outcome; readonly above: readonly Promise<void>[] },
): Promise<PushResult> {
  const act = sendingOf(push, want);
  if (outcome.kind === "done" || above.length === 0 || !mayLackParent(push, outcome)) {
    return await follow(push, outcome, act);
  }
  await Promise.all(above);
  return await follow(push, outcome.kind === "conflict" ? outcome : await act(), act);
}

function sendingOf(push: Push, want: Present): () => Promise<Outcome> {
  const { context: { peer, reporter }, key, name, content, isNew = false, mayBeSame } = push;
  const delta: DeltaSource | undefined = content &&
    ((signature) => content.delta(signature, { unlessSame: mayBeSame }));
  const options = { isNew, ...(content && { whole: () => content.whole() }) };
  return async () => {
    const outcome = await peer.put(key, name, want, delta, options);
    if (content?.isThere !== true) return outcome;
    reporter.note(say.upToDate(push));
    return await peer.touch(key, name, want.meta.mtime);
  };
}

/** Flushes the peer's own mark when the row is forced, then acts. */
export async function carryOut(push: Push, act: () => Promise<Outcome>): Promise<PushResult> {
  if (!push.row.forced) return await follow(push, await act(), act);
  const outcome = await flushThen(push, act);
  if (outcome.kind === "done") return "settled";
  return await isParentMissing(push) ? "parent-missing" : refuse(push, outcome);
}

/** After a conflict that is won once more with force, without asking what is there (W 16.3). */
async function follow(
  push: Push,
  outcome: Outcome,
  act: () => Promise<Outcome>,
): Promise<PushResult> {
  const { context: { reporter, onlyOver, tellOthers }, here } = push;
  if (outcome.kind === "done") return "settled";
  if (mayLackParent(push, outcome) && await isParentMissing(push)) return "parent-missing";
  // What it has changed itself it will tell everybody.
  if (outcome.kind === "conflict" && onlyOver !== undefined) return "not-due";
  if (outcome.kind !== "conflict" || !await winsConflict(push, here)) return refuse(push, outcome);
  await tellOthers(push.name);
  const second = await flushThen(push, act);
  if (second.kind === "done") return "settled";
  reporter.note(say.gaveUp(push));
  return refuse(push, second);
}

/**
 * It was not asked for just now, and what the peer's disk says may mean anything. Marks there are looked
 * at first; a directory that was missing before is what counts.
 */
function mayLackParent({ seen }: Push, { kind }: Refusal): boolean {
  if (seen === undefined) return false;
  return kind === "parent-missing" || kind === "failed" ||
    (kind === "conflict" && seen.there.kind !== "there" && isParentMissingIn(seen.there));
}

function isParentMissingIn(there: NotThere): boolean {
  const facts = answerFacts(there);
  return "kind" in facts && facts.kind === "parent-missing";
}

async function flushThen(push: Push, act: () => Promise<Outcome>): Promise<Outcome> {
  const { context: { peer }, key, name } = push;
  const flushed = await peer.flush(key, name);
  return flushed.kind === "done" ? await act() : flushed;
}

/** Who does not look first asks afterwards why it failed. */
async function isParentMissing({ context: { peer }, key, name, isRemoval }: Push) {
  if (isRemoval || parent(name) === undefined) return false;
  const there = await peer.look(key, name, () => Promise.resolve());
  if (there.kind === "there") return false;
  const facts = answerFacts(there);
  return "kind" in facts && facts.kind === "parent-missing";
}
