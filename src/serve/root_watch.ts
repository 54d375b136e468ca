/** Keeps peers out of roots whose disk is missing here (D 7.3.2). */
import { type DbName, failed, parent, type Refusal } from "../model/mod.ts";
import type { Reporter } from "../report/mod.ts";
import {
  recordMissing,
  recordRemoved,
  type RootFault,
  RootGuard,
  type RootGuardOptions,
  say,
  sight,
} from "../roots/mod.ts";

/** How old what is known of the disks may be: a disk that goes is noticed after this time. */
const LOOK_AGAIN_MS = 100;

export interface RootWatchOptions extends Pick<RootGuardOptions, "config" | "state" | "jail"> {
  readonly reporter: Reporter;
  /** Milliseconds. */
  readonly now?: () => number;
}

/** Of one configuration, for all its connections. */
export class RootWatch {
  readonly #options: RootWatchOptions;
  readonly #guard: RootGuard;
  readonly #now: () => number;
  /** Faults that were told: each once, until it is over. */
  readonly #told = new Set<string>();
  #lookedAt = -Infinity;
  /** Undefined during a look. */
  #roots: { has(name: DbName): boolean } | undefined;
  /** PERF: directories in which everything that is no root is in order, until the next look. */
  #inOrder = new Set<DbName>();

  constructor(options: RootWatchOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#guard = new RootGuard({ ...options, isSticky: false });
  }

  /**
   * Why a peer is told nothing about `name` and may change nothing there; its mark stays. Without this
   * a removal would be settled because nothing is there, and files would be written below the bare
   * mount point.
   */
  refusalOf(name: DbName): Promise<Refusal | undefined> | undefined {
    const dir = parent(name);
    if (dir === undefined) return this.#refusalOf(name);
    const isUsual = this.#inOrder.has(dir) && this.#roots?.has(name) === false;
    // PERF: nothing to wait for, nearly always.
    if (isUsual && this.#now() - this.#lookedAt < LOOK_AGAIN_MS) return undefined;
    return this.#refusalIn(dir, name);
  }

  async #refusalIn(dir: DbName, name: DbName): Promise<Refusal | undefined> {
    const inOrder = this.#inOrder; // of this look, and not of the next
    const refusal = await this.#refusalOf(name);
    // What holds for a name holds for its directory, and for all in that which are no roots.
    if (refusal === undefined) inOrder.add(dir);
    return refusal;
  }

  async #refusalOf(name: DbName): Promise<Refusal | undefined> {
    const isFresh = await this.#refresh(name);
    let fault = await this.#guard.refusalOf(name);
    if (fault !== undefined && fault.why !== "other-device" && !isFresh) {
      // A root that a peer has just made, or is making.
      this.#guard.refresh();
      fault = await this.#guard.refusalOf(name);
    }
    if (fault === undefined) return undefined;
    this.#tell(fault);
    return failed(say.refusalText(fault.root)) as Refusal;
  }

  /**
   * As `refusalOf`, for each name; undefined when there is none at all.
   * PERF: names in one directory are asked about once, unless they are roots themselves.
   */
  async refusalsOf(
    names: readonly DbName[],
  ): Promise<readonly (Refusal | undefined)[] | undefined> {
    const roots = await this.#guard.roots();
    const known = new Map<DbName, Refusal | undefined>();
    const refusals: (Refusal | undefined)[] = [];
    let isAny = false,
      last: { readonly dir: DbName; readonly refusal: Refusal | undefined } | undefined;
    for (const name of names) {
      const isRoot = roots.has(name);
      if (!isRoot && last !== undefined && isIn(name, last.dir)) {
        refusals.push(last.refusal);
        continue;
      }
      const asked = isRoot ? name : parent(name) ?? name;
      if (!known.has(asked)) known.set(asked, await this.refusalOf(asked));
      const refusal = known.get(asked);
      if (asked !== name) last = { dir: asked, refusal };
      refusals.push(refusal);
      isAny ||= refusal !== undefined;
    }
    return isAny ? refusals : undefined;
  }

  /** A peer has removed the object. */
  async removed(name: DbName): Promise<void> {
    await recordRemoved(this.#options, name);
  }

  /** @returns whether everything is looked at anew */
  async #refresh(name: DbName): Promise<boolean> {
    const now = this.#now();
    if (now - this.#lookedAt < LOOK_AGAIN_MS) return false;
    this.#lookedAt = now;
    this.#roots = undefined;
    this.#guard.refresh();
    const unknown = await this.#guard.unrecorded(name);
    if (unknown.length > 0) {
      const sightings = unknown.map((root) => [root, sight(this.#options, root)] as const);
      await recordMissing({ ...this.#options, isHeld: () => false }, new Map(sightings));
      this.#guard.refresh();
    }
    if (this.#told.size > 0) await this.#forgetOver();
    this.#inOrder = new Set();
    this.#roots = await this.#guard.roots();
    return true;
  }

  #tell(fault: RootFault): void {
    const key = `${fault.why} ${fault.root}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#options.reporter.note(say.notTaken(fault));
  }

  async #forgetOver(): Promise<void> {
    for (const key of this.#told) {
      const [why = "", root = ""] = [
        key.slice(0, key.indexOf(" ")),
        key.slice(key.indexOf(" ") + 1),
      ];
      const fault = await this.#guard.refusalOf(root as DbName);
      if (fault?.root !== root || fault.why !== why) this.#told.delete(key);
    }
  }
}

/** Whether `dir` is the directory of the name. PERF: without making its name anew. */
function isIn(name: DbName, dir: DbName): boolean {
  return name.startsWith(dir) && name.lastIndexOf("/") === dir.length && dir !== "/";
}
