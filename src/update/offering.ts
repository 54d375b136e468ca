/** Rows of a pass, looked at and offered many at a time before they are pushed one by one. */
import { keyFor, locate } from "../config/mod.ts";
import {
  type DbName,
  type DirtyRow,
  type FileRecord,
  type Key,
  type Located,
  type Part,
  type Present,
} from "../model/mod.ts";
import type { BulkPeer, Offer, OfferAnswer } from "../protocol/mod.ts";
import { checkStep, pushStep } from "../reconcile/mod.ts";
import type { StateStore } from "../state/mod.ts";
import type { PushContext } from "./context.ts";
import type { Offered } from "./offered.ts";

/** LIMIT: offers under way: while the peer looks at one, the next is made, and another one travels. */
const MAX_OFFERS = 3;
/** So much of a peer's memory counts for a row of an offer: three offers take some three quarters of it. */
const ROW_BYTES = 4_096;
/** Rows of an offer, however many peers there are. */
const LEAST_ROWS = 64;

export interface OfferingOptions {
  readonly bulk: BulkPeer;
  readonly state: StateStore;
  /** Contents are compared always: then no record is good enough. */
  readonly comparesContent: boolean;
  /** Announces the own name of the rows that come next, when nothing is under way. */
  readonly announce: (row: DirtyRow) => Promise<boolean>;
  /** What may be under way to the peer. @default as many rows as an offer may have */
  readonly memory?: Pick<Part, "bytes"> | undefined;
}

/** A row that can be offered. */
interface Candidate {
  /** Among the rows of its batch. */
  readonly place: number;
  readonly name: DbName;
  readonly key: Key;
  readonly at: Located;
}

interface Offers {
  readonly offers: readonly Offer[];
  /** Of each offer, among the rows of its batch; they ascend. */
  readonly places: readonly number[];
}

const NO_RECORDS: ReadonlyMap<DbName, FileRecord> = new Map();

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

  get #mostRows(): number {
    const { bulk: { maxOffers }, memory } = this.#options;
    if (memory === undefined) return maxOffers;
    return Math.min(maxOffers, Math.max(LEAST_ROWS, memory.bytes / ROW_BYTES));
  }

  /** As many rows as one offer takes, all with the same own name. */
  async *#batches(rows: AsyncIterable<readonly DirtyRow[]>): AsyncGenerator<DirtyRow[]> {
    let batch: DirtyRow[] = [];
    for await (const some of rows) {
      for (const row of some) {
        const isFull = batch.length >= this.#mostRows;
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
    const { offers, places } = await this.#offersOf(this.#candidates(rows));
    const answers = offers.length === 0 ? [] : await this.#options.bulk.offer(offers);
    const found: Offered[] = [];
    for (let place = 0, n = 0; place < rows.length; place++) {
      const row = rows[place]!;
      if (places[n] !== place) found.push({ row });
      else {
        found.push(judged(row, offers[n]!, answers[n]!));
        n++;
      }
    }
    return found;
  }

  /** Rows of names that we share with the peer. */
  #candidates(rows: readonly DirtyRow[]): Candidate[] {
    const { config, peerName } = this.#context;
    const found: Candidate[] = [];
    for (let place = 0; place < rows.length; place++) {
      const { name, forced } = rows[place]!;
      if (forced) continue; // it is not asked what is there
      const key = keyFor(config, name, peerName), at = locate(config, name);
      if (key !== undefined && at !== undefined) found.push({ place, name, key, at });
    }
    return found;
  }

  /** What is here, of all that has to be asked for. */
  async #offersOf(candidates: readonly Candidate[]): Promise<Offers> {
    const offers: Offer[] = [], places: number[] = [];
    if (candidates.length === 0) return { offers, places };
    const { state, comparesContent } = this.#options;
    const records: ReadonlyMap<DbName, FileRecord> = comparesContent
      ? NO_RECORDS
      : await state.recordsOf(candidates.map(({ name }) => name));
    const entries = this.#context.jail.lookEach(candidates.map(({ at }) => at));
    for (let n = 0; n < candidates.length; n++) {
      const here = entries[n]!, { key, name, place } = candidates[n]!;
      if (here instanceof Error || here.kind === "absent") continue;
      const step = pushStep({ forced: false, here, there: undefined, hasParent: true });
      if (step.do !== "look") continue;
      offers.push({ key, name, here, isCurrent: this.#isCurrent(here, name, records.get(name)) });
      places.push(place);
    }
    return { offers, places };
  }

  /** A record that leaves something open proves nothing: a fraction of a second, a link's target. */
  #isCurrent(here: Present, name: DbName, record: FileRecord | undefined): boolean {
    const time = this.#options.state.timeUnit;
    const step = checkStep(here, record, { name, time, ignored: this.#context.config.ignored });
    return step.do === "same" && step.record === undefined;
  }
}

/** Who takes for the same what our record does not vouch for is not believed: the row is looked at alone. */
function judged(row: DirtyRow, { here, isCurrent }: Offer, answer: OfferAnswer): Offered {
  switch (answer.kind) {
    case "same":
      return isCurrent ? { row, same: here } : { row };
    case "absent":
    case "behind-link":
      return { row, seen: { here, there: { kind: answer.kind } } };
    default:
      return { row, seen: { here, there: answer } };
  }
}
