/** Findings of a check, written in transactions of a few thousand names. */
import { resolveName } from "../config/mod.ts";
import { byteOrder, type FileRecord, type Hint, wantText } from "../model/mod.ts";
import type { StateTx } from "../state/mod.ts";
import { checkStep } from "../reconcile/mod.ts";
import { type CheckContext, reportUnknown } from "./context.ts";
import { type Finding, findingOf, type FindingSink } from "./finding.ts";
import type { HeldRemovals } from "./held_removals.ts";
import * as say from "./messages.ts";
import { planMarks } from "./plan_marks.ts";
import { walkOrder } from "./walk_order.ts";

/** Names per transaction. LIMIT: keeps a batch in memory and the writer's lock short. */
const BATCH_NAMES = 2_000;
/** Used hints that may wait for a transaction when nothing has changed. */
const BATCH_HINTS = 500;

/** Sums of a check. */
export interface CheckCounts {
  written: number;
  removed: number;
}

export interface BatchOptions {
  readonly held: HeldRemovals;
  /** `foreignCommits()` before the first record was read. */
  readonly commits?: number | undefined;
}

export class Batch implements FindingSink {
  readonly #context: CheckContext;
  readonly #held: HeldRemovals;
  #findings: Finding[] = [];
  /** Those that may be written. */
  #passed: readonly Finding[] = [];
  #hints: Hint[] = [];
  #isTargetHeld = false;
  /** Before anything was read. Not moved on: rows that wait to be compared may be older. */
  readonly #commits: number | undefined;
  readonly counts: CheckCounts = { written: 0, removed: 0 };

  constructor(context: CheckContext, { held, commits }: BatchOptions) {
    this.#context = context;
    this.#held = held;
    this.#commits = commits;
  }

  add(finding: Finding): void {
    this.#findings.push(finding);
  }

  get isFull(): boolean {
    return this.#findings.length >= BATCH_NAMES;
  }

  /**
   * Its findings are written before the next target is looked at. A hint is deleted together with what
   * its check found, and stays when something of that was held.
   */
  async endTarget(hint?: Hint): Promise<void> {
    await this.#sieve();
    if (hint !== undefined && !this.#isTargetHeld) this.#hints.push(hint);
    this.#isTargetHeld = false;
    if (this.#passed.length > 0 || this.#hints.length >= BATCH_HINTS) await this.flush();
  }

  async #sieve(): Promise<void> {
    const findings = this.#findings;
    this.#findings = [];
    const passed = await this.#held.sieve(findings);
    if (passed.length < findings.length) this.#isTargetHeld = true;
    this.#passed = this.#passed.length === 0 ? passed : [...this.#passed, ...passed];
  }

  /** Writes all that is pending in one transaction, then reports it. */
  async flush(): Promise<void> {
    await this.#sieve();
    using held = await this.#verified();
    const hints = this.#hints;
    this.#passed = [];
    this.#hints = [];
    if (held.findings.length > 0 || hints.length > 0) await this.#write(held.findings, hints);
  }

  async #write(findings: readonly Finding[], hints: readonly Hint[]): Promise<void> {
    const { state, reporter, init = false } = this.#context;
    const { removals, puts, plan } = await state.transaction(async (tx) => {
      const valid = findings.length > 0 ? await this.#stillValid(tx, findings) : [];
      const removals = valid.filter((f) => f.do === "remove");
      const puts = valid.filter((f) => f.do === "put");
      if (reporter.wants(1)) puts.sort((a, b) => walkOrder(a.name, b.name));
      const dirty = init ? [] : [...removals, ...puts.filter((f) => f.marks)].map((f) => f.name);
      const plan = planMarks(this.#context, dirty);
      if (removals.length > 0) await tx.deleteRecords(removals.map((f) => f.name));
      if (puts.length > 0) await tx.putRecords(puts.map((f) => f.record));
      if (plan.marks.length > 0) await tx.mark(plan.marks);
      if (plan.actions.length > 0) await tx.schedule(plan.actions);
      for (const hint of hints) await tx.deleteHint(hint);
      return { removals, puts, plan };
    });
    this.counts.written += puts.length;
    this.counts.removed += removals.length;
    if (reporter.wants(2)) {
      for (const f of puts) if (f.marks) reporter.note(say.changed(f.name, f.isNew));
    }
    plan.tell();
  }

  /**
   * A server is another process with locks of its own, and what it has just written looks like a change
   * made here until it is recorded. So everything is compared once more when others wrote to the state,
   * and what an intent announces is left to the server, or to its next start.
   *
   * PERF: nothing is asked when nobody else wrote to the state.
   */
  async #stillValid(tx: StateTx, findings: readonly Finding[]): Promise<readonly Finding[]> {
    const wants = new Map((await tx.intents()).map(({ name, want }) => [name, want]));
    const commits = await tx.foreignCommits();
    const isAlone = commits !== undefined && commits === this.#commits;
    if (isAlone && wants.size === 0) return findings;
    const records = await tx.recordsOf(findings.map(({ name }) => name));
    const valid: Finding[] = [];
    for (const finding of findings) {
      const want = wants.get(finding.name);
      const now = this.#compare(finding, { known: records.get(finding.name), want });
      if (now !== undefined) valid.push(now);
    }
    return valid;
  }

  /** Looks at the disk once more. What an intent wants is no finding. */
  #compare(
    finding: Finding,
    { known, want }: { known: FileRecord | undefined; want?: string | undefined },
  ): Finding | undefined {
    const { state, jail, config } = this.#context, { name, at } = finding;
    try {
      const entry = jail.look(at);
      if (want === wantText(entry)) return undefined;
      const isUnseen = finding.do === "remove" && finding.isUnseen && known === undefined;
      if (isUnseen && entry.kind === "absent") return finding;
      const options = { name, time: state.timeUnit, ignored: config.ignored };
      return findingOf(checkStep(entry, known, options), { name, at });
    } catch (error) {
      return reportUnknown(this.#context, name, error);
    }
  }

  /** The findings that are still true, with their locks. */
  async #verified(): Promise<Disposable & { readonly findings: readonly Finding[] }> {
    const { locks, config } = this.#context;
    const held = new DisposableStack();
    if (locks === undefined) {
      return { findings: this.#passed, [Symbol.dispose]: () => held.dispose() };
    }
    try {
      // All takers of several locks take them in the order of paths, so that none waits for another.
      const located = this.#passed.map((f) => ({ f, path: resolveName(config, f.name) }));
      const paths = new Set(located.flatMap(({ path }) => path === undefined ? [] : [path]));
      for (const path of [...paths].sort(byteOrder)) held.use(await locks.take(path));
      const findings: Finding[] = [];
      for (const { f } of located) {
        const again = await this.#again(f);
        if (again !== undefined) findings.push(again);
      }
      return { findings, [Symbol.dispose]: () => held.dispose() };
    } catch (error) {
      held.dispose();
      throw error;
    }
  }

  /** Looks at disk and record once more: the server may have changed both since the walk. */
  async #again(finding: Finding): Promise<Finding | undefined> {
    return this.#compare(finding, { known: await this.#context.state.record(finding.name) });
  }
}
