/** Which of the objects under way are the same as another one, above it or below it. */
import { type DbName, type DiskPath, isBelow, parent } from "../model/mod.ts";

export type Path = DiskPath | DbName;

/** A directory with something under way below it. */
interface Dir<T> {
  readonly path: Path;
  readonly up: Dir<T> | undefined;
  /** Objects under way strictly below it. */
  count: number;
  /** What is under way with its own path. */
  own: T | undefined;
}

const NOBODY: readonly never[] = [];

/**
 * PERF: a push has thousands of objects under way, so an object is compared with the directories above it,
 * and with all others only when some of them are below it, which is rare. Neighbours share a directory.
 */
export class RelatedPaths<T> {
  /** The last one with each path: it waits for those before it itself. */
  readonly #own = new Map<Path, T>();
  readonly #dirs = new Map<Path, Dir<T>>();
  /** Of the last one that came, and of the last one that went. */
  #lastAdded: Dir<T> | undefined;
  #lastDeleted: Dir<T> | undefined;

  /** Whether nothing is under way with this path or below it. */
  isFree(path: Path): boolean {
    return !this.#own.has(path) && !this.#dirs.has(path);
  }

  /** @returns those that `one` is related to by `path`; of several with one path only the last */
  add(one: T, path: Path): readonly T[] {
    let related: T[] | undefined;
    const same = this.#own.get(path);
    if (same !== undefined) related = [same];
    for (let dir = this.#dirOver(path); dir !== undefined; dir = dir.up) {
      if (dir.own !== undefined) (related ??= []).push(dir.own);
      dir.count++;
    }
    const own = this.#dirs.get(path);
    if (own !== undefined) {
      for (const [other, it] of this.#own) if (isBelow(other, path)) (related ??= []).push(it);
      own.own = one;
    }
    this.#own.set(path, one);
    return related ?? NOBODY;
  }

  delete(one: T, path: Path): void {
    if (this.#own.get(path) === one) {
      this.#own.delete(path);
      const own = this.#dirs.get(path);
      if (own !== undefined) own.own = undefined;
    }
    const last = this.#lastDeleted;
    const over = last !== undefined && isDirectlyIn(path, last.path)
      ? last
      : this.#dirs.get(parent(path)!);
    this.#lastDeleted = over;
    for (let dir = over; dir !== undefined; dir = dir.up) {
      if (--dir.count === 0) this.#forget(dir);
    }
  }

  #forget(dir: Dir<T>): void {
    this.#dirs.delete(dir.path);
    if (this.#lastAdded === dir) this.#lastAdded = undefined;
    if (this.#lastDeleted === dir) this.#lastDeleted = undefined;
  }

  #dirOver(path: Path): Dir<T> | undefined {
    const last = this.#lastAdded;
    if (last !== undefined && isDirectlyIn(path, last.path)) return last;
    const above = parent(path);
    if (above === undefined) return undefined;
    let dir = this.#dirs.get(above);
    if (dir === undefined) {
      dir = { path: above, up: this.#dirOver(above), count: 0, own: this.#own.get(above) };
      this.#dirs.set(above, dir);
    }
    return this.#lastAdded = dir;
  }
}

/** Whether it lies directly in the directory, which is not `/`. */
export function isDirectlyIn(path: Path, dir: Path): boolean {
  return path.lastIndexOf("/") === dir.length && path.startsWith(dir);
}
