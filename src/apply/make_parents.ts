/** Directories above an object that no peer can send, because no group includes them (D 7.2.11). */
import type { Located, Meta, Name } from "../model/mod.ts";
import type { DirHandle, Jail } from "../fs/mod.ts";
import { holdNew } from "./steps.ts";
import { isSystemError } from "./target.ts";

/** What a new directory may take over from the one above it: no sticky bit, no write for others. */
const INHERITED_BITS = 0o2755;
const OWN_BITS = 0o700;

/**
 * Makes every missing directory above `at`. Each gets the owner and group of the directory that it is
 * made in, and what that one allows, but nobody except the owner may write to it; it is complete before
 * anybody else can enter it. No link is followed.
 *
 * @returns those that were missing, from the top; durable by the directory above each
 * @throws OsError; Refused when somebody puts something else in the place of a new one
 */
export function makeParents(jail: Jail, { anchor, below }: Located): readonly Located[] {
  const made: Located[] = [];
  const parts = below.split("/").slice(0, -1);
  for (let end = 1; end <= parts.length; end++) {
    const at: Located = { anchor, below: parts.slice(0, end).join("/") };
    const { dir, leaf } = jail.parentOf(at);
    using above = dir;
    if (above.look(leaf).kind === "dir") continue;
    const model = above.look("." as Name);
    makeLike(above, leaf, model.kind === "dir" ? model.meta : undefined);
    made.push(at);
  }
  return made;
}

function makeLike(above: DirHandle, leaf: Name, model: Meta | undefined): void {
  try {
    above.mkdir(leaf, OWN_BITS);
  } catch (error) {
    // Another request was faster; what is no directory is found out by whoever goes on.
    if (isSystemError(error, "EEXIST")) return;
    throw error;
  }
  using made = holdNew(above, leaf);
  if (model === undefined) return;
  made.setOwner(model.uid, model.gid);
  made.setMode(model.mode & INHERITED_BITS | OWN_BITS);
}
