/** The steps in which an object without content is made (pure; W 12, 18.2). */
import { type Change, exhaustive, type Present } from "../model/mod.ts";

export type Bodiless = Exclude<Present, { kind: "reg" }>;

const SET_ID_BITS = 0o6000;

export interface Making {
  readonly create: Change;
  readonly rest: readonly Change[];
  /** Whether a step that fails keeps the next ones from being tried. */
  readonly stopsAtFailure: boolean;
}

/**
 * What a client of the classic dialect asks for one by one, in its order. A mode with set-id bits waits
 * for the owner: else it would make a set-uid program of whoever owns the object now. Without these bits
 * mode and time behind an owner that cannot be set are harmless, and the next attempt repairs it.
 */
export function makingOf(want: Bodiless): Making {
  const { uid, gid, mode, mtime } = want.meta;
  const own: Change = { kind: "own", uid, gid };
  const create = creationOf(want);
  const stopsAtFailure = (mode & SET_ID_BITS) !== 0;
  if (want.kind === "sock") return { create, rest: [], stopsAtFailure }; // COMPAT: none is made
  if (want.kind === "lnk") return { create, rest: [own], stopsAtFailure: true };
  const rest: Change[] = [own, { kind: "mode", mode }, { kind: "mtime", mtime }];
  return { create, rest, stopsAtFailure };
}

function creationOf(want: Bodiless): Change {
  switch (want.kind) {
    case "dir":
      return { kind: "mkdir", meta: want.meta };
    case "lnk":
      return { kind: "link", target: want.target };
    case "chr":
    case "blk":
      return { kind: "node", type: want.kind, rdev: want.rdev };
    case "fifo":
    case "sock":
      return { kind: want.kind };
    default:
      return exhaustive(want);
  }
}
