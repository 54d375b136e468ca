/** Everything but file content: directories, links, nodes, removal, owner, mode and time. */
import {
  ABSENT,
  type Change,
  CONFLICT,
  DONE,
  type Entry,
  failed,
  type Meta,
  type Name,
  type Outcome,
  PERMISSION_BITS,
  type Present,
  TYPE_BITS,
} from "../model/mod.ts";
import type { DirHandle, HeldObject } from "../fs/mod.ts";
import { backUp } from "./backup.ts";
import { create } from "./install.ts";
import {
  announce,
  holdAdmitted,
  holdNew,
  isSame,
  type Place,
  record,
  recordIn,
  refusalOf,
  remove,
  syncDirectory,
  verify,
  withdraw,
} from "./steps.ts";
import type { Draft } from "./switch_in.ts";
import { type Applied, isSystemError, recordOf, type Target } from "./target.ts";
import type { Workshop } from "./workshop.ts";

const ID_UNCHANGED = 0xffff_ffff;
const NEW_DIRECTORY_MODE = 0o700;
const NEW_NODE_MODE = 0o700;
const TYPE_BITS_MASK = 0o170000;
const UNCHANGED: Applied = { outcome: DONE, changed: false };

/** The object and its place. */
interface Work {
  readonly target: Target;
  readonly place: Place;
}

/** A change of existence or type: DEL and MK*. */
export type ObjectChange = Exclude<Change, { kind: "own" | "mode" | "mtime" }>;
/** A change of metadata: SETOWN, SETMOD, SETIME. */
export type MetaChange = Extract<Change, { kind: "own" | "mode" | "mtime" }>;

/** Carries out DEL or MK*. Never throws for what a tree can contain. */
export async function changeObject(
  workshop: Workshop,
  work: Work,
  change: ObjectChange,
): Promise<Applied> {
  const { entry } = work.place.admitted;
  switch (change.kind) {
    case "remove":
      return await removeObject(workshop, work);
    case "mkdir":
      if (entry.kind === "dir") return await dressDirectory(workshop, work, change.meta);
      return await makeDirectory(workshop, work, change.meta);
    case "fifo":
      if (entry.kind === "fifo") return UNCHANGED;
      return await makeNode(workshop, work, { type: "fifo", rdev: 0 });
    case "node":
      if (entry.kind === change.type && (change.rdev ?? entry.rdev) === entry.rdev) {
        return UNCHANGED;
      }
      // COMPAT: C clients send no number (W 20.23). A device 0,0 would be dangerous and never equal.
      if (change.rdev === undefined) return refused("Invalid argument");
      return await makeNode(workshop, work, { type: change.type, rdev: change.rdev });
    case "link":
      if (entry.kind === "lnk" && entry.target === change.target) return UNCHANGED;
      return await makeLink(workshop, work, change.target);
    case "sock":
      // COMPAT: nothing is made, and the answer is OK; SETOWN then finds nothing (W 12 MKSOCK). What
      // is there is never removed for it (W 20.23).
      return entry.kind === "absent" || entry.kind === "sock" ? UNCHANGED : refused("File exists");
  }
}

function refused(reply: string): Applied {
  return { outcome: failed(reply), changed: false };
}

async function removeObject(workshop: Workshop, { target, place }: Work): Promise<Applied> {
  const { entry } = place.admitted;
  if (entry.kind === "absent") {
    await record(workshop, target, { entry });
    return UNCHANGED;
  }
  await announce(workshop, { target, temp: "", want: ABSENT });
  try {
    verify(place);
    await backUp(workshop, { target, place });
    removeNow(place, entry);
  } catch (error) {
    const outcome = refusalOf(error);
    await withdraw(workshop, target);
    return { outcome, changed: false };
  }
  const outcome = await syncDirectory(workshop, place);
  await record(workshop, target, {
    entry: { kind: "absent", because: "leaf" },
    actions: true,
  });
  return { outcome, changed: true };
}

function removeNow({ dir, leaf }: Place, entry: Present): void {
  try {
    remove(dir, leaf, entry.kind);
  } catch (error) {
    if (!isSystemError(error, "ENOENT")) throw error; // somebody else removed it: just as well
  }
}

async function makeDirectory(
  workshop: Workshop,
  { target, place }: Work,
  meta: Meta | undefined,
): Promise<Applied> {
  return await create(workshop, {
    target,
    place,
    want: guess(workshop, "dir", {
      mode: meta === undefined || workshop.ignored.mod ? NEW_DIRECTORY_MODE : meta.mode,
      meta,
    }),
    make: (temp) => {
      place.dir.mkdir(temp, NEW_DIRECTORY_MODE);
      return dressed(place.dir, {
        temp,
        isDirectory: true,
        dress: () => {
          if (meta === undefined) return;
          using held = holdNew(place.dir, temp);
          dress(workshop, held, meta);
        },
      });
    },
  });
}

/** MKDIR of a directory that exists keeps it with its contents; metadata that came along is set. */
async function dressDirectory(
  workshop: Workshop,
  work: Work,
  meta: Meta | undefined,
): Promise<Applied> {
  const { entry } = work.place.admitted;
  if (meta === undefined || entry.kind === "absent") return UNCHANGED;
  const { ignored } = workshop;
  const owned = ownedBy(entry, idOf(meta.uid, ignored.uid), idOf(meta.gid, ignored.gid));
  const want = ignored.mod ? owned : withMode(owned, meta.mode);
  return await changing(workshop, work, { want, make: (held) => dress(workshop, held, meta) });
}

/** Owner, mode and time of a directory, except what is ignored. */
function dress(
  { ignored }: Workshop,
  held: HeldObject,
  meta: Meta,
): void {
  const uid = idOf(meta.uid, ignored.uid), gid = idOf(meta.gid, ignored.gid);
  if (uid !== undefined || gid !== undefined) held.setOwner(uid, gid);
  if (!ignored.mod) held.setMode(meta.mode & PERMISSION_BITS);
  held.setTime(meta.mtime);
}

async function makeNode(
  workshop: Workshop,
  { target, place }: Work,
  { type, rdev }: { type: "chr" | "blk" | "fifo"; rdev: number },
): Promise<Applied> {
  return await create(workshop, {
    target,
    place,
    want: undefined, // its time is not known before it exists
    make: (temp) => {
      place.dir.mknod(temp, type, NEW_NODE_MODE, rdev);
      return dressed(place.dir, { temp, isDirectory: false });
    },
  });
}

async function makeLink(
  workshop: Workshop,
  { target, place }: Work,
  to: string,
): Promise<Applied> {
  return await create(workshop, {
    target,
    place,
    want: guess(workshop, "lnk", { mode: 0o777, target: to }),
    make: (temp) => {
      place.dir.symlink(temp, to);
      return dressed(place.dir, { temp, isDirectory: false });
    },
  });
}

/** What a new directory or link will be; neither has its time in the text. */
function guess(
  { owner, ignored }: Workshop,
  kind: "dir" | "lnk",
  { mode, meta, target = "" }: { mode: number; meta?: Meta | undefined; target?: string },
): Present {
  return {
    kind,
    target,
    meta: {
      mode: TYPE_BITS[kind] | (mode & PERMISSION_BITS),
      uid: (meta && idOf(meta.uid, ignored.uid)) ?? owner.uid,
      gid: (meta && idOf(meta.gid, ignored.gid)) ?? owner.gid,
      mtime: 0n,
    },
  } as Present;
}

/** The draft of an object that exists under its temporary name already. */
function dressed(
  dir: DirHandle,
  { temp, isDirectory, dress }: { temp: Name; isDirectory: boolean; dress?: () => void },
): Draft {
  let isSettled = false;
  const draft: Draft = {
    name: temp,
    look: () => dir.look(temp),
    installAs: (leaf) => {
      dir.rename(temp, leaf);
      isSettled = true;
    },
    installNew: (leaf) => {
      dir.renameNew(temp, leaf);
      isSettled = true;
    },
    settle: () => isSettled = true,
    [Symbol.dispose]: () => {
      if (isSettled) return;
      isSettled = true;
      try {
        if (isDirectory) dir.rmdir(temp);
        else dir.unlink(temp);
      } catch (error) {
        if (!isSystemError(error)) throw error; // gone, or the next start removes it
      }
    },
  };
  try {
    dress?.();
  } catch (error) {
    draft[Symbol.dispose]();
    throw error;
  }
  return draft;
}

/** SETOWN, SETMOD, SETIME: of the object itself, never of what a link leads to (W 20.18). */
export async function changeMeta(
  workshop: Workshop,
  work: Work,
  change: MetaChange,
): Promise<Applied> {
  const { entry } = work.place.admitted;
  if (entry.kind === "absent") return refused("No such file or directory");
  const { ignored } = workshop;
  switch (change.kind) {
    case "own": {
      const uid = idOf(change.uid, ignored.uid), gid = idOf(change.gid, ignored.gid);
      if (isThere(entry, uid, gid)) return UNCHANGED;
      const want = ownedBy(entry, uid, gid);
      return await changing(workshop, work, { want, make: (held) => held.setOwner(uid, gid) });
    }
    case "mode": {
      const mode = change.mode & PERMISSION_BITS;
      if (ignored.mod || mode === (entry.meta.mode & PERMISSION_BITS)) return UNCHANGED;
      if (entry.kind === "lnk") return refused("Operation not supported");
      const want = withMode(entry, mode);
      return await changing(workshop, work, { want, make: (held) => held.setMode(mode) });
    }
    case "mtime": {
      const { mtime } = change;
      if (mtime === entry.meta.mtime) return await settle(workshop, work);
      const want = { ...entry, meta: { ...entry.meta, mtime } };
      return await changing(workshop, work, { want, mtime, make: (held) => held.setTime(mtime) });
    }
  }
}

function withMode(entry: Present, mode: number): Present {
  const bits = (entry.meta.mode & TYPE_BITS_MASK) | (mode & PERMISSION_BITS);
  return { ...entry, meta: { ...entry.meta, mode: bits } };
}

/** The kernel takes set-id bits from a file that gets another owner. */
function ownedBy(entry: Present, uid: number | undefined, gid: number | undefined): Present {
  const { meta } = entry;
  const lost = entry.kind === "dir" ? 0 : meta.mode & 0o010 ? 0o6000 : 0o4000;
  return {
    ...entry,
    meta: { ...meta, uid: uid ?? meta.uid, gid: gid ?? meta.gid, mode: meta.mode & ~lost },
  };
}

/** PERF: an owner that is right already costs neither a call nor a transaction. */
function isThere({ meta }: Present, uid: number | undefined, gid: number | undefined): boolean {
  return (uid === undefined || uid === meta.uid) && (gid === undefined || gid === meta.gid);
}

function idOf(id: number, isIgnored: boolean): number | undefined {
  const unsigned = id >>> 0;
  return isIgnored || unsigned === ID_UNCHANGED ? undefined : unsigned;
}

/** SETIME of a time that is right already: the usual end of a push that found nothing to do. */
async function settle(workshop: Workshop, { target, place }: Work): Promise<Applied> {
  const { state, ignored } = workshop, { entry } = place.admitted;
  if (entry.kind === "absent") return UNCHANGED;
  const known = await state.record(target.name);
  const { stored } = recordOf(target.name, entry, { timeUnit: state.timeUnit, ignored });
  if (known?.stored === stored) {
    // PERF: nearly never is there a mark, and asking costs a quarter of a transaction.
    if (!await state.isDirty(target.name)) return UNCHANGED;
    await state.joined((tx) => tx.clearMarks(target.name, target.peer));
  } else await record(workshop, target, { entry });
  return UNCHANGED;
}

/**
 * Announces, verifies, changes metadata, reads back and records: the change and the record in one
 * transaction, so that no check of another process takes the change for one that was made here. After a
 * crash in between the next start does what the record lacks.
 */
async function changing(
  workshop: Workshop,
  { target, place }: Work,
  { want, make, mtime }: {
    readonly want: Present;
    readonly make: (held: HeldObject) => void;
    readonly mtime?: bigint;
  },
): Promise<Applied> {
  await announce(workshop, { target, temp: "", want });
  return await workshop.state.transaction(async (tx) => {
    let outcome: Outcome = DONE;
    await tx.deleteIntent(target.name);
    using held = holdAdmitted(place);
    if (held === undefined) return { outcome: CONFLICT, changed: false };
    try {
      make(held);
    } catch (error) {
      outcome = refusalOf(error);
    }
    const { entry, ...now } = held.lookClosely();
    const isUnchanged = outcome.kind !== "done" && isSame(place.admitted, { entry, ...now });
    if (!isUnchanged && isOurs(place.admitted.entry, entry, mtime)) {
      await recordIn(tx, workshop, [{ target, entry }]);
    }
    return { outcome, changed: false };
  });
}

/**
 * Whether only metadata differs from before. If not, somebody wrote at the same moment: the record
 * stays as it is, so that the next check finds the change.
 */
function isOurs(before: Entry, after: Entry, mtime: bigint | undefined): boolean {
  if (before.kind === "absent" || before.kind !== after.kind) return false;
  if (before.kind !== "reg" || after.kind !== "reg") return true;
  return before.size === after.size &&
    (mtime !== undefined || before.meta.mtime === after.meta.mtime);
}
