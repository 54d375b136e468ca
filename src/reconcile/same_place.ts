/** Is this still the directory that was recorded, or another disk, or none? (pure; D 7.3.2, N 7.11) */
import type { DirectoryPlace, DiskPath } from "../model/mod.ts";

/**
 * `other`: what is here now is not what was recorded, whatever it holds: the disk is not mounted, or
 * another one is. `unsure`: still mounted in the same place, but nothing tells the file system from
 * others except numbers and names that change over reboots, or another part of it is mounted: what is
 * in it has to tell.
 */
export type PlaceVerdict = "same" | "other" | "unsure";

/** Nothing in these outlives its mount. */
const FORGETFUL_TYPES: ReadonlySet<string> = new Set(["1021994", "858458f6"]); // tmpfs, ramfs

/**
 * Compares where a directory was with where it is. A disk that is not mounted is always noticed, for then
 * the path belongs to another mount; another number or name of a device alone is never a difference.
 *
 * @param options `path`: where the directory is
 */
export function samePlace(
  was: DirectoryPlace,
  is: DirectoryPlace,
  { path }: { readonly path?: DiskPath } = {},
): PlaceVerdict {
  const verdict = sameFileSystem(was, is);
  if (verdict === "other") return "other";
  const isMoved = was.mountPoint !== undefined && is.mountPoint !== undefined &&
    was.mountPoint !== is.mountPoint;
  if (!isMoved) return verdict === "same" && isOtherPart(was, is, path) ? "unsure" : verdict;
  // One directory has two mount points when a service or a container sees it through a mount of its own.
  return verdict === "same" && was.inode === is.inode ? "same" : "other";
}

/**
 * A volume of a container, a subvolume or a bind mount: the file system is the same, and what is mounted
 * from it may be a new and empty part.
 */
function isOtherPart(was: DirectoryPlace, is: DirectoryPlace, path: DiskPath | undefined): boolean {
  const [before, now] = [was, is].map(({ source }) => source?.split(" ").at(-1));
  if (before === undefined || now === undefined) return false;
  const isReplaced = now !== "/" && path === is.mountPoint && was.inode !== is.inode;
  const isSubvolume = was.fsid !== undefined && is.fsid !== undefined && was.fsid !== is.fsid;
  return before !== now || isReplaced || isSubvolume;
}

function sameFileSystem(was: DirectoryPlace, is: DirectoryPlace): PlaceVerdict {
  if (was.type !== is.type) return "other";
  for (const mark of ["uuid", "fsid"] as const) {
    if (was[mark] === undefined || is[mark] === undefined) continue;
    return was[mark] === is[mark] ? "same" : "other";
  }
  if (FORGETFUL_TYPES.has(is.type)) return "unsure";
  const before = systemOf(was), now = systemOf(is);
  if (before === undefined || now === undefined) {
    return was.device === is.device ? "same" : "unsure";
  }
  if (isShare(before) && isShare(now)) return before === now ? "same" : "other";
  return before === now && (before.startsWith("/") || was.device === is.device) ? "same" : "unsure";
}

/** `/dev/sda1` of `ext4 /dev/sda1 /`. */
function systemOf({ source }: DirectoryPlace): string | undefined {
  return source?.split(" ").slice(1, -1).join(" ");
}

/** `host:/export`, `//server/share`: a name that no reboot changes. */
function isShare(system: string): boolean {
  return system.startsWith("//") || /^[^/]+:/.test(system);
}
