/** Whether a peer that sends SETIME knows what is here: it says so of what SIG has shown it. */
import { checkStep } from "../reconcile/mod.ts";
import {
  checkText,
  type DbName,
  type Entry,
  type Fingerprint,
  sameCheckText,
  sameFingerprint,
} from "../model/mod.ts";
import type { Workplace } from "./context.ts";
import { timeless } from "./listed_rows.ts";

/** LIMIT: far more than requests are in flight; a peer that asks for more is treated as if it had not. */
const MAX_FILES = 1_000;

/** What is there now. */
export interface Now {
  readonly seen: Entry | undefined;
  readonly fingerprint: Fingerprint | undefined;
}

/** The files whose signatures were sent over one connection, as they were. */
export class Signed {
  readonly #files = new Map<DbName, Fingerprint>();

  add(name: DbName, fingerprint: Fingerprint): void {
    this.#files.delete(name); // the new one is the youngest
    this.#files.set(name, fingerprint);
    if (this.#files.size <= MAX_FILES) return;
    const [oldest] = this.#files.keys();
    if (oldest !== undefined) this.#files.delete(oldest);
  }

  /** The peer changes it itself. */
  forget(name: DbName): void {
    this.#files.delete(name);
  }

  /**
   * `changed`: by somebody here after the peer was shown it, or after the peer sent it. `news`: the peer
   * knows it, but a record made now would swallow a change of this host that nobody was told about yet.
   */
  async judge(
    { config: { ignored }, state, reads }: Pick<Workplace, "config" | "state" | "reads">,
    name: DbName,
    { seen, fingerprint }: Now,
  ): Promise<"known" | "news" | "changed"> {
    const shown = this.#files.get(name);
    this.forget(name);
    if (shown !== undefined) {
      if (fingerprint === undefined || !sameFingerprint(shown, fingerprint)) return "changed";
    }
    const { record } = await reads.of(name);
    if (record === undefined || seen === undefined || seen.kind === "absent") return "known";
    const options = { name, time: state.timeUnit, ignored };
    const isNews = checkStep(seen, record, options).do === "changed";
    // What was not shown has just been sent, and is recorded.
    if (shown === undefined && seen.kind === "reg") return isNews ? "changed" : "known";
    const text = checkText(seen, { time: "zero", ignored });
    return sameCheckText(timeless(record.stored), text) ? "known" : "news";
  }
}
