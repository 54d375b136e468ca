/** Opening an anchor: the one path on which links are followed, and whose. */
import type { DiskPath } from "../model/mod.ts";
import {
  entryOf,
  errorNamed,
  type Fd,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  openAt,
  openAt2,
  OsError,
  RESOLVE_NO_SYMLINKS,
} from "../os/mod.ts";

const DIRECTORY = O_PATH | O_DIRECTORY;
/** LIMIT: as the kernel. */
const LINKS_MAX = 40;

/**
 * Opens an absolute path as an anchor. Links on the way and in its place are followed if they belong to
 * root or to us: a link of somebody else in a directory of his could lead a prefix or a backup directory
 * anywhere.
 *
 * @param root the root directory; stays the caller's
 * @throws OsError `ELOOP` for a link of somebody else
 */
export function openAnchor(root: Fd, anchor: DiskPath): Fd {
  if (anchor === "/") return root.duplicate();
  try {
    // PERF: nearly always there is no link, and one call tells.
    return openAt2(anchor.slice(1), { dir: root, flags: DIRECTORY, resolve: RESOLVE_NO_SYMLINKS });
  } catch (error) {
    const isKnown = error instanceof OsError &&
      !["ELOOP", "ENOSYS", "EPERM"].includes(error.errnoName);
    if (isKnown || !(error instanceof OsError)) throw error;
  }
  return openStepwise(root, anchor);
}

/** By component, each link read from the descriptor that holds it. */
function openStepwise(root: Fd, anchor: DiskPath): Fd {
  const left = parts(anchor).reverse();
  let at = root.duplicate();
  try {
    for (let links = 0, name; (name = left.pop()) !== undefined;) {
      const next = openAt(name, { dir: at, flags: O_PATH | O_NOFOLLOW });
      const target = linkTarget(next, anchor);
      if (target === undefined) {
        at[Symbol.dispose]();
        at = next;
        continue;
      }
      if (++links > LINKS_MAX) throw errorNamed("ELOOP", { call: "open", path: anchor });
      left.push(...parts(target).reverse());
      if (!target.startsWith("/")) continue;
      at[Symbol.dispose]();
      at = root.duplicate();
    }
    return openAt(".", { dir: at, flags: DIRECTORY });
  } finally {
    at[Symbol.dispose]();
  }
}

/** Where a trusted link leads; undefined for what is none, whose descriptor stays open then. */
function linkTarget(next: Fd, anchor: string): string | undefined {
  using undo = new DisposableStack();
  undo.use(next);
  const entry = entryOf(next, anchor);
  if (entry.kind === "lnk") {
    if (entry.meta.uid === 0 || entry.meta.uid === Deno.uid()) return entry.target;
    throw errorNamed("ELOOP", { call: "open", path: anchor });
  }
  undo.move();
  return undefined;
}

function parts(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}
