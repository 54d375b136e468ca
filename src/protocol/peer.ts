/** The other node as update and compare see it, free of dialect. */
import type { BulkPeer } from "./bulk.ts";
import type {
  ByteStream,
  DbName,
  HostName,
  Key,
  Nanos,
  Outcome,
  Present,
  Refusal,
  SizedStream,
} from "../model/mod.ts";
import type { ListedRow } from "./ranges.ts";

export type { ListedRow };

/** What a peer says about one object that it has (W 12 SIG). */
export interface ThereView {
  /** Check text with the time left out, not encoded: `v1:mtime=0:mode=...`. */
  readonly checkText: string;
  /**
   * librsync signature of its content, to be pulled at most once, inside the judge only; empty for all
   * but regular files, and where there is `digest`. Whatever is not pulled is skipped.
   */
  readonly signature: ByteStream;
  /**
   * Instead of the signature, where the dialect has it: SHA-256 of the content of a regular file, asked
   * for only when it is called; undefined when the peer cannot read it. To be called inside the judge.
   */
  readonly digest?: () => Promise<Uint8Array | undefined>;
}

/** Answer to `look`. `behind-link`: a parent there is a symbolic link, so the object counts as absent. */
export type LookResult<T> =
  | { readonly kind: "absent" | "behind-link" }
  | { readonly kind: "there"; readonly judged: T }
  | Refusal;

/**
 * The delta of our content against the peer's signature. Called at most once, while the peer waits;
 * the signature must be pulled to its end before the promise resolves. Undefined gives up cleanly
 * (`ERROR`). The stream's producer may make the delta invalid with its last byte when the source has
 * changed while it was sent.
 */
export type DeltaSource = (signature: ByteStream) => Promise<SizedStream | undefined>;

export interface PutOptions {
  /**
   * The peer had no such object when it was asked: its signature is known, so content may be taken
   * and sent before it answers. Wrong is slow, not harmful. @default {false}
   */
  readonly isNew?: boolean;
  /** The content as it is, for dialects that can send it without a delta. Called at most once. */
  readonly whole?: () => WholeContent;
}

/** The content of a regular file that is one state of it, or is taken back at its end. */
export interface WholeContent {
  /** Bytes. */
  readonly size: number;
  /** All of it at once, for small files; `bytes` is not pulled then. Not changed until the put has ended. */
  readonly all?: Uint8Array;
  readonly bytes: ByteStream;
  /** Asked after the last byte: whether the file is still what was sent. False: the peer keeps what it has. */
  isStillValid(): boolean;
}

/**
 * A connected, identified peer. `look`, `put`, `remove`, `touch`, `flush` and `measure` may be under way
 * at the same time, and take effect at the peer in the order of their calls, but for the second and
 * later commands of one `put`; everything else is one at a time and alone. Any number may be called,
 * more than `window` gain nothing. A method that throws (NetError, ProtocolError) leaves the peer
 * unusable, and those under way get the same error: dispose it. Names are database names.
 */
export interface Peer extends AsyncDisposable {
  /** What is spoken with it. */
  readonly dialect: "classic" | "fast";
  /** Requests worth having in flight. */
  readonly window: number;
  /** `seconds`: times that we send lose their fraction there, times we get have none. */
  readonly timeUnit: "seconds" | "nanos";
  /** What only our own hosts can do; without it everything goes one by one. */
  readonly bulk?: BulkPeer;

  /** HELLO as `myName`; remembered, so that the same name again costs nothing. */
  identify(myName: HostName): Promise<Outcome>;
  /** SIG. `judge` runs while the answer streams in; it is not called when nothing is there. */
  look<T>(key: Key, name: DbName, judge: (there: ThereView) => Promise<T>): Promise<LookResult<T>>;
  /** Makes `want` the peer's object, with owner, mode and time; `content` for regular files only. */
  put(
    key: Key,
    name: DbName,
    want: Present,
    content?: DeltaSource,
    options?: PutOptions,
  ): Promise<Outcome>;
  remove(key: Key, name: DbName): Promise<Outcome>;
  /** SETIME. */
  touch(key: Key, name: DbName, mtime: Nanos): Promise<Outcome>;
  /** FLUSH: drops the peer's own marks for the name. */
  flush(key: Key, name: DbName): Promise<Outcome>;
  /** GETTM in nanoseconds, GETSZ in bytes; undefined when the peer does not have the object. */
  measure(key: Key, name: DbName, of: "mtime" | "size"): Promise<bigint | undefined | Refusal>;
  /** LIST: the peer's records for this pair, ascending by key, in batches that are not empty. */
  list(
    peerName: HostName,
    keys: readonly Key[],
    only?: DbName,
  ): AsyncIterable<readonly ListedRow[]>;
  /** TYPE: the content; the connection is used up afterwards. */
  content(key: Key, name: DbName): Promise<ByteStream | Refusal>;
}
