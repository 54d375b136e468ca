/** What a server must be able to answer, free of dialect. serve/receiver implements it. */
import type {
  ByteStream,
  Change,
  DbName,
  Meta,
  Outcome,
  Present,
  Refusal,
  SizedStream,
} from "../model/mod.ts";
import type { KeyedIdentity, KeyProofs, OfferAnswer, SmallPut, WantedCopy } from "./bulk.ts";
import type { ListedRow, RangeHandler } from "./ranges.ts";

export type { Change };

/** A name with the key that came with it. The name was checked with isDbName, the key was not. */
export interface Addressed {
  readonly key: string;
  readonly name: DbName;
}

/** Answer to SIG. */
export type LookReply =
  | { readonly kind: "absent" | "behind-link" }
  | {
    readonly kind: "there";
    /** Time written as 0, not encoded. */
    readonly checkText: string;
    /** For regular files. */
    readonly signature?: SizedStream;
  }
  | Refusal;

/** A PATCH that was admitted: exactly one of `apply` and `abort` is called, then dispose. */
export interface PutSession extends AsyncDisposable {
  /** Of what is there now; the fixed twelve bytes when nothing is there (W 10.1). */
  readonly signature: SizedStream;
  /** For our own clients, in our own format; instead of `signature`. The new content is told to have so many bytes. */
  sizedSignature?(newBytes: number): SizedStream;
  /**
   * Consumes `delta` to its end in every case, also after a failure (W 20.1), and installs the result.
   */
  apply(delta: ByteStream): Promise<Outcome>;
  /**
   * As `apply`, with the content itself. `isValid`, asked after the last byte: whether the client stands
   * by what it sent; if not, nothing is installed. Bytes stay as they are until it resolves.
   */
  applyWhole?(content: ByteStream | Uint8Array, isValid: () => boolean): Promise<Outcome>;
  /** The client sent `ERROR`. */
  abort(): Promise<Outcome>;
}

/**
 * One connection's state and answers. Methods are called one after the other. A Refusal becomes a
 * reply line; a thrown error closes the connection without a reply.
 */
export interface RequestHandler extends AsyncDisposable {
  /** What only our own clients ask for; without it the fast dialect is not spoken. */
  readonly bulk?: BulkHandler;
  /**
   * The connection was encrypted; called once, directly after the TLS handshake and before CONFIG.
   * @param certificate DER of the client's leaf certificate, undefined when it showed none
   */
  secured(certificate: Uint8Array | undefined): void;
  /** CONFIG. `bad-name`: `Config names are limited to [a-z0-9]+.`, then close. */
  configure(name: string): Promise<"ok" | "bad-name">;
  /** GROUP. False: `Group list already set!` */
  restrictGroups(list: readonly string[]): Promise<boolean>;
  /** HELLO. Any earlier identity is dropped first. */
  identify(name: string): Promise<"ok" | "failed" | "encryption-expected">;
  /** Whether `identify` succeeded last time. */
  readonly isIdentified: boolean;
  /** Whether the client is one that may ask for something; anybody can identify himself as a stranger. */
  readonly isKnown: boolean;

  look(at: Addressed): Promise<LookReply>;
  mark(at: Addressed): Promise<Outcome>;
  flush(at: Addressed): Promise<Outcome>;
  change(at: Addressed, change: Change): Promise<Outcome>;
  /** PATCH; with `meta` ATOMICPATCH. A Refusal is sent instead of `OK (send_data).` */
  beginPut(at: Addressed, meta?: Meta): Promise<PutSession | Refusal>;
  measure(at: Addressed, of: "mtime" | "size"): Promise<bigint | undefined | Refusal>;
  /** TYPE. */
  content(at: Addressed): Promise<ByteStream | Refusal>;
  /**
   * LIST: records ascending by key, in batches; times in `unit`. Without `isOurs` in the form of the C
   * programs: links below a prefix have no target (D 7.3.4).
   */
  list(
    query: {
      readonly myName: string;
      readonly keys: readonly string[];
      readonly only?: DbName;
      readonly unit: "seconds" | "nanos";
      readonly isOurs: boolean;
    },
  ): AsyncIterable<readonly ListedRow[]>;
}

/** An offer as it arrives. */
export interface Offered extends Addressed {
  readonly here: Present;
  readonly isCurrent: boolean;
}

/** The receiving side, in addition to RequestHandler. */
export interface BulkHandler {
  /** For the identity and configuration of the moment. */
  readonly ranges?: RangeHandler;
  /**
   * As `identify`, for a client that proves its keys instead of sending them. Who shows a certificate for
   * the first time and proves no key is not pinned.
   */
  identifyByKeys(name: string, shown: KeyProofs): Promise<KeyedIdentity>;
  /**
   * A handler for the same client and configuration that may work while this one and others do; it has
   * what it opens for itself. Dispose it, before this one.
   */
  fork(): RequestHandler;
  /** An answer for each row, in their order. */
  offer(rows: readonly Offered[]): Promise<readonly OfferAnswer[]>;
  /**
   * Puts many small files, each with all that `beginPut` does: an outcome for each, in their order. Of rows
   * on the same path, or one above the other, each sees what those before it have done. Contents stay as they
   * are until it resolves.
   */
  putMany(puts: readonly SmallPut[]): Promise<readonly Outcome[]>;
  /** SHA-256 of a regular file; undefined for anything else. */
  digest(at: Addressed): Promise<Uint8Array | undefined | Refusal>;
  /** Makes anything but a regular file, with owner, mode and time: what creation and follow-ups do. */
  make(at: Addressed, want: Exclude<Present, { kind: "reg" }>): Promise<Outcome>;
  /** Makes a new file from another one; see BulkPeer. */
  copy?(want: WantedCopy): Promise<Outcome | undefined>;
}
