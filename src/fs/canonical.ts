/** A path as typed by the user -> canonical DiskPath (D 2.2). */
import { type DiskPath, type Entry, isName, join, parent } from "../model/mod.ts";
import {
  currentDirectory,
  entryAt,
  errorNamed,
  type Fd,
  O_DIRECTORY,
  O_PATH,
  openAt,
  OsError,
} from "../os/mod.ts";

/** As the kernel. LIMIT: MAXSYMLINKS. */
const LINKS_MAX = 40;

export interface CanonicalOptions {
  /** Directory that relative arguments start from. @default the real current directory */
  readonly cwd?: string;
}

/**
 * The canonical path of a command-line argument: absolute, no `.`, `..` or double slash, links
 * resolved in every directory of it but never in the last part. Nothing has to exist: parts below a
 * missing directory stay as they are. An empty argument is the current directory.
 *
 * Unlike the C programs `..` is resolved as the kernel does, after links, and the environment
 * variable PWD is not believed (D 7.2.1-3).
 *
 * @throws OsError `EINVAL` for a NUL in it; `ENOENT` when the current directory was removed
 */
export function canonical(argument: string, { cwd }: CanonicalOptions = {}): DiskPath {
  using root = openAt("/", { flags: O_PATH | O_DIRECTORY });
  const start = argument.startsWith("/") ? "/" : `${cwd ?? currentDirectory()}/.`;
  const parts = [...componentsOf(start), ...componentsOf(argument)];
  let path = "/" as DiskPath;
  for (const [i, part] of parts.entries()) {
    if (part === ".") continue;
    if (part === "..") {
      path = parent(path) ?? path;
      continue;
    }
    if (!isName(part)) throw errorNamed("EINVAL", { call: "resolve", path: argument });
    const next = join(path, part);
    const isLast = i === parts.length - 1;
    path = (isLast ? undefined : realDirectory(next, { root, links: LINKS_MAX })) ?? next;
  }
  return path;
}

/** Components between slashes; a trailing slash makes none. */
function componentsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}

/** Where the resolution of one component stands. */
interface Resolution {
  readonly root: Fd;
  /** Links that may still be followed. */
  links: number;
}

/** The real path of a directory whose parent is real already; undefined when it leads to none. */
function realDirectory(path: DiskPath, resolution: Resolution): DiskPath | undefined {
  const entry = entryIfKnown(resolution.root, path);
  if (entry?.kind === "dir") return path;
  if (entry?.kind !== "lnk" || resolution.links-- === 0) return undefined;
  const { target } = entry;
  let real = (target.startsWith("/") ? "/" : parent(path) ?? "/") as DiskPath;
  for (const part of componentsOf(target)) {
    if (part === ".") continue;
    const next = part === ".." ? parent(real) ?? real : realDirectory(join(real, part), resolution);
    if (next === undefined) return undefined;
    real = next;
  }
  return real;
}

/** A part that cannot be examined stays as it was typed. */
function entryIfKnown(root: Fd, path: DiskPath): Entry | undefined {
  try {
    return entryAt(root, path.slice(1));
  } catch (error) {
    if (error instanceof OsError) return undefined;
    throw error;
  }
}
