/** What was found out about a row before it is pushed. */
import type { SmallFile } from "../fs/mod.ts";
import type { CsyncError, DirtyRow, Located, Present } from "../model/mod.ts";
import type { LookResult, OfferAnswer } from "../protocol/mod.ts";

/** A row, and what was found out about it; nothing when it has to be looked at by itself. */
export interface Offered {
  readonly row: DirtyRow;
  readonly seen?: Seen;
  /** The peer has exactly this: nothing is left to do. */
  readonly same?: Present;
}

/** Both sides of a row that is no removal, a moment ago. */
export interface Seen {
  readonly here: Present;
  readonly there: SeenThere;
  /** Of a regular file that is small. */
  readonly small?: SmallContent;
}

export type NotThere = Exclude<LookResult<unknown>, { kind: "there" }>;
/** What the peer has, or why it is not told. */
export type SeenThere = NotThere | Extract<OfferAnswer, { kind: "there" }>;

/** What came of reading; `file` is undefined when it has to be opened, because it is being written. */
export interface SmallContent {
  readonly file: SmallFile | CsyncError | undefined;
  /** At least the bytes of the file. */
  readonly bytes: Uint8Array;
  readonly at: Located;
}

/** A row that is about to be pushed. */
export interface Begun {
  readonly row: DirtyRow;
  readonly isRemoval: boolean;
  readonly seen?: Seen | undefined;
}
