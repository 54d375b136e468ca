/** Marks that were carried out, deleted a few at a time while the next files travel. */
import {
  type DbName,
  type DirtyMark,
  type DirtyRow,
  type Entry,
  type FileRecord,
  type Ignored,
  NOTHING_IGNORED,
} from "../model/mod.ts";
import { checkStep } from "../reconcile/mod.ts";
import {
  notePushes,
  type Push,
  rememberTold,
  type StateStore,
  type StateTx,
  type Told,
  told,
} from "../state/mod.ts";

/**
 * LIMIT: rows per transaction; it takes some microseconds for each, in which nothing else is done. PERF: with
 * 4,000 a row lives long enough to be copied twice by the collector, 5 to 10 % of a push.
 */
const SETTLE_ROWS = 1_000;
/** Of no mark. */
const NO_GENERATION = -1;
/** How long a row waits for others at most. */
const SETTLE_MS = 200;

interface Waiting {
  readonly row: DirtyRow;
  readonly sent: Entry | undefined;
  /** The record said the same when it was read, since `watchRecords`. */
  readonly isRecorded: boolean;
}

const NO_RECORDS: ReadonlyMap<DbName, FileRecord> = new Map();

export interface SettleQueueOptions {
  /** @default nothing */
  readonly ignored?: Ignored;
  /** Whether third hosts have the name too: then what a peer got is remembered (`rememberTold`). */
  readonly isShared?: (name: DbName) => boolean;
  /** A check came directly before: what has no record has come since. @default {false} */
  readonly isChecked?: boolean;
}

/**
 * A mark that has changed or is gone means that somebody else is pushing the same name: another `-x`,
 * or a C program on the same database. Whose object arrives last nobody knows, so the name is marked
 * anew, which the other one will notice in its turn, and is compared once more.
 *
 * Losing what waits here costs time only: the peer is asked again and is found up to date. A mark that
 * was set again during its transfer has another generation and survives.
 *
 * PERF: one transaction per row would be the most expensive local step of a push.
 */
export class SettleQueue {
  readonly #ignored: Ignored;
  readonly #isShared: (name: DbName) => boolean;
  readonly #isChecked: boolean;
  #waiting: Waiting[] = [];
  #writing: Promise<void> = Promise.resolve();
  #failure: unknown;
  #contested = new Set<DbName>();
  #stayed = new Set<DbName>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Of the records, as long as they are those that were there when they began to be watched. */
  #version: string | undefined;

  constructor(
    private readonly state: StateStore,
    { ignored = NOTHING_IGNORED, isShared = () => false, isChecked = false }: SettleQueueOptions =
      {},
  ) {
    this.#ignored = ignored;
    this.#isShared = isShared;
    this.#isChecked = isChecked;
  }

  /** Like `add`, for a row that stays: the peer refused, but perhaps in the middle of a change. */
  keep(row: DirtyRow): Promise<void> | undefined {
    return this.add({ ...row, generation: NO_GENERATION });
  }

  /**
   * To be called before the records are read of rows that are added as recorded. Another program that
   * writes records meanwhile only makes it slower. @throws StateError
   */
  async watchRecords(): Promise<void> {
    await this.flush();
    this.#version = await this.state.transaction((tx) => tx.recordsVersion());
  }

  /**
   * @param sent what the peer has now, or that it has nothing
   * @param isRecorded whether our record of it says just this
   * @returns undefined when there is nothing to wait for
   */
  add(row: DirtyRow, sent?: Entry, isRecorded = false): Promise<void> | undefined {
    this.#waiting.push({ row, sent, isRecorded });
    this.#timer ??= setTimeout(() => this.#start(), SETTLE_MS);
    return this.#waiting.length < SETTLE_ROWS ? undefined : this.#makeRoom();
  }

  async #makeRoom(): Promise<void> {
    await this.#writing; // at most one transaction behind
    this.#start();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Resolves when everything added is deleted. @throws StateError */
  async flush(): Promise<void> {
    await this.#writing;
    this.#start();
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Names that were marked again since the last call. To be called after `flush`. */
  takeContested(): ReadonlySet<DbName> {
    const taken = this.#contested;
    this.#contested = new Set();
    return taken;
  }

  /** Names whose marks stay though they were added, since the last call. To be called after `flush`. */
  takeStayed(): ReadonlySet<DbName> {
    const taken = this.#stayed;
    this.#stayed = new Set();
    return taken;
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const rows = this.#waiting;
    if (rows.length === 0) return;
    this.#waiting = [];
    const before = this.#writing;
    this.#writing = this.#write(rows).then(() => before);
  }

  /**
   * What was sent is not what the last check has seen. If it changes back before the next one, that one
   * finds nothing, and the peer would keep what it was sent: a link that was something else for a
   * moment, a file that was moved away and back. So the mark stays until both agree, and is made anew
   * when a peer that won a conflict has taken it away meanwhile. A name without a record needs none as
   * long as nobody checks (`-m` and `-u`): it is noted, for the next check. Behind a check it came since, a
   * file that is removed and made again all the time: if it goes before the next check, only the mark tells
   * that the peer has it.
   */
  #isUnrecorded(name: DbName, sent: Entry, record: FileRecord | undefined): boolean {
    const options = { name, time: this.state.timeUnit, ignored: this.#ignored };
    const step = checkStep(sent, record, options).do;
    if (step === "appeared") return this.#isChecked && sent.kind !== "sock";
    return step === "changed" || step === "vanished";
  }

  /** What has no record: as long as nobody checks, nothing else tells that the peer has it (check/unseen.ts). */
  #pushes(waiting: readonly Waiting[], records: ReadonlyMap<DbName, FileRecord>) {
    const sent: Push[] = [], done: Push[] = [];
    if (this.#isChecked) return { sent, done }; // marks stay
    for (const { row: { name, peer }, sent: what } of waiting) {
      if (what === undefined || what.kind === "sock" || records.has(name)) continue;
      (what.kind === "absent" ? done : sent).push({ name, peer });
    }
    return { sent, done };
  }

  #told(rows: readonly Waiting[]): Told[] {
    const found: Told[] = [];
    for (const { row: { name, peer }, sent } of rows) {
      if (sent === undefined || !this.#isShared(name)) continue;
      found.push(told({ name, peer }, { entry: sent }));
    }
    return found;
  }

  /**
   * Those of which the record has to be read now.
   *
   * RACE: a record that is written between the look at a row and its settling may be of another object than
   * the one that the peer has. Whoever has written none meanwhile, neither here nor in another process, has
   * left what was read before: then it need not be read again.
   */
  async #withOpenRecord(tx: StateTx, waiting: readonly Waiting[]): Promise<readonly Waiting[]> {
    if (this.#version !== undefined && await tx.recordsVersion() !== this.#version) {
      this.#version = undefined;
    }
    const isKnown = this.#version !== undefined;
    return waiting.filter(({ sent, isRecorded }) => sent !== undefined && !(isKnown && isRecorded));
  }

  /** Never rejects. */
  async #write(waiting: readonly Waiting[]): Promise<void> {
    const rows = waiting.map(({ row }) => row);
    try {
      await this.state.transaction(async (tx) => {
        await rememberTold(tx, this.#told(waiting));
        const open = await this.#withOpenRecord(tx, waiting);
        const records = open.length === 0
          ? NO_RECORDS
          : await tx.recordsOf(open.map(({ row: { name } }) => name));
        await notePushes(tx, this.#pushes(open, records));
        const isOpen = open.length === waiting.length ? undefined : new Set(open);
        const others = new Set(await tx.settleMany(rows));
        const again: DirtyMark[] = [];
        for (const one of waiting) {
          const { row, sent } = one, { name, myName, peer, forced, generation } = row;
          const isSettled = others.size === 0 || !others.has(row);
          const isUnrecorded = sent !== undefined && isOpen?.has(one) !== false &&
            this.#isUnrecorded(name, sent, records.get(name));
          if (isSettled && !isUnrecorded) continue;
          again.push({ name, myName, peer, forced: isSettled && forced });
          this.#stayed.add(name);
          if (!isSettled && generation !== NO_GENERATION) this.#contested.add(name);
        }
        if (again.length > 0) await tx.mark(again);
      });
    } catch (error) {
      this.#failure ??= error;
    }
  }
}
