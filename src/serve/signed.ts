/** Whether a peer that sends a time knows what is here: it says so of what it was shown. */
import { checkStep } from "../reconcile/mod.ts";
import {
  checkText,
  type DbName,
  type Entry,
  type Fingerprint,
  type Ignored,
  sameCheckText,
  sameFingerprint,
} from "../model/mod.ts";
import type { Workplace } from "./context.ts";
import { timeless } from "./listed_rows.ts";

/**
 * LIMIT: four times the requests that may be in flight. Of files beyond it nobody knows any more what the
 * peer was shown.
 */
const MAX_FILES = 4_096;

/** What is there now. */
export interface Now {
  readonly seen: Entry | undefined;
  readonly fingerprint: Fingerprint | undefined;
}

/** What a peer was shown: one state of a file, or the check text of anything else, without its time. */
type Shown = Fingerprint | string;

/** The objects that were shown over one connection, as they were. */
export class Signed {
  readonly #shown = new Map<DbName, Shown>();

  add(name: DbName, shown: Shown): void {
    this.#shown.delete(name); // the new one is the youngest
    this.#shown.set(name, shown);
    if (this.#shown.size <= MAX_FILES) return;
    const [oldest] = this.#shown.keys();
    if (oldest !== undefined) this.#shown.delete(oldest);
  }

  /** The peer changes it itself. */
  forget(name: DbName): void {
    this.#shown.delete(name);
  }

  /**
   * `changed`: by somebody here after the peer was shown it, or after the peer sent it. `news`: the peer
   * knows it, but a record made now would swallow a change of this host that nobody was told about yet.
   *
   * @param now `isStrict`: of what the peer was not shown it knows nothing that it has not sent, and what
   * it has sent has no marks (a C program may ask without a look)
   */
  async judge(
    { config: { ignored }, state, reads }: Pick<Workplace, "config" | "state" | "reads">,
    name: DbName,
    { isStrict = false, ...now }: Now & { readonly isStrict?: boolean },
  ): Promise<"known" | "news" | "changed"> {
    const shown = this.#shown.get(name), { seen } = now;
    if (typeof shown === "object") this.forget(name); // its time is about to be another one
    if (shown !== undefined && !isStill(shown, now, ignored)) return "changed";
    const { record, isDirty } = await reads.of(name);
    if (seen === undefined || seen.kind === "absent") return "known";
    const isUnknown = shown === undefined && isStrict;
    if (record === undefined) return isUnknown ? "changed" : "known";
    const options = { name, time: state.timeUnit, ignored };
    const isNews = checkStep(seen, record, options).do === "changed";
    if (isUnknown) return isNews || isDirty ? "changed" : "known";
    // What was not shown has just been sent, and is recorded.
    if (shown === undefined && seen.kind === "reg") return isNews ? "changed" : "known";
    const text = checkText(seen, { time: "zero", ignored });
    return sameCheckText(timeless(record.stored), text) ? "known" : "news";
  }
}

function isStill(shown: Shown, { seen, fingerprint }: Now, ignored: Ignored): boolean {
  if (typeof shown === "object") {
    return fingerprint !== undefined && sameFingerprint(shown, fingerprint);
  }
  if (seen === undefined || seen.kind === "absent") return false;
  return checkText(seen, { time: "zero", ignored }) === shown;
}
