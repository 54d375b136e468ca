/** The only way to change a user's file. */
import {
  type Change,
  type DiskPath,
  type Entry,
  failed,
  type Fingerprint,
  type Ignored,
  type Located,
  type Meta,
  type Name,
  type Nanos,
  nanos,
  type Refusal,
} from "../model/mod.ts";
import type { DirHandle, Jail, PathLocks } from "../fs/mod.ts";
import type { StateStore } from "../state/mod.ts";
import { type Place, refusalOf, type Seen } from "./steps.ts";
import { type Repaired, repairIntents, type RepairOptions } from "./intents.ts";
import { type Durability, Durable } from "./durable.ts";
import { HeldMany } from "./held_many.ts";
import { makeParents } from "./make_parents.ts";
import { Partials } from "./partials.ts";
import { FilePut } from "./put_file.ts";
import { changeMeta, changeObject } from "./put_other.ts";
import { type Applied, isSystemError, pathOf, type Target } from "./target.ts";
import type { Workshop } from "./workshop.ts";

export interface ApplierOptions {
  readonly jail: Jail;
  readonly state: StateStore;
  readonly locks: PathLocks;
  readonly ignored: Ignored;
  /** @default {"file"} */
  readonly durability?: Durability;
  /** Owner of new objects, as this process makes them. @default {root} */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Time for new files that come without one. */
  readonly now?: () => Nanos;
}

/** The path is in use by another request for longer than the caller wanted to wait. */
export const BUSY = failed("Device or resource busy") as Refusal;

/**
 * Changes objects on behalf of peers, one path at a time.
 *
 * The order: `hold` takes the path's lock; `look` sees what is there; the caller admits the change by
 * that and by the state; `change` or `put` carry it out only if nobody touched the object since `look`.
 * Temporary objects are made in the directory of the target and nowhere else, so the last step is
 * always one rename; `tempdir` of the configuration has no part in it (W 14.3, 20.21, 20.22).
 *
 * Whatever a peer or a tree can cause is an Outcome. StateError is thrown: then the change is done or
 * not, and its intent lets the next start find out.
 */
export class Applier {
  readonly #workshop: Workshop;
  readonly #locks: PathLocks;

  constructor(
    {
      jail,
      state,
      locks,
      ignored,
      durability = "file",
      owner = { uid: 0, gid: 0 },
      now = () => nanos(BigInt(Date.now()) * 1_000_000n),
    }: ApplierOptions,
  ) {
    const durable = new Durable(durability, jail);
    const partials = new Partials({ jail, state, now });
    this.#workshop = { jail, state, ignored, durable, partials, owner, now, masked: { bits: 0 } };
    this.#locks = locks;
  }

  /**
   * Locks the path of `target`; undefined when that takes longer than `waitMs`.
   * @param options.waitMs @default {60_000}
   */
  hold(
    target: Target,
    { waitMs = 60_000 }: { waitMs?: number } = {},
  ): Held | Promise<Held | undefined> {
    const path = pathOf(target.at);
    // PERF: without a timer, which nearly every change would do for nothing.
    const lock = this.#locks.tryTake(path);
    if (lock !== undefined) return new Held(this.#workshop, target, lock);
    return takeWithin(this.#locks, { path, waitMs })
      .then((lock) => lock && new Held(this.#workshop, target, lock));
  }

  /** Those of many paths that nobody else has, as they are now. */
  holdFree(targets: readonly Target[]): HeldMany {
    return new HeldMany(this.#workshop, targets, this.#locks);
  }

  /** To be called at start, before the first change. */
  async repairIntents(options: RepairOptions): Promise<Repaired> {
    return await repairIntents(this.#workshop, options);
  }

  /** Removes what broken transfers have left, when it is old; once a day at most. */
  async tidy(locate: RepairOptions["locate"]): Promise<void> {
    await this.#workshop.partials.tidy(locate);
  }
}

/** A locked path. Disposing gives the lock back. */
export class Held implements Disposable {
  readonly #workshop: Workshop;
  readonly #target: Target;
  readonly #lock: Disposable;
  #place: Place | undefined;
  #failure: unknown;
  #isOpen = true;

  constructor(workshop: Workshop, target: Target, lock: Disposable) {
    this.#workshop = workshop;
    this.#target = target;
    this.#lock = lock;
    workshop.durable.enter();
  }

  /**
   * What is there now; a later change insists on exactly this. Call it before the state is asked
   * whether the object changed on this host.
   * @throws OsError when that cannot be found out
   */
  look(): Entry {
    this.#leave();
    const { jail } = this.#workshop, { at } = this.#target;
    let found: { dir: DirHandle; leaf: Name };
    try {
      found = jail.parentOf(at);
    } catch (error) {
      if (!isSystemError(error, "ENOENT", "ENOTDIR", "ELOOP")) throw error;
      this.#failure = error;
      return jail.look(at);
    }
    const { dir, leaf } = found;
    this.#place = { dir, leaf, admitted: ABSENT_SEEN };
    const admitted: Seen = dir.lookClosely(leaf);
    this.#place = { dir, leaf, admitted };
    return admitted.entry;
  }

  /** Of the object that the last look saw. */
  get fingerprint(): Fingerprint | undefined {
    return this.#place?.admitted.fingerprint;
  }

  /** What the last look saw; undefined when the directory above is missing or behind a link. */
  get seen(): Entry | undefined {
    return this.#place?.admitted.entry;
  }

  /**
   * Makes the directories above that are missing, and looks again.
   * @returns why that is not possible
   */
  async makeParents(): Promise<Refusal | undefined> {
    const { jail, durable } = this.#workshop;
    try {
      for (const made of makeParents(jail, this.#target.at)) {
        using above = jail.parentOf(made).dir;
        const [failure] = await durable.entries([above]);
        if (failure !== undefined) throw failure;
      }
      this.look();
      return undefined;
    } catch (error) {
      return refusalOf(error);
    }
  }

  /** Carries out a change that needs no content. */
  async change(change: Change): Promise<Applied> {
    const place = this.#place;
    try {
      if (place === undefined) return await this.#changeNowhere(change);
      const work = { target: this.#target, place };
      switch (change.kind) {
        case "own":
        case "mode":
        case "mtime":
          return await changeMeta(this.#workshop, work, change);
        default:
          if (change.kind !== "mkdir") await this.giveWay();
          return await changeObject(this.#workshop, work, change);
      }
    } catch (error) {
      return { outcome: refusalOf(error), changed: false };
    }
  }

  /** The directory above is missing or behind a link. What is to go is gone; nothing else can be done. */
  async #changeNowhere(change: Change): Promise<Applied> {
    if (change.kind !== "remove") return { outcome: refusalOf(this.#failure), changed: false };
    await this.#workshop.state.joined(async (tx) => {
      await tx.deleteRecords([this.#target.name]);
      await tx.clearMarks(this.#target.name, this.#target.peer);
    });
    return { outcome: { kind: "done" }, changed: false };
  }

  /** A directory is about to be replaced or removed: what broken transfers have left in it goes first. */
  async giveWay(): Promise<void> {
    const place = this.#place;
    if (place?.admitted.entry.kind !== "dir") return;
    await this.#workshop.partials.dropIn(this.#target, place);
  }

  /**
   * Begins a regular file. Whatever can be known to fail later is refused now, before the peer sends
   * anything (W 20.3).
   */
  beginPut(meta?: Meta): FilePut | Refusal {
    const place = this.#place;
    try {
      if (place === undefined) return refusalOf(this.#failure);
      if (place.admitted.entry.kind === "dir" && !this.#isEmpty()) {
        return failed("Directory not empty");
      }
      const put = new FilePut(this.#workshop, { target: this.#target, place, meta });
      this.#place = undefined; // its directory is the put's now
      return put;
    } catch (error) {
      return refusalOf(error);
    }
  }

  #isEmpty(): boolean {
    const at: Located = this.#target.at;
    const inside = { ...at, below: at.below === "" ? "x" : `${at.below}/x` };
    const { dir } = this.#workshop.jail.parentOf(inside);
    using opened = dir;
    return opened.list().length === 0;
  }

  #leave(): void {
    this.#place?.dir[Symbol.dispose]();
    this.#place = undefined;
    this.#failure = undefined;
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#leave();
    this.#workshop.durable.leave();
    this.#lock[Symbol.dispose]();
  }
}

const ABSENT_SEEN: Seen = { entry: { kind: "absent", because: "leaf" } };

/** The lock, or undefined when it is not to be had within `waitMs`. */
async function takeWithin(
  locks: PathLocks,
  { path, waitMs }: { path: DiskPath; waitMs: number },
): Promise<Disposable | undefined> {
  const wait = new AbortController();
  const timer = setTimeout(() => wait.abort(), waitMs);
  try {
    return await locks.take(path, { signal: wait.signal });
  } catch (error) {
    if (wait.signal.aborted) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
