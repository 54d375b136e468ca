/** Directories that are opened once for all the names in them that are looked at in one go. */
import type { Located } from "../model/mod.ts";
import { type Fd, OsError } from "../os/mod.ts";

/** LIMIT: descriptors open at a time; names in their order rarely need more than one per level. */
const OPEN_MAX = 16;

/**
 * Directories held during one synchronous call, by their place. Who keeps them longer looks at where a
 * directory was, not at what is at its place.
 */
export class Parents implements Disposable {
  readonly #hold: (above: Located) => Fd;
  /** By anchor and path; those that cannot be opened are remembered too. */
  readonly #known = new Map<string, Fd | OsError>();
  #last: { readonly above: Located; readonly dir: Fd | OsError } | undefined;

  /** @param hold opens a directory without following links; throws OsError */
  constructor(hold: (above: Located) => Fd) {
    this.#hold = hold;
  }

  /**
   * The open directory above an object, valid until the next call, or why there is none.
   * PERF: nearly always it is the one above the last object.
   */
  over({ anchor, below }: Located): Fd | OsError {
    const slash = Math.max(0, below.lastIndexOf("/")), last = this.#last;
    if (
      last !== undefined && last.above.anchor === anchor && last.above.below.length === slash &&
      below.startsWith(last.above.below)
    ) return last.dir;
    const above = { anchor, below: below.slice(0, slash) };
    const dir = this.open(above);
    this.#last = { above, dir };
    return dir;
  }

  /** As `over`, of a directory itself. */
  open(above: Located): Fd | OsError {
    const key = `${above.anchor}\0${above.below}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size === OPEN_MAX) this[Symbol.dispose]();
    const opened = this.#open(above);
    this.#known.set(key, opened);
    return opened;
  }

  #open(above: Located): Fd | OsError {
    try {
      return this.#hold(above);
    } catch (error) {
      if (error instanceof OsError) return error;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const held of this.#known.values()) {
      if (!(held instanceof OsError)) held[Symbol.dispose]();
    }
    this.#known.clear();
    this.#last = undefined;
  }
}
