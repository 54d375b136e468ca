/** BulkPeer over frames: many rows in one request. */
import {
  type DbName,
  DONE,
  failed,
  type Key,
  type Outcome,
  type Refusal,
} from "../../model/mod.ts";
import type { BulkPeer, Offer, OfferAnswer, SmallPut, WantedCopy } from "../bulk.ts";
import type { RangePeer } from "../ranges.ts";
import { readOfferAnswers } from "./answers.ts";
import type { Calls } from "./calls.ts";
import {
  copyBytes,
  offerBytes,
  type OfferFrameRow,
  sendCopy,
  sendOffer,
  type Target,
} from "./client_frames.ts";
import { OFFERS_MAX, PUTS_BYTES_MAX, PUTS_MAX } from "./layout.ts";
import { PutsSender } from "./puts_sender.ts";
import { fitsEntry } from "./values.ts";

/** A frame is sent before it becomes larger than this; a row alone is far smaller. */
const FRAME_BYTES = 262_144;

export interface BulkClientOptions {
  readonly calls: Calls;
  readonly target: (key: Key, name: DbName) => Target | Refusal;
  readonly ranges: RangePeer;
}

/** Rows of one frame, and where their answers go. */
interface Batch {
  readonly rows: OfferFrameRow[];
  readonly places: number[];
  bytes: number;
}

export class BulkClient implements BulkPeer {
  readonly ranges: RangePeer;
  readonly maxPuts = PUTS_MAX;
  readonly maxPutBytes = PUTS_BYTES_MAX;
  readonly #options: BulkClientOptions;
  readonly #puts: PutsSender;
  #maxOffers = OFFERS_MAX;

  constructor(options: BulkClientOptions) {
    this.#options = options;
    this.ranges = options.ranges;
    this.#puts = new PutsSender(options);
  }

  get maxOffers(): number {
    return this.#maxOffers;
  }

  /** What the server takes at once. */
  limit(offers: number): void {
    this.#maxOffers = Math.min(offers, OFFERS_MAX);
  }

  async offer(offers: readonly Offer[]): Promise<readonly OfferAnswer[]> {
    const answers: OfferAnswer[] = new Array(offers.length);
    const asked = this.#batches(offers, answers).map(async (batch) => {
      const got = await this.#ask(batch);
      batch.places.forEach((place, at) => answers[place] = "kind" in got ? got : got[at]!);
    });
    await Promise.all(asked);
    return answers;
  }

  async copy(wanted: WantedCopy<Key>): Promise<Outcome | undefined> {
    const { here: want, digest } = wanted;
    const target = this.#options.target(wanted.key, wanted.name);
    const like = this.#options.target(wanted.like.key, wanted.like.name);
    if ("kind" in target || "kind" in like || !fitsEntry(want)) return undefined;
    const { calls } = this.#options, frame = { ...target, want, like, digest };
    return await calls.ask({
      bytes: copyBytes(frame),
      workBytes: want.size,
      send: (id) => sendCopy(calls.channel.sender, id, frame),
      read: (reader) => reader.choice(2) === 1 ? DONE : undefined,
    });
  }

  putMany(puts: readonly SmallPut<Key>[]): Promise<readonly Outcome[]> {
    return this.#puts.send(puts);
  }

  #ask({ rows, bytes }: Batch): Promise<OfferAnswer[] | Refusal> {
    const { calls } = this.#options;
    return calls.ask({
      bytes,
      send: (id) => sendOffer(calls.channel.sender, id, { rows, bytes }),
      read: (reader) => readOfferAnswers(reader, rows.length),
    });
  }

  /** What cannot be asked is answered at once. */
  #batches(offers: readonly Offer[], answers: OfferAnswer[]): Batch[] {
    const batches: Batch[] = [];
    offers.forEach(({ key, name, here, isCurrent }, place) => {
      const target = this.#options.target(key, name);
      if ("kind" in target) answers[place] = target;
      else if (!fitsEntry(here)) answers[place] = failed("Invalid argument");
      else {
        const row = { ...target, here, isCurrent }, bytes = offerBytes(row);
        let batch = batches.at(-1);
        if (
          batch === undefined || batch.rows.length >= this.#maxOffers ||
          batch.bytes + bytes > FRAME_BYTES
        ) batches.push(batch = { rows: [], places: [], bytes: 0 });
        batch.rows.push(row);
        batch.places.push(place);
        batch.bytes += bytes;
      }
    });
    return batches;
  }
}
