/** PUTS from the client's side: many small files in one request. */
import { type DbName, failed, type Key, type Outcome, type Refusal } from "../../model/mod.ts";
import type { SmallPut } from "../bulk.ts";
import { readOutcomes } from "./answers.ts";
import { Writer } from "./bytes.ts";
import type { Calls } from "./calls.ts";
import { PUTS_HEAD_BYTES, putsRowBytes, type Target, writePuts } from "./client_frames.ts";
import { FRAME, HEADER_BYTES, PUTS_BYTES_MAX, PUTS_MAX } from "./layout.ts";
import { fitsEntry } from "./values.ts";

/** PERF: room for a full request with names of 512 bytes; a longer one is sent in several. */
const PAYLOAD_BYTES = PUTS_BYTES_MAX + PUTS_MAX * 512;
const FRAME_BYTES = HEADER_BYTES + PAYLOAD_BYTES;
/** LIMIT: frames kept for later. */
const SPARE_FRAMES = 8;
/** Of all connections. PERF: fresh memory costs more than memory that was used before. */
const spare: Uint8Array[] = [];

export interface PutsSenderOptions {
  readonly calls: Calls;
  readonly target: (key: Key, name: DbName) => Target | Refusal;
}

/** Rows of one frame. */
interface Batch {
  readonly rows: SmallPut<Key>[];
  /** Place of the key of each in HELLO. */
  readonly keys: number[];
  /** Where their outcomes go. */
  readonly places: number[];
  bytes: number;
  contentBytes: number;
}

export class PutsSender {
  readonly #options: PutsSenderOptions;

  constructor(options: PutsSenderOptions) {
    this.#options = options;
  }

  /** @see BulkPeer.putMany */
  async send(puts: readonly SmallPut<Key>[]): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = new Array(puts.length);
    const batches = this.#batches(puts, outcomes);
    if (batches.length === 1 && batches[0]!.rows.length === puts.length) {
      return spread(await this.#ask(batches[0]!), puts.length);
    }
    await Promise.all(batches.map(async (batch) => {
      const got = spread(await this.#ask(batch), batch.rows.length);
      batch.places.forEach((place, at) => outcomes[place] = got[at]!);
    }));
    return outcomes;
  }

  #ask(batch: Batch): Promise<Outcome[] | Refusal> {
    return this.#options.calls.ask({
      bytes: batch.bytes,
      send: (id) => this.#write(id, batch),
      read: (reader) => readOutcomes(reader, batch.rows.length),
    });
  }

  /** The contents are taken when it is its turn. */
  #write(id: number, { rows, keys, bytes }: Batch): void {
    const { sender } = this.#options.calls.channel;
    const frame = bytes > PAYLOAD_BYTES
      ? new Uint8Array(HEADER_BYTES + bytes)
      : spare.pop() ?? new Uint8Array(FRAME_BYTES);
    const writer = new Writer(frame);
    writer.at = HEADER_BYTES;
    writePuts(writer, rows, keys);
    sender.whole(FRAME.puts, id, frame.subarray(0, writer.at), () => this.#keep(frame));
  }

  #keep(frame: Uint8Array): void {
    const isOne = frame.length === FRAME_BYTES;
    if (isOne && spare.length < SPARE_FRAMES) spare.push(frame);
  }

  /** What cannot be asked is answered at once. */
  #batches(puts: readonly SmallPut<Key>[], outcomes: Outcome[]): Batch[] {
    const batches: Batch[] = [];
    let batch: Batch | undefined;
    for (let place = 0; place < puts.length; place++) {
      const put = puts[place]!, { size } = put.want;
      if (put.content.length !== size || size > PUTS_BYTES_MAX) {
        throw new RangeError(`Cannot put ${size} bytes with ${put.content.length} of them at once`);
      }
      const target = this.#options.target(put.key, put.name);
      if ("kind" in target || !fitsEntry(put.want)) {
        outcomes[place] = "kind" in target ? target : UNSPEAKABLE;
        continue;
      }
      const bytes = putsRowBytes(put);
      if (batch === undefined || !hasRoom(batch, bytes, size)) {
        batch = { rows: [], keys: [], places: [], bytes: PUTS_HEAD_BYTES, contentBytes: 0 };
        batches.push(batch);
      }
      batch.rows.push(put);
      batch.keys.push(target.key);
      batch.places.push(place);
      batch.bytes += bytes;
      batch.contentBytes += size;
    }
    return batches;
  }
}

const UNSPEAKABLE = failed("Invalid argument");

function hasRoom(batch: Batch, bytes: number, contentBytes: number): boolean {
  return batch.rows.length < PUTS_MAX && batch.bytes + bytes <= PAYLOAD_BYTES &&
    batch.contentBytes + contentBytes <= PUTS_BYTES_MAX;
}

/** What is refused as a whole is refused for each. */
function spread(answer: readonly Outcome[] | Refusal, count: number): readonly Outcome[] {
  return "kind" in answer ? new Array<Outcome>(count).fill(answer) : answer;
}
