/** Contents that the client asks for: lists, ranges of them, and files. */
import type { ByteStream, DbName, HostName, Key, KeyRange, Refusal } from "../../model/mod.ts";
import { refusalText } from "../../model/mod.ts";
import type { ListedRow } from "../peer.ts";
import { ProtocolError } from "../protocol_error.ts";
import type { BoundsOf, ListingOf, RangePeer, RangeSum } from "../ranges.ts";
import { readRows, readSums } from "./answers.ts";
import type { Ask, Calls } from "./calls.ts";
import {
  listingBytes,
  type ListingFrame,
  sendList,
  sendRanges,
  sendRows,
} from "./client_frames.ts";
import { Incoming } from "./incoming.ts";

const MAX_CONTENT_BYTES = Number.MAX_SAFE_INTEGER;

type Named<T> = T & { readonly name: HostName };

export class Listings implements RangePeer {
  readonly #calls: Calls;
  readonly #place: (key: Key) => number | undefined;

  /** @param place of a key in HELLO; undefined when the server has not proven it */
  constructor(calls: Calls, place: (key: Key) => number | undefined) {
    this.#calls = calls;
    this.#place = place;
  }

  /** LIST. */
  async *all(
    { only, ...listing }: Named<ListingOf<Key>> & { readonly only: DbName | undefined },
  ): AsyncGenerator<readonly ListedRow[]> {
    const frame = { ...this.#frame(listing), only };
    const { sender } = this.#calls.channel;
    yield* this.#rows({
      bytes: listingBytes(frame, only === undefined ? [] : [only]),
      send: (id) => sendList(sender, id, frame),
    });
  }

  async *list(
    { range, ...listing }: Named<ListingOf<Key>> & { readonly range: KeyRange },
  ): AsyncGenerator<readonly ListedRow[]> {
    const frame = { ...this.#frame(listing), range };
    const { sender } = this.#calls.channel;
    yield* this.#rows({
      bytes: listingBytes(frame, [range.from, range.before]),
      send: (id) => sendRows(sender, id, frame),
    });
  }

  async digests({ bounds, ...listing }: Named<BoundsOf<Key>>): Promise<readonly RangeSum[]> {
    const frame = { ...this.#frame(listing), bounds };
    const { sender } = this.#calls.channel;
    const sums = await this.#calls.ask({
      bytes: listingBytes(frame, bounds),
      send: (id) => sendRanges(sender, id, frame),
      read: (reader) => readSums(reader, bounds.length - 1),
    });
    if ("kind" in sums) throw refused(sums);
    return sums;
  }

  /** TYPE: a content that may be left before its end. */
  async content(ask: Pick<Ask<void>, "bytes" | "send">): Promise<ByteStream | Refusal> {
    const begun = this.#begin(ask);
    const first = await Promise.race([begun.gone, begun.answer]);
    if (first !== "go") return first ?? (async function* () {})();
    return (async function* () {
      try {
        yield* begun.incoming.bytes;
        await begun.answer;
      } finally {
        begun.incoming.drop();
      }
    })();
  }

  async *#rows(ask: Pick<Ask<void>, "bytes" | "send">): AsyncGenerator<readonly ListedRow[]> {
    const { incoming, answer } = this.#begin(ask);
    let last = "";
    try {
      for await (const piece of incoming.bytes) {
        const rows = this.#read(piece, last);
        last = rows.at(-1)?.key ?? last;
        if (rows.length > 0) yield rows;
      }
      const refusal = await answer;
      if (refusal !== undefined) throw refused(refusal);
    } finally {
      incoming.drop();
    }
  }

  /** What is no list is the end of the connection: its server is not what it should be. */
  #read(piece: Uint8Array, last: string): ListedRow[] {
    try {
      return readRows(piece, last);
    } catch (error) {
      this.#calls.fail(error);
      throw error;
    }
  }

  #begin(ask: Pick<Ask<void>, "bytes" | "send">) {
    const incoming = new Incoming(this.#calls.channel.granted, MAX_CONTENT_BYTES);
    const { promise: gone, resolve } = Promise.withResolvers<"go">();
    const answer = this.#calls.ask<void>({
      ...ask,
      read: () => {},
      incoming,
      onGo: () => resolve("go"),
    });
    answer.catch((error) => incoming.fail(error)); // awaited by whoever reads to the end
    return { incoming, gone, answer };
  }

  #frame({ name, keys }: Named<ListingOf<Key>>): ListingFrame {
    const places = [...new Set(keys)].map(this.#place);
    return { name, keys: places.filter((place) => place !== undefined) };
  }
}

function refused(refusal: Refusal): ProtocolError {
  return new ProtocolError("refused", `Cannot list: the peer answered "${refusalText(refusal)}"`);
}
