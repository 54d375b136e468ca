/** Many paths at once: locked, looked at, and small files put in the place of what was seen. */
import type { Entry, Located, Meta, Name } from "../model/mod.ts";
import type { DirHandle, Jail, PathLocks, TakenLocks } from "../fs/mod.ts";
import { dressOf } from "./dress.ts";
import { createAll } from "./install.ts";
import type { Place } from "./steps.ts";
import { type Applied, isSystemError, pathOf, type Target } from "./target.ts";
import { WholeFile } from "./whole_file.ts";
import type { Workshop } from "./workshop.ts";

/** A small file that takes the place of what was seen. */
export interface SmallFile {
  /** Place of its target among those that are held. */
  readonly at: number;
  readonly meta: Meta;
  /** It stays as it is until the file is installed. */
  readonly content: Uint8Array;
}

/**
 * Paths of which those that are in use by others are left out. Disposing gives all locks back.
 *
 * LIMIT: one descriptor for each directory, and one for each file of `putAll`: the caller sees to it that
 * these are not too many.
 */
export class HeldMany implements Disposable {
  readonly #workshop: Workshop;
  readonly #targets: readonly Target[];
  readonly #locks: TakenLocks;
  readonly #dirs: Directories;
  readonly #places: readonly (Place | undefined)[];

  constructor(workshop: Workshop, targets: readonly Target[], locks: PathLocks) {
    this.#workshop = workshop;
    this.#targets = targets;
    this.#locks = locks.tryTakeEach(targets.map(({ at }) => pathOf(at)));
    this.#dirs = new Directories(workshop.jail);
    for (const _ of targets) workshop.durable.enter();
    try {
      this.#places = targets.map((target, n) => this.#look(target, n));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * What is there. Undefined for a path that is in use, or whose directory is not as it should be, and for
   * everything else that `Held` has to deal with.
   */
  seen(at: number): Entry | undefined {
    return this.#places[at]?.admitted.entry;
  }

  #look(target: Target, n: number): Place | undefined {
    if (!this.#locks.isTaken(n) || this.#workshop.partials.has(target.name)) return undefined;
    try {
      const found = this.#dirs.of(target.at);
      if (found === undefined) return undefined;
      const { dir, leaf } = found;
      return { dir, leaf, admitted: dir.lookClosely(leaf) };
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return undefined;
    }
  }

  /**
   * Installs files where nothing or a regular file was seen, each only if nobody has touched that since.
   * To be called once. @returns an answer for each, in their order
   */
  async putAll(files: readonly SmallFile[]): Promise<Applied[]> {
    const plans = files.map(({ at, meta, content }) => {
      const target = this.#targets[at]!, place = this.#places[at];
      if (place === undefined) throw new RangeError(`Cannot put "${target.name}": it is not held`);
      const dress = dressOf(this.#workshop, place.admitted.entry, meta);
      return new WholeFile(this.#workshop, { target, place, dress, content: [content] });
    });
    return await createAll(this.#workshop, plans);
  }

  [Symbol.dispose](): void {
    this.#dirs[Symbol.dispose]();
    for (const _ of this.#targets) this.#workshop.durable.leave();
    this.#locks[Symbol.dispose]();
  }
}

/** Open directories of many objects, each once. */
class Directories implements Disposable {
  readonly #jail: Jail;
  readonly #known = new Map<string, DirHandle | undefined>();
  /** PERF: neighbours come one after the other. */
  #last: { readonly at: Located; readonly slash: number; dir: DirHandle | undefined } | undefined;

  constructor(jail: Jail) {
    this.#jail = jail;
  }

  /** Undefined when the directory is missing, or behind a link. @throws OsError */
  of(at: Located): { readonly dir: DirHandle; readonly leaf: Name } | undefined {
    const slash = at.below.lastIndexOf("/");
    const dir = this.#isLast(at, slash) ? this.#last!.dir : this.#open(at, slash);
    this.#last = { at, slash, dir };
    return dir && { dir, leaf: at.below.slice(slash + 1) as Name };
  }

  #isLast({ anchor, below }: Located, slash: number): boolean {
    const last = this.#last;
    return last !== undefined && last.slash === slash && last.at.anchor === anchor && slash > 0 &&
      below.startsWith(last.at.below.slice(0, slash));
  }

  #open(at: Located, slash: number): DirHandle | undefined {
    const key = `${at.anchor}\0${at.below.slice(0, Math.max(0, slash))}`;
    if (this.#known.has(key)) return this.#known.get(key);
    let dir: DirHandle | undefined;
    try {
      if (at.below !== "") dir = this.#jail.parentOf(at).dir;
    } catch (error) {
      if (!isSystemError(error, "ENOENT", "ENOTDIR", "ELOOP")) throw error;
    }
    this.#known.set(key, dir);
    return dir;
  }

  [Symbol.dispose](): void {
    for (const dir of this.#known.values()) dir?.[Symbol.dispose]();
  }
}
