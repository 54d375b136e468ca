/** The other node as update and compare see it, free of dialect. */
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

/** What a peer says about one object that it has (W 12 SIG). */
export interface ThereView {
  /** Check text with the time left out, not encoded: `v1:mtime=0:mode=...`. */
  readonly checkText: string;
  /**
   * librsync signature of its content, to be pulled at most once, inside the judge only; empty for all
   * but regular files. Whatever is not pulled is skipped.
   */
  readonly signature: ByteStream;
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

/**
 * A connected, identified peer. One request at a time for `window` 1; a method that throws (NetError,
 * ProtocolError) leaves the peer unusable: dispose it. Names are database names.
 */
export interface Peer extends AsyncDisposable {
  /** Requests worth having in flight; 1 for the classic dialect. */
  readonly window: number;
  /** `seconds`: times that we send lose their fraction there, times we get have none. */
  readonly timeUnit: "seconds" | "nanos";

  /** HELLO as `myName`; remembered, so that the same name again costs nothing. */
  identify(myName: HostName): Promise<Outcome>;
  /** SIG. `judge` runs while the answer streams in; it is not called when nothing is there. */
  look<T>(key: Key, name: DbName, judge: (there: ThereView) => Promise<T>): Promise<LookResult<T>>;
  /** Makes `want` the peer's object, with owner, mode and time; `content` for regular files only. */
  put(key: Key, name: DbName, want: Present, content?: DeltaSource): Promise<Outcome>;
  remove(key: Key, name: DbName): Promise<Outcome>;
  /** SETIME. */
  touch(key: Key, name: DbName, mtime: Nanos): Promise<Outcome>;
  /** FLUSH: drops the peer's own marks for the name. */
  flush(key: Key, name: DbName): Promise<Outcome>;
  /** GETTM in nanoseconds, GETSZ in bytes; undefined when the peer does not have the object. */
  measure(key: Key, name: DbName, of: "mtime" | "size"): Promise<bigint | undefined | Refusal>;
  /** LIST: the peer's records for this pair, in encoded-name order. */
  list(
    peerName: HostName,
    keys: readonly Key[],
    only?: DbName,
  ): AsyncIterable<ListedRow>;
  /** TYPE: the content; the connection is used up afterwards. */
  content(key: Key, name: DbName): Promise<ByteStream | Refusal>;
}

/** One row of LIST. */
export interface ListedRow {
  readonly name: DbName;
  /** Check text, decoded once (`v1:mtime=...`). */
  readonly checkText: string;
}
