/** Whether two hosts have the same object, without a look at its content (pure; docs/fast-protocol.md, 5). */
import type { FileRecord, HostName, Ignored, Nanos, Present } from "../model/mod.ts";
import { checkStep, type CheckStepOptions } from "./check_step.ts";

const SECOND_NANOS = 1_000_000_000n;

export interface SameObjectFacts {
  /** What the peer has, and whether its record says the same. */
  readonly offered: { readonly here: Present; readonly isCurrent: boolean };
  readonly seen: Present;
  readonly record: FileRecord | undefined;
  /** Whom this host has to tell about the name. */
  readonly marked: readonly HostName[];
  readonly peer: HostName;
}

/**
 * Nobody has changed either object since the last check of its host, all that is not ignored is equal,
 * and no other host has to be told of something. Any doubt is no.
 *
 * A file with a time in whole seconds is what its content is: such times come from archives and from C
 * programs, which may have sent two versions of one second and one length to two hosts.
 * A mark for the peer itself says that the object was changed here, or never compared. Then content
 * decides about every file: hosts that share a kernel have one clock for files, which stands still for
 * some milliseconds.
 */
export function isSameObject(
  { offered: { here, isCurrent }, seen, record, marked, peer }: SameObjectFacts,
  options: CheckStepOptions,
): boolean {
  if (!isCurrent || record === undefined || !isEqual(here, seen, options.ignored)) return false;
  if (seen.kind === "reg" && isWhole(seen.meta.mtime)) return false;
  if (marked.length > 0) {
    if (marked.length > 1 || marked[0] !== peer) return false;
    if (seen.kind === "reg") return false;
  }
  const step = checkStep(seen, record, options);
  return step.do === "same" && step.record === undefined;
}

/** PERF: called once per object of a push; the cheap comparisons come first. */
function isEqual(a: Present, b: Present, ignored: Ignored): boolean {
  if (a.kind !== b.kind) return false;
  const x = a.meta, y = b.meta;
  return (ignored.mod || x.mode === y.mode) &&
    (ignored.uid || x.uid >>> 0 === y.uid >>> 0) && (ignored.gid || x.gid >>> 0 === y.gid >>> 0) &&
    isSameContent(a, b);
}

function isWhole(time: Nanos): boolean {
  return time % SECOND_NANOS === 0n;
}

/** The time of a link is not sent (W 15.4), so it may differ. */
function isSameContent(a: Present, b: Present): boolean {
  switch (a.kind) {
    case "lnk":
      return b.kind === "lnk" && a.target === b.target;
    case "reg":
      return b.kind === "reg" && a.size === b.size && a.meta.mtime === b.meta.mtime;
    case "chr":
    case "blk":
      return b.kind === a.kind && a.rdev === b.rdev && a.meta.mtime === b.meta.mtime;
    default:
      return a.meta.mtime === b.meta.mtime;
  }
}
