/** Which of the objects under way are the same as another one, above it or below it. */
import { type DbName, type DiskPath, isBelow, parent } from "../model/mod.ts";

type Path = DiskPath | DbName;

/** A directory with something under way below it. */
interface Dir {
  readonly path: Path;
  readonly up: Dir | undefined;
  /** Objects under way strictly below it. */
  count: number;
}

/**
 * PERF: a push has a thousand objects under way, so an object is compared with the directories above it,
 * and with all others only when some of them are below it, which is rare.
 */
export class RelatedPaths<T extends { readonly path: Path }> {
  /** The last one with each path: it waits for those before it itself. */
  readonly #own = new Map<Path, T>();
  readonly #dirs = new Map<Path, Dir>();
  /** Of the last one: its neighbours come next. */
  #last: Dir | undefined;

  /** @returns those that `one` is related to; of several with one path only the last */
  add(one: T): readonly T[] {
    const related: T[] = [];
    const { path } = one;
    const same = this.#own.get(path);
    if (same !== undefined) related.push(same);
    for (let dir = this.#dirOver(path); dir !== undefined; dir = dir.up) {
      const above = this.#own.get(dir.path);
      if (above !== undefined) related.push(above);
      dir.count++;
    }
    if (this.#dirs.has(path)) {
      for (const other of this.#own.values()) if (isBelow(other.path, path)) related.push(other);
    }
    this.#own.set(path, one);
    return related;
  }

  delete(one: T): void {
    const { path } = one;
    if (this.#own.get(path) === one) this.#own.delete(path);
    const above = parent(path);
    let dir = above === undefined ? undefined : this.#dirs.get(above);
    for (; dir !== undefined; dir = dir.up) {
      if (--dir.count === 0) this.#dirs.delete(dir.path);
    }
  }

  #dirOver(path: Path): Dir | undefined {
    const above = parent(path);
    if (above === undefined) return undefined;
    const last = this.#last;
    if (last?.path === above && this.#dirs.get(above) === last) return last;
    let dir = this.#dirs.get(above);
    if (dir === undefined) {
      dir = { path: above, up: this.#dirOver(above), count: 0 };
      this.#dirs.set(above, dir);
    }
    return this.#last = dir;
  }
}
