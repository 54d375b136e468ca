/** One row while it is pushed, and how it went. */
import {
  type DirtyRow,
  type Entry,
  type Located,
  type Refusal,
  refusalText,
} from "../model/mod.ts";
import type { Contested } from "./conflict.ts";
import type { OutgoingContent } from "./content.ts";
import { isSystemError, type PushContext } from "./context.ts";
import * as say from "./messages.ts";
import type { NotThere, Seen } from "./offered.ts";

/**
 * How it went. `settled`: the peer has it. `equal`: it had it before, as our record says. `kept`: the row
 * stays, and why was said. `in-no-group`: nothing may be sent. `present`: a removal that is none any more.
 * `parent-missing`: the peer needs the directory above first. `not-due`: the peer has something else than
 * `onlyOver`.
 */
export type PushResult =
  | "settled"
  | "equal"
  | "kept"
  | "in-no-group"
  | "present"
  | "parent-missing"
  | "not-due";

/** Everything about one row while it is pushed. */
export interface Push extends Contested {
  readonly row: DirtyRow;
  readonly here: Entry;
  readonly seen?: Seen | undefined;
  /** Of a regular file. */
  readonly content?: OutgoingContent;
  /** The peer had nothing when it was asked. */
  readonly isNew?: boolean;
  /** The delta may turn out to say that the peer has the content. */
  readonly mayBeSame?: boolean;
}

/** It could not be done now. */
export function keep({ context: { reporter }, ...job }: Pick<Push, "context"> & say.Job): "kept" {
  reporter.note(say.staysDirty(job));
  return "kept";
}

export function refuse(push: Push, refusal: Refusal): "kept" {
  push.context.reporter.note(say.refused(push, push.content?.problem ?? refusalText(refusal)));
  return keep(push);
}

/** What an answer means that tells of nothing there. */
export function answerFacts(
  answer: NotThere,
): { readonly kind: "absent" | "behind-link" | "parent-missing" } | { readonly refusal: Refusal } {
  switch (answer.kind) {
    case "absent":
    case "behind-link":
    case "parent-missing":
      return { kind: answer.kind };
    default:
      // Something else is where the directory above should be, so nothing of that name is there.
      if (refusalText(answer) === "Not a directory") return { kind: "parent-missing" };
      return { refusal: answer };
  }
}

/**
 * The disk did not let us, which is reported; the row stays.
 * @throws what is no error of the disk
 */
export function unreadable(
  job: say.Job & Pick<Push, "context" | "at" | "seen">,
  error: unknown,
): "kept" {
  if (!isSystemError(error)) throw error;
  const { context, at, seen } = job;
  const isGone = seen !== undefined && lookThrough(context, at).kind === "absent";
  context.reporter.note(isGone ? say.vanished(job) : say.cannotRead(job, error));
  return keep(job);
}

/** What is there now; what cannot be looked at is not absent. */
function lookThrough({ jail }: PushContext, at: Located): Entry | { readonly kind: "unknown" } {
  try {
    return jail.look(at);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { kind: "unknown" };
  }
}
