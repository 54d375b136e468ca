/** Whether this host's own changes stand in the way of a peer's request: they come first (W 13.1). */
import { BUSY, type Held } from "../apply/mod.ts";
import type { KnownOfName } from "../check/mod.ts";
import type { Config } from "../config/mod.ts";
import {
  CONFLICT,
  type DbName,
  type Entry,
  type HostName,
  type Refusal,
  type ScheduledAction,
} from "../model/mod.ts";
import { admit, marksFor } from "../reconcile/mod.ts";
import type { Reporter } from "../report/mod.ts";
import { type Checked, checkName, isInOrder } from "./check_name.ts";
import type { Workplace } from "./context.ts";
import * as say from "./messages.ts";
import type { Signed } from "./signed.ts";

/** One connection's view. */
export interface RecheckOptions {
  readonly place: Workplace;
  /** With `GROUP` in force; checks go by the whole configuration. */
  readonly config: Config;
  readonly peer: HostName;
  readonly reporter: Reporter;
  /** Told the commands that a check has scheduled. */
  readonly scheduled: (actions: readonly ScheduledAction[]) => void;
}

export class Recheck {
  constructor(private readonly options: RecheckOptions) {}

  /**
   * Refuses when the object or its mark say that it changed here.
   * @param seen what was seen under the lock of the path; looked at if undefined
   */
  async refuseDirty(name: DbName, seen: Entry | undefined): Promise<Refusal | undefined> {
    const { reads, state } = this.options.place;
    const facts = await reads.of(name);
    const looking = this.look(name, seen && { seen, record: facts.record });
    const found = typeof looking === "boolean" ? looking : await looking;
    const isDirty = found ? await state.isDirty(name) : facts.isDirty;
    const admission = admit({ grant: "allow", refusesIfDirty: true, isDirty });
    if (admission.do !== "refuse") return undefined;
    if (admission.marksForPeer) await this.markForPeer([name]);
    return this.refuse(name, admission.outcome);
  }

  /**
   * As `refuseDirty`, for many: whether nothing stands in the way of each. PERF: two questions to the
   * state for all. Of the others nothing is said or done.
   */
  async areFree(
    seen: readonly { readonly name: DbName; readonly entry: Entry }[],
  ): Promise<boolean[]> {
    const { place, reporter } = this.options, { state } = place;
    const names = seen.map(({ name }) => name);
    const records = await state.recordsOf(names), marks = await state.dirtyAmong(names);
    const isFree = isInOrder(place, reporter);
    return seen.map(({ name, entry }) => {
      const facts = { grant: "allow", refusesIfDirty: true, isDirty: marks.has(name) } as const;
      return admit(facts).do === "allow" &&
        isFree(name, { seen: entry, record: records.get(name) });
    });
  }

  /**
   * SETIME says that the peer has what is here, so its mark goes and the record follows. A change that
   * it does not know of would be lost by that: it is a conflict, like everywhere else.
   * @param options `isStrict`: see Signed.judge()
   */
  async refuseTime(
    name: DbName,
    held: Held,
    { signed, isStrict = false }: { readonly signed: Signed; readonly isStrict?: boolean },
  ): Promise<Refusal | undefined> {
    const { place } = this.options;
    const { seen, fingerprint } = held;
    const judged = await signed.judge(place, name, { seen, fingerprint, isStrict });
    if (judged !== "known") await this.look(name);
    if (judged !== "changed") return undefined;
    // Another connection was faster: nothing of ours is at stake, and the peer asks again.
    if (!await place.state.isDirty(name)) return this.refuse(name, BUSY);
    await this.markForPeer([name]);
    return this.refuse(name, CONFLICT);
  }

  /** @returns whether something was found that nobody knew of */
  look(name: DbName, known?: KnownOfName): boolean | Promise<boolean> {
    const { place, reporter } = this.options;
    const checked = checkName(place, reporter, { name, known });
    return checked instanceof Promise
      ? checked.then((checked) => this.#checked(checked))
      : this.#checked(checked);
  }

  #checked({ found, scheduled }: Checked): boolean {
    this.options.scheduled(scheduled);
    return found;
  }

  /** Our copy goes back to the peer that was refused. No action: nothing has changed here (D 7.7.3). */
  async markForPeer(names: readonly DbName[]): Promise<void> {
    const { place, config, peer, reporter } = this.options;
    const marks = names.flatMap((name) =>
      marksFor(config, name, { forced: false, onBehalfOf: peer })
    );
    if (marks.length === 0) return;
    await place.state.transaction((tx) => tx.mark(marks));
    for (const { name } of marks) reporter.note(say.marked(name));
  }

  /** Says so. */
  refuse(name: DbName, outcome: Refusal): Refusal {
    const { reporter, peer } = this.options;
    if (reporter.wants(1)) reporter.note(say.refused({ name, peer, why: outcome.kind }));
    return outcome;
  }
}
