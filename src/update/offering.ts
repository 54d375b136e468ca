/** Rows of a pass, looked at and offered many at a time before they are pushed one by one. */
import { keyFor, locate } from "../config/mod.ts";
import {
  type DbName,
  type DirtyRow,
  type FileRecord,
  type Key,
  type Located,
  type Present,
} from "../model/mod.ts";
import type { BulkPeer, Offer, OfferAnswer } from "../protocol/mod.ts";
import { checkStep, pushStep } from "../reconcile/mod.ts";
import type { StateStore } from "../state/mod.ts";
import type { PushContext } from "./context.ts";
import type { Offered } from "./offered.ts";

/** LIMIT: offers under way: while the peer looks at one, the next is made, and another one travels. */
const MAX_OFFERS = 3;

export interface OfferingOptions {
  readonly bulk: BulkPeer;
  readonly state: StateStore;
  /** Contents are compared always: then no record is good enough. */
  readonly comparesContent: boolean;
  /** Announces the own name of the rows that come next, when nothing is under way. */
  readonly announce: (row: DirtyRow) => Promise<boolean>;
}

/** A row that can be offered. */
interface Candidate {
  readonly row: DirtyRow;
  readonly key: Key;
  readonly at: Located;
}

/** One peer's; ends with its connection. */
export class Offering {
  readonly #context: PushContext;
  readonly #options: OfferingOptions;

  constructor(context: PushContext, options: OfferingOptions) {
    this.#context = context;
    this.#options = options;
  }

  /**
   * The rows in their order, with the peer's answers. The next ones are offered while the caller works
   * on these; whoever stops early leaves their marks as they are.
   *
   * @throws NetError, ProtocolError, StateError
   */
  async *offered(rows: AsyncIterable<readonly DirtyRow[]>): AsyncGenerator<readonly Offered[]> {
    const waiting: Promise<readonly Offered[]>[] = [];
    let myName: string | undefined;
    for await (const batch of this.#batches(rows)) {
      const [first] = batch as [DirtyRow];
      if (first.myName !== myName) {
        while (waiting.length > 0) yield await waiting.shift()!;
        myName = await this.#options.announce(first) ? first.myName : undefined;
      }
      const answered = myName === undefined
        ? Promise.resolve(batch.map((row) => ({ row })))
        : this.#offer(batch);
      answered.catch(() => {}); // it is told to whom it is handed
      waiting.push(answered);
      if (waiting.length >= MAX_OFFERS) yield await waiting.shift()!;
    }
    while (waiting.length > 0) yield await waiting.shift()!;
  }

  /** As many rows as one offer takes, all with the same own name. */
  async *#batches(rows: AsyncIterable<readonly DirtyRow[]>): AsyncGenerator<DirtyRow[]> {
    let batch: DirtyRow[] = [];
    for await (const some of rows) {
      for (const row of some) {
        const isFull = batch.length >= this.#options.bulk.maxOffers;
        if (isFull || (batch.length > 0 && batch[0]!.myName !== row.myName)) {
          yield batch;
          batch = [];
        }
        batch.push(row);
      }
    }
    if (batch.length > 0) yield batch;
  }

  async #offer(rows: readonly DirtyRow[]): Promise<readonly Offered[]> {
    const candidates = this.#candidates(rows);
    const offers = await this.#offersOf(candidates);
    const answers = offers.size === 0 ? [] : await this.#options.bulk.offer([...offers.values()]);
    const found = new Map<DirtyRow, Offered>();
    let at = 0;
    for (const [row, { here }] of offers) found.set(row, judged(row, here, answers[at++]!));
    return rows.map((row) => found.get(row) ?? { row });
  }

  /** Rows of names that we share with the peer. */
  #candidates(rows: readonly DirtyRow[]): Candidate[] {
    const { config, peerName } = this.#context;
    const found: Candidate[] = [];
    for (const row of rows) {
      if (row.forced) continue; // it is not asked what is there
      const key = keyFor(config, row.name, peerName), at = locate(config, row.name);
      if (key !== undefined && at !== undefined) found.push({ row, key, at });
    }
    return found;
  }

  /** What is here, of all that has to be asked for. */
  async #offersOf(candidates: readonly Candidate[]): Promise<ReadonlyMap<DirtyRow, Offer>> {
    const offers = new Map<DirtyRow, Offer>();
    if (candidates.length === 0) return offers;
    const { state, comparesContent } = this.#options;
    const records: ReadonlyMap<DbName, FileRecord> = comparesContent
      ? new Map()
      : await state.recordsOf(candidates.map(({ row }) => row.name));
    const entries = this.#context.jail.lookEach(candidates.map(({ at }) => at));
    candidates.forEach(({ row, key }, n) => {
      const here = entries[n];
      if (here === undefined || here instanceof Error || here.kind === "absent") return;
      const step = pushStep({ forced: false, here, there: undefined, hasParent: true });
      if (step.do !== "look") return;
      const isCurrent = this.#isCurrent(here, row.name, records.get(row.name));
      offers.set(row, { key, name: row.name, here, isCurrent });
    });
    return offers;
  }

  /** A record that leaves something open proves nothing: a fraction of a second, a link's target. */
  #isCurrent(here: Present, name: DbName, record: FileRecord | undefined): boolean {
    const time = this.#options.state.timeUnit;
    const step = checkStep(here, record, { name, time, ignored: this.#context.config.ignored });
    return step.do === "same" && step.record === undefined;
  }
}

function judged(row: DirtyRow, here: Present, answer: OfferAnswer): Offered {
  switch (answer.kind) {
    case "same":
      return { row, same: here };
    case "absent":
    case "behind-link":
      return { row, seen: { here, there: { kind: answer.kind } } };
    default:
      return { row, seen: { here, there: answer } };
  }
}
