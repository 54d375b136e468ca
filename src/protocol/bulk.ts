/** What two hosts of ours can say to each other beyond the classic dialect (docs/fast-protocol.md). */
import type { DbName, Key, Outcome, Present, Refusal, Regular } from "../model/mod.ts";
import type { RangePeer } from "./ranges.ts";

/** One object as the pushing host has it. */
export interface Offer {
  readonly key: Key;
  readonly name: DbName;
  /** With times in nanoseconds. */
  readonly here: Present;
  /** Whether our record of it says the same: then nobody has changed it since our last check. */
  readonly isCurrent: boolean;
}

/**
 * What the peer has. `same`: exactly this, with a current record and no mark of its own; its mark for us
 * is gone, and nothing is left to do. Everything else changes nothing there: `look` would say the same.
 */
export type OfferAnswer =
  | { readonly kind: "same" | "absent" | "behind-link" }
  | {
    readonly kind: "there";
    /** Check text with its time in nanoseconds, not encoded. */
    readonly checkText: string;
  }
  | Refusal;

/** The pushing side. */
export interface BulkPeer {
  /** LIMIT: rows of one offer. */
  readonly maxOffers: number;
  /** An answer for each row, in their order. Changes nothing at the peer but its marks for us (`same`). */
  offer(rows: readonly Offer[]): Promise<readonly OfferAnswer[]>;
  /**
   * Has the peer make a file that it does not have from another one of its own: with all that `put` does,
   * but without its content. Undefined: that has another content, or there is something of that name;
   * nothing was changed then.
   */
  copy?(want: WantedCopy<Key>): Promise<Outcome | undefined>;
  /** LIMIT: rows, and bytes of contents, of one `putMany`. */
  readonly maxPuts: number;
  readonly maxPutBytes: number;
  /** Puts many small files; an outcome for each, in their order. Contents stay as they are until it resolves. */
  putMany(puts: readonly SmallPut<Key>[]): Promise<readonly Outcome[]>;
  /** Listings compared by ranges; without it `list` tells all rows. */
  readonly ranges?: RangePeer;
}

/** A small file with its content. */
export interface SmallPut<K extends string = string> {
  readonly key: K;
  readonly name: DbName;
  readonly want: Regular;
  /** As many bytes as `want.size`. */
  readonly content: Uint8Array;
}

/** A new file, and where its content is. */
export interface WantedCopy<K extends string = string> {
  readonly key: K;
  readonly name: DbName;
  readonly here: Regular;
  /** A file of the receiving side that may have the content. */
  readonly like: { readonly key: K; readonly name: DbName };
  /** SHA-256 of the content. */
  readonly digest: Uint8Array;
}

/** Keys that a client has proven to know, in its order; undefined for those that we do not share. */
export interface KeyProofs {
  /** Nonces, certificates and the name, hashed: what a proof is good for (docs/fast-protocol.md, 3). */
  readonly binding: Uint8Array;
  /** One per key of the client. */
  readonly proofs: readonly Uint8Array[];
}

export type KeyedIdentity =
  | {
    readonly kind: "ok";
    /** The keys behind the client's proofs, in its order; undefined where we have none like it. */
    readonly keys: readonly (string | undefined)[];
    /** Our proof for each of them; empty where there is none. */
    readonly answers: readonly Uint8Array[];
  }
  | { readonly kind: "failed" | "encryption-expected" | "no-common-key" };
