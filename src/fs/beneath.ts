/**
 * Opening a path below an open directory without following any link: the wall of the jail.
 *
 * Two implementations with one behaviour (tests/contract/jail_test.ts): one call where the kernel
 * has openat2, else a walk by component in which every step is refused when it is a link.
 */
import { isName, type Name } from "../model/mod.ts";
import {
  entryAt,
  errorNamed,
  type Fd,
  O_DIRECTORY,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  openAt,
  openAt2,
  OsError,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from "../os/mod.ts";

/**
 * What to open. `path`: a directory held only to reach what is in it; `directory`: one to be listed;
 * `object`: the object itself, whatever it is, a link as link; `content`: to be read, never waiting
 * for the other end of a FIFO.
 */
export type Purpose = "path" | "directory" | "object" | "content";

/**
 * Opens `below`, components joined by `/`, beneath `dir`; empty is `dir` itself.
 *
 * @throws OsError `ELOOP` when a component is a link, `ENOTDIR` when a parent is no directory, `EINVAL`
 * when a component is empty, `.` or `..`, and what open(2) says
 */
export type OpenBeneath = (dir: Fd, below: string, purpose: Purpose) => Fd;

const FLAGS: Readonly<Record<Purpose, number>> = {
  path: O_PATH | O_DIRECTORY,
  directory: O_RDONLY | O_DIRECTORY | O_NONBLOCK,
  object: O_PATH | O_NOFOLLOW,
  content: O_RDONLY | O_NONBLOCK | O_NOCTTY,
};
const RESOLVE = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
const IMPROPER_REGEXP = /(?:^|\/)\.{0,2}(?:\/|$)/;
/** LIMIT: PATH_MAX is 4096; a component more than this must still fit. */
const PIECE_MAX_BYTES = 3_800;

/** By openat2(2), Linux 5.6. */
export const openByOpenat2: OpenBeneath = (dir, below, purpose) => {
  if (below === "") return openAt(".", { dir, flags: FLAGS[purpose] });
  refuseImproper(below);
  const flags = FLAGS[purpose];
  if (below.length <= PIECE_MAX_BYTES) return openAt2(below, { dir, flags, resolve: RESOLVE });
  const cut = below.lastIndexOf("/", PIECE_MAX_BYTES);
  if (cut < 0) throw errorNamed("ENAMETOOLONG", { call: "openat2", path: below });
  using piece = openAt2(below.slice(0, cut), { dir, flags: FLAGS.path, resolve: RESOLVE });
  return openByOpenat2(piece, below.slice(cut + 1), purpose);
};

/** By one openat(2) per component: for kernels and sandboxes without openat2. */
export const openBySteps: OpenBeneath = (dir, below, purpose) => {
  if (below === "") return openAt(".", { dir, flags: FLAGS[purpose] });
  refuseImproper(below);
  const components = below.split("/");
  const last = components.pop()!;
  let held: Fd | undefined;
  try {
    for (const component of components) {
      const next = step(held ?? dir, component, "path");
      held?.[Symbol.dispose]();
      held = next;
    }
    return step(held ?? dir, last, purpose);
  } finally {
    held?.[Symbol.dispose]();
  }
};

/** One component; a link is ELOOP, as openat2 has it, also where the kernel says ENOTDIR. */
function step(dir: Fd, component: string, purpose: Purpose): Fd {
  try {
    return openAt(component, { dir, flags: FLAGS[purpose] | O_NOFOLLOW });
  } catch (error) {
    if (!(error instanceof OsError) || error.errnoName !== "ENOTDIR") throw error;
    // RACE: the link may be gone again by now; then ENOTDIR is as true an answer as ELOOP.
    if (entryAt(dir, component).kind !== "lnk") throw error;
    throw errorNamed("ELOOP", { call: "openat", path: component });
  }
}

function refuseImproper(below: string): void {
  if (IMPROPER_REGEXP.test(below)) {
    throw errorNamed("EINVAL", { call: "open", path: below });
  }
}

/**
 * `leaf`, if it is one component, or `.` for an anchor itself (Jail.parentOf): the same wall for the
 * verbs of a directory.
 * @throws OsError `EINVAL`
 */
export function properName(leaf: Name): Name {
  if (isName(leaf) || leaf === ".") return leaf;
  throw errorNamed("EINVAL", { call: "use", path: leaf });
}

let chosen: OpenBeneath | undefined;

/** The implementation for this kernel, found by trying once. */
export function openBeneath(): OpenBeneath {
  return chosen ??= probeBeneath();
}

/** Tries openat2 once. */
export function probeBeneath(): OpenBeneath {
  using root = openAt("/", { flags: FLAGS.path });
  try {
    using _same = openAt2(".", { dir: root, flags: FLAGS.path, resolve: RESOLVE });
    return openByOpenat2;
  } catch (error) {
    // Sandboxes answer EPERM for calls they do not know; whatever the reason, the walk is as safe.
    if (error instanceof OsError) return openBySteps;
    throw error;
  }
}
