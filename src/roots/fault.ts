/** What can be wrong with a root, so that nothing below it counts as removed. */
import type { DbName, DirectoryPlace, DiskPath } from "../model/mod.ts";

export interface RootFault {
  /** The include root, prefix directory or mount point. */
  readonly root: DbName;
  /** What is missing, as a path: the root, or for a single file the directory that holds it. */
  readonly path: DiskPath;
  /**
   * `gone`: nothing is there; `no-directory`: a file or a link has taken its place; `other-device`: it
   * lies on another file system than recorded; `unreadable`: the system cannot tell.
   */
  readonly why: "gone" | "no-directory" | "other-device" | "unreadable";
  /** With `other-device`. */
  readonly was?: DirectoryPlace;
  readonly is?: DirectoryPlace;
  /** With `unreadable`. */
  readonly reason?: string;
}
