/** A lazy walk of a subtree: one listing per level in memory, one directory open per level. */
import {
  byteOrder,
  type DbName,
  type Entry,
  type Located,
  type Name,
  percentDecode,
  percentEncode,
  type Present,
} from "../model/mod.ts";
import {
  entryAt,
  errorNamed,
  type Fd,
  list,
  type ListedKind,
  type MountNumbers,
  mountNumbers,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  openAt,
  OsError,
} from "../os/mod.ts";
import type { WalkOptions, WalkStep } from "./ports.ts";

/** What the walk needs of a jail. */
export interface WalkSource {
  look(at: Located): Entry;
  openDirectory(at: Located): Fd;
}

/**
 * LIMIT: directories kept open; the ones above are closed and opened again by name when the walk comes
 * back to them, so that a deep tree does not use up the descriptors of the process.
 */
const OPEN_LEVELS_MAX = 64;

/*
 * A listing is a sorted array of strings, taken from its end. The last character of an item says what
 * to do, which costs no memory and keeps the order: `/` enter this directory; `\0` the object of a
 * directory (`after`), or enter without yielding (`before`); anything else is an object. No name
 * contains these two.
 */
const ENTER = "/";
const DIRECTORY = "\0";

interface Level {
  readonly below: string;
  /** Name of the directory with a slash at its end. */
  readonly prefix: string;
  readonly items: string[];
  fd: Fd | undefined;
  /** Only when somebody asks for crossings. */
  readonly on: MountNumbers | undefined;
}

/** @see ReadJail.walk */
export function* walk(
  source: WalkSource,
  at: Located,
  options: WalkOptions,
): Generator<WalkStep, void, void> {
  const { name, directories } = options;
  const wanted = options.classify(name);
  if (wanted === 0) return;
  const tour = new Tour(source, at.anchor, options);
  try {
    const start = tour.lookAtStart(at);
    if (start === undefined) return;
    const isFirst = directories === "before" || start.kind !== "dir";
    if (wanted === 2 && isFirst) yield { name, entry: start };
    if (start.kind !== "dir") return;
    tour.enterStart(at.below, name);
    yield* directories === "after" ? contentsFirst(tour) : directoriesFirst(tour);
    if (wanted === 2 && !isFirst) {
      const now = tour.lookAtStart(at);
      if (now !== undefined) yield { name, entry: now };
    }
  } finally {
    tour.close();
  }
}

/** Strictly descending order of encoded names. */
function* contentsFirst(tour: Tour): Generator<WalkStep, void, void> {
  for (let level = tour.top; level !== undefined; level = tour.top) {
    const item = level.items.pop();
    if (item === undefined) {
      tour.leave();
      continue;
    }
    const mark = item[item.length - 1];
    const isMarked = mark === ENTER || mark === DIRECTORY;
    const leaf = percentDecode(isMarked ? item.slice(0, -1) : item) as Name;
    if (mark === ENTER) {
      tour.enter(level, leaf);
      continue;
    }
    const entry = tour.look(level, leaf);
    if (entry === undefined) continue;
    const name = level.prefix + leaf as DbName;
    if (entry.kind === "dir" && mark !== DIRECTORY) {
      // RACE: it became a directory after the listing, and the time for its contents has passed.
      tour.options.onError(name, errorNamed("ESTALE", { call: "getdents64", path: name }));
    }
    yield { name, entry };
  }
}

/** Each directory before its entries, entries in descending byte order. */
function* directoriesFirst(tour: Tour): Generator<WalkStep, void, void> {
  for (let level = tour.top; level !== undefined; level = tour.top) {
    const item = level.items.pop();
    if (item === undefined) {
      tour.leave();
      continue;
    }
    if (item.endsWith(DIRECTORY)) {
      tour.enter(level, item.slice(0, -1) as Name);
      continue;
    }
    const leaf = item as Name;
    const entry = tour.look(level, leaf);
    if (entry === undefined) continue;
    yield { name: level.prefix + leaf as DbName, entry };
    if (entry.kind === "dir") tour.enter(level, leaf);
  }
}

/** Where a walk is: the open levels, and everything that can fail. */
class Tour {
  readonly options: WalkOptions;
  readonly #source: WalkSource;
  readonly #anchor: Located["anchor"];
  readonly #levels: Level[] = [];

  constructor(source: WalkSource, anchor: Located["anchor"], options: WalkOptions) {
    this.#source = source;
    this.#anchor = anchor;
    this.options = options;
  }

  get top(): Level | undefined {
    return this.#levels[this.#levels.length - 1];
  }

  /** The object; undefined when it is gone or was reported. */
  look(level: Level, leaf: Name): Present | undefined {
    const fd = this.#descriptor(level);
    if (fd === undefined) return undefined;
    try {
      const entry = entryAt(fd, leaf); // PERF: not through #try, which makes a function per object
      return entry.kind === "absent" ? undefined : entry;
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      this.options.onError(level.prefix + leaf as DbName, error);
      return undefined;
    }
  }

  lookAtStart(at: Located): Present | undefined {
    const entry = this.#try(this.options.name, () => this.#source.look(at));
    return entry === undefined || entry.kind === "absent" ? undefined : entry;
  }

  enterStart(below: string, name: DbName): void {
    const fd = this.#open(below, name);
    if (fd !== undefined) this.#push({ below, name, fd, on: this.#mountOf(fd, name) });
  }

  /** Opens and lists the directory `leaf` of `level`; what is none any more is left out. */
  enter(level: Level, leaf: Name): void {
    const name = level.prefix + leaf as DbName;
    const fd = this.#try(name, () => {
      const dir = this.#descriptor(level);
      const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;
      return dir === undefined ? undefined : openAt(leaf, { dir, flags });
    });
    if (fd === undefined) return;
    const on = this.#mountOf(fd, name);
    if (on !== undefined && level.on !== undefined && this.#isClosed(name, on, level.on)) {
      fd[Symbol.dispose]();
      return;
    }
    const below = level.below === "" ? leaf : `${level.below}/${leaf}`;
    this.#push({ below, name, fd, on });
  }

  /** Whether the caller keeps the walk out of a directory that lies on another mount. */
  #isClosed(name: DbName, on: MountNumbers, above: MountNumbers): boolean {
    const isForeign = on.major !== above.major || on.minor !== above.minor;
    if (!isForeign && on.mount === above.mount) return false;
    return this.options.crosses?.(name, isForeign) === false;
  }

  #mountOf(fd: Fd, name: DbName): MountNumbers | undefined {
    if (this.options.crosses === undefined) return undefined;
    return this.#try(name, () => mountNumbers(fd, name));
  }

  leave(): void {
    this.#levels.pop()?.fd?.[Symbol.dispose]();
  }

  close(): void {
    while (this.#levels.length > 0) this.leave();
  }

  #push({ below, name, fd, on }: Pick<Level, "below" | "on"> & { name: DbName; fd: Fd }): void {
    const level = { below, prefix: name === "/" ? name : `${name}/`, items: [], fd, on };
    const outer = this.#levels[this.#levels.length - OPEN_LEVELS_MAX];
    if (outer !== undefined) {
      outer.fd?.[Symbol.dispose]();
      outer.fd = undefined;
    }
    this.#levels.push(level);
    this.#fill(level, fd);
  }

  /** Reads the directory into `level.items`; classify() is asked here, once per name. */
  #fill({ items, prefix }: Level, fd: Fd): void {
    const { classify, directories } = this.options;
    const error = list(fd, (leaf, listed) => {
      const wanted = classify(prefix + leaf as DbName);
      if (wanted === 0) return;
      const kind = listed === "unknown" ? this.#kindOf(fd, leaf, prefix) : listed;
      if (directories === "before") {
        if (wanted === 2) items.push(leaf);
        else if (kind === "dir") items.push(leaf + DIRECTORY);
        return;
      }
      const key = percentEncode(leaf);
      if (kind === "dir") items.push(key + ENTER);
      if (wanted === 2) items.push(kind === "dir" ? key + DIRECTORY : key);
    });
    items.sort(byteOrder);
    if (error !== undefined) this.options.onError(nameOf(prefix), error);
  }

  /** For file systems that do not say the type in the listing. Errors come up again in look(). */
  #kindOf(fd: Fd, leaf: string, prefix: string): ListedKind {
    const entry = this.#try(prefix + leaf as DbName, () => entryAt(fd, leaf));
    return entry?.kind === "dir" ? "dir" : "other";
  }

  /** The level's directory, opened again if it was closed meanwhile. */
  #descriptor(level: Level): Fd | undefined {
    level.fd ??= this.#open(level.below, nameOf(level.prefix));
    if (level.fd === undefined) level.items.length = 0;
    return level.fd;
  }

  #open(below: string, name: DbName): Fd | undefined {
    return this.#try(name, () => this.#source.openDirectory({ anchor: this.#anchor, below }));
  }

  /** undefined when it is gone, became something else, or was reported. */
  #try<T>(name: DbName, action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      if (!GONE.has(error.errnoName)) this.options.onError(name, error);
      return undefined;
    }
  }
}

/** What opening a directory says when it is no directory here any more. */
const GONE: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP"]);

/** Level.prefix -> the name of the directory. */
function nameOf(prefix: string): DbName {
  return (prefix === "/" ? prefix : prefix.slice(0, -1)) as DbName;
}
