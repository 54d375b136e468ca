/** Which file system a directory lies on: what tells a missing disk from one that got another number. */
import type { DbName } from "./path.ts";

/** Every text is what the system says, as a byte string; what it does not say is left out. */
export interface DirectoryPlace {
  /** Where the file system is mounted. */
  readonly mountPoint?: string;
  /** Of the mount: type, device or share, and the directory of it that is mounted there. */
  readonly source?: string;
  /** Of the file system, in hex. */
  readonly uuid?: string;
  /** Number of the file system where that is made from its UUID, in hex. */
  readonly fsid?: string;
  /** Magic number of the type, in hex. */
  readonly type: string;
  /** Major and minor: `8:1`. Numbers may be others after a reboot; those with major 0 always. */
  readonly device: string;
  /** Of the directory. */
  readonly inode: string;
}

/**
 * What an include root, a prefix directory or a mount point below one was when it was last in order.
 * `itself`: a directory; `holder`: none, and `place` is that of the directory that holds it; `nothing`:
 * its removal was allowed.
 */
export type RootRecord =
  | { readonly name: DbName; readonly of: "itself" | "holder"; readonly place: DirectoryPlace }
  | { readonly name: DbName; readonly of: "nothing" };
