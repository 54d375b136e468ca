/** A peer in memory that compares listings by ranges, and contents by digests. */
import { createHash } from "node:crypto";
import { type DbName, type Key, type KeyRange, toBytes } from "../../src/model/mod.ts";
import type { BulkPeer, ListedRow, LookResult, ThereView } from "../../src/protocol/mod.ts";
import { digestRanges } from "../../src/reconcile/mod.ts";
import { FakePeer, type FakePeerOptions } from "./fake_peer.ts";

export interface RangedPeerOptions extends FakePeerOptions {
  /** Names whose content it cannot read. */
  readonly unreadable?: readonly string[];
}

export class RangedPeer extends FakePeer {
  override readonly bulk: BulkPeer;
  readonly #unreadable: readonly string[];

  constructor(options: RangedPeerOptions = {}) {
    super({ timeUnit: "nanos", ...options });
    this.#unreadable = options.unreadable ?? [];
    const rows = options.rows ?? [];
    this.bulk = {
      maxOffers: 1,
      offer: () => Promise.reject(new Error("not asked")),
      maxPuts: 1,
      maxPutBytes: 1,
      putMany: () => Promise.reject(new Error("not asked")),
      ranges: {
        digests: ({ name, keys, bounds }) => {
          this.log.push(`DIGESTS ${name} ${bounds.length - 1} ${keys.length}`);
          return digestRanges(within(rows, { from: bounds[0]!, before: bounds.at(-1)! }), bounds);
        },
        list: ({ name, keys, range }) => {
          this.log.push(`RANGE ${name} ${range.from} ${range.before} ${keys.length}`);
          return within(rows, range);
        },
      },
    };
  }

  override look<T>(
    key: Key,
    name: DbName,
    judge: (there: ThereView) => Promise<T>,
  ): Promise<LookResult<T>> {
    return super.look(key, name, ({ checkText }) => {
      const content = toBytes(this.objects.get(name)?.content ?? "");
      const digest = () => {
        this.log.push(`DIGEST ${name}`);
        if (this.#unreadable.includes(name)) return Promise.resolve(undefined);
        return Promise.resolve(new Uint8Array(createHash("sha256").update(content).digest()));
      };
      return judge({ checkText, signature: neverPulled(), digest });
    });
  }
}

async function* within(rows: readonly ListedRow[], { from, before }: KeyRange) {
  for (const row of rows) if (row.key >= from && row.key < before) yield await [row];
}

async function* neverPulled(): AsyncGenerator<Uint8Array> {
  yield await Promise.reject(new Error("the digest is asked for instead"));
}
