/** A transaction that puts off writes, so that many of a kind become one statement. */
import type { DbName, FileRecord, HostName, Intent, ScheduledAction } from "../model/mod.ts";
import { type MaybePromise, then } from "./sql_connection.ts";
import { type Cleared, SqlTx } from "./sql_tx.ts";
import type { Replaced } from "./told.ts";

/** Each kind is about rows that no other kind touches, so their order does not matter. */
interface Writes {
  /** The last one for each name; undefined: it goes. */
  readonly records: Map<DbName, FileRecord | undefined>;
  readonly intents: Map<DbName, Intent | undefined>;
  readonly cleared: Cleared[];
  readonly replaced: Replaced[];
  readonly actions: ScheduledAction[];
}

/** What waits is written by `flush`, and before everything else that is done in the transaction. */
export class GatheringTx extends SqlTx {
  #writes = nothing();

  override putRecords(records: readonly FileRecord[]): void {
    this.mustBeOpen();
    for (const record of records) this.#writes.records.set(record.name, record);
  }

  override deleteRecords(names: readonly DbName[]): void {
    this.mustBeOpen();
    for (const name of names) this.#writes.records.set(name, undefined);
  }

  override putIntent(intent: Intent): void {
    this.mustBeOpen();
    this.#writes.intents.set(intent.name, intent);
  }

  override deleteIntent(name: DbName): void {
    this.mustBeOpen();
    this.#writes.intents.set(name, undefined);
  }

  override clearMarks(name: DbName, peer?: HostName): MaybePromise<void> {
    this.mustBeOpen();
    if (peer === undefined) return super.clearMarks(name);
    this.#writes.cleared.push({ name, peer });
  }

  override supersedeTold(replaced: readonly Replaced[]): void {
    this.mustBeOpen();
    this.#writes.replaced.push(...replaced);
  }

  override schedule(actions: readonly ScheduledAction[]): void {
    this.mustBeOpen();
    this.#writes.actions.push(...actions);
  }

  override flush(): MaybePromise<void> {
    if (isNothing(this.#writes)) return;
    const { records, intents, cleared, replaced, actions } = this.#writes;
    this.#writes = nothing();
    const known = apart(records), begun = apart(intents);
    const steps = [
      () => super.putRecords(known.put),
      () => super.deleteRecords(known.gone),
      () => this.putIntents(begun.put),
      () => this.deleteIntents(begun.gone),
      () => this.clearMarksAmong(cleared),
      () => super.supersedeTold(replaced),
      () => super.schedule(actions),
    ];
    return steps.reduce<MaybePromise<void>>((done, step) => then(done, step), undefined);
  }
}

function nothing(): Writes {
  return { records: new Map(), intents: new Map(), cleared: [], replaced: [], actions: [] };
}

function isNothing({ records, intents, cleared, replaced, actions }: Writes): boolean {
  return records.size + intents.size + cleared.length + replaced.length + actions.length === 0;
}

function apart<T>(last: ReadonlyMap<DbName, T | undefined>): { put: T[]; gone: DbName[] } {
  const put: T[] = [], gone: DbName[] = [];
  for (const [name, value] of last) {
    if (value === undefined) gone.push(name);
    else put.push(value);
  }
  return { put, gone };
}
