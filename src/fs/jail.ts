/** ReadJail and Jail over the real file system: the only way to a file. */
import {
  ABSENT,
  type Absent,
  BEHIND_LINK,
  type DirectoryPlace,
  type Entry,
  join,
  type Located,
  type Name,
  NOT_A_DIRECTORY,
  PARENT_ABSENT,
} from "../model/mod.ts";
import {
  type CloseLook,
  closeLookOf,
  entryAt,
  entryOf,
  type Fd,
  isStill,
  O_DIRECTORY,
  O_PATH,
  openAt,
  OsError,
  placeOf,
  readAt,
} from "../os/mod.ts";
import { openAnchor } from "./anchor.ts";
import { type OpenBeneath, openBeneath, properName, type Purpose } from "./beneath.ts";
import { SharedDirs } from "./open_dir.ts";
import { Parents } from "./parents.ts";
import { absentEach } from "./presence.ts";
import { checkReadable, DiskDir, readable } from "./dir_handle.ts";
import type {
  DirHandle,
  Jail,
  ReadJail,
  SmallFile,
  SourceFile,
  TempFile,
  WalkOptions,
  WalkStep,
} from "./ports.ts";
import { DiskSource } from "./source_file.ts";
import { syncDirectories, SyncGroups } from "./sync_group.ts";
import type { DiskTemp } from "./temp_file.ts";
import { systemRandom } from "./temp_name.ts";
import { walk } from "./walk.ts";

export interface JailOptions {
  /** Fills bytes for temporary names. @default the system's random source */
  readonly random?: (bytes: Uint8Array) => void;
  /** How paths below an anchor are opened. @default openat2 where the kernel has it */
  readonly beneath?: OpenBeneath;
}

/** A jail that can only read. */
export function openReadJail(options: JailOptions = {}): ReadJail {
  return new DiskReadJail(options);
}

/** A jail that can read and change. */
export function openJail(options: JailOptions = {}): Jail {
  return new DiskJail(options);
}

const NO_DIRECTORY: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP"]);

class DiskReadJail implements ReadJail {
  readonly #beneath: OpenBeneath;
  /** PERF: plain names all have the anchor `/`; it is the one that nobody can replace meanwhile. */
  #root: Fd | undefined;

  constructor({ beneath = openBeneath() }: JailOptions) {
    this.#beneath = beneath;
  }

  look(at: Located): Entry {
    const fd = this.#seek(at);
    if ("kind" in fd) return fd;
    using held = fd;
    return entryOf(held, pathOf(at));
  }

  lookClosely(at: Located): CloseLook {
    const fd = this.#seek(at);
    if ("kind" in fd) return { entry: fd };
    using held = fd;
    return closeLookOf(held, pathOf(at));
  }

  lookEach(ats: readonly Located[]): (Entry | OsError)[] {
    using parents = new Parents((above) => this.hold(above, "path"));
    const found: (Entry | OsError)[] = new Array(ats.length);
    for (let n = 0; n < ats.length; n++) found[n] = this.#lookFrom(parents, ats[n]!);
    return found;
  }

  absentEach(ats: readonly Located[]): (boolean | OsError)[] {
    return absentEach(ats, {
      open: (directory) => this.hold(directory, "directory"),
      lookEach: (some) => this.lookEach(some),
    });
  }

  /** PERF: no closure and no object besides the entry, for nearly all. */
  #lookFrom(parents: Parents, at: Located): Entry | OsError {
    const { below } = at;
    try {
      const leaf = below.slice(below.lastIndexOf("/") + 1) as Name;
      // An anchor itself, or a path that is refused.
      if (below === "" || leaf === "." || below.startsWith("/")) return this.look(at);
      const dir = parents.over(at);
      if (!(dir instanceof OsError)) return entryAt(dir, properName(leaf));
      if (dir.errnoName === "ENOENT") return PARENT_ABSENT;
      return this.#whyAbsent(split(at).above, dir);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      const { call, errnoName, text } = error;
      return new OsError(call, pathOf(at), errnoName, text);
    }
  }

  readSmall(at: Located, into: Uint8Array): SmallFile | undefined {
    using held = this.hold(at, "content");
    return readHeld(held, at, into);
  }

  readSmallEach(
    wanted: readonly { readonly at: Located; readonly into: Uint8Array }[],
  ): (SmallFile | undefined | OsError)[] {
    using parents = new Parents((above) => this.hold(above, "path"));
    return wanted.map(({ at, into }) => {
      try {
        using held = this.#openFrom(parents, at);
        return readHeld(held, at, into);
      } catch (error) {
        if (error instanceof OsError) return error;
        throw error;
      }
    });
  }

  #openFrom(parents: Parents, at: Located): Fd {
    const { above, leaf } = split(at);
    if (leaf === "." || at.below.startsWith("/")) return this.hold(at, "content");
    const dir = parents.open(above);
    return within(at, () => {
      if (dir instanceof OsError) throw dir;
      return this.#beneath(dir, leaf, "content");
    });
  }

  open(at: Located): SourceFile {
    {
      using held = this.hold(at, "object");
      checkReadable(entryOf(held, pathOf(at)), pathOf(at));
    }
    // RACE: if a device took the place since the look, it is opened and closed again unread.
    const fd = this.hold(at, "content");
    return DiskSource.of({ fd, path: pathOf(at), lookAgain: () => this.lookClosely(at) });
  }

  placeOf(at: Located): DirectoryPlace | undefined {
    try {
      using dir = this.#holdDirectory(at);
      return placeOf(dir, pathOf(at));
    } catch (error) {
      if (error instanceof OsError && NO_DIRECTORY.has(error.errnoName)) return undefined;
      throw error;
    }
  }

  /** A path descriptor tells less, but needs no permission to read. */
  #holdDirectory(at: Located): Fd {
    try {
      return this.hold(at, "directory");
    } catch (error) {
      if (error instanceof OsError && error.errnoName === "EACCES") return this.hold(at, "path");
      throw error;
    }
  }

  walk(at: Located, options: WalkOptions): Generator<WalkStep, void, void> {
    return walk(
      {
        look: (at) => this.look(at),
        openDirectory: (at) => this.hold(at, "directory"),
      },
      at,
      options,
    );
  }

  [Symbol.dispose](): void {
    this.#root?.[Symbol.dispose]();
  }

  /** Opens what `at` names, without following a link below the anchor. @throws OsError */
  protected hold({ anchor, below }: Located, purpose: Purpose): Fd {
    return within({ anchor, below }, () => {
      const root = this.#root ??= openAt("/", { flags: O_PATH | O_DIRECTORY });
      if (anchor === "/") return this.#beneath(root, below, purpose);
      using dir = openAnchor(root, anchor);
      return this.#beneath(dir, below, purpose);
    });
  }

  /** The object, or why there is none. */
  #seek(at: Located): Fd | Absent {
    try {
      return this.hold(at, "object");
    } catch (error) {
      return this.#whyAbsent(at, error);
    }
  }

  #whyAbsent(at: Located, error: unknown): Absent {
    switch (error instanceof OsError ? error.errnoName : undefined) {
      case "ENOENT":
        return this.#missing(at);
      case "ENOTDIR":
        return NOT_A_DIRECTORY;
      case "ELOOP": {
        // An anchor that cannot be reached is a broken set-up, not an absent file.
        using _anchor = this.#root && openAnchor(this.#root, at.anchor);
        return BEHIND_LINK;
      }
      default:
        throw error;
    }
  }

  /** Nothing is there: is the directory above? */
  #missing({ anchor, below }: Located): Absent {
    if (below === "") return ABSENT;
    const above = { anchor, below: below.slice(0, Math.max(0, below.lastIndexOf("/"))) };
    try {
      using _dir = this.hold(above, "path");
      return ABSENT;
    } catch (error) {
      const name = error instanceof OsError ? error.errnoName : undefined;
      return name === "ENOENT" ? PARENT_ABSENT : this.#whyAbsent(above, error);
    }
  }
}

class DiskJail extends DiskReadJail implements Jail {
  readonly #random: (bytes: Uint8Array) => void;
  readonly #shared = new SharedDirs();
  readonly #groups = new SyncGroups();

  constructor(options: JailOptions) {
    super(options);
    this.#random = options.random ?? systemRandom;
  }

  parentOf({ anchor, below }: Located): { readonly dir: DirHandle; readonly leaf: Name } {
    const { above, leaf } = split({ anchor, below });
    const dir = this.#shared.take(above, () => this.hold(above, "path"));
    const onMove = () => this.#shared.forget();
    return { dir: new DiskDir({ dir, random: this.#random, onMove }), leaf };
  }

  syncContents(files: readonly TempFile[]): Promise<(OsError | undefined)[]> {
    return this.#groups.contents(files.map((file) => (file as DiskTemp).unsynced));
  }

  syncDirectories(dirs: readonly DirHandle[]): Promise<(OsError | undefined)[]> {
    return syncDirectories(dirs.map((dir) => (dir as DiskDir).dir), (dir) => readable(dir.fd));
  }
}

/** @see ReadJail.readSmall */
function readHeld(held: Fd, at: Located, into: Uint8Array): SmallFile | undefined {
  const path = pathOf(at);
  const { entry, fingerprint } = closeLookOf(held, path);
  checkReadable(entry, path);
  if (entry.kind !== "reg" || entry.size > into.length) return undefined;
  const wanted = entry.size === into.length ? into : into.subarray(0, entry.size);
  const count = readAt(held, wanted, { offset: 0, path });
  if (count < entry.size) return undefined;
  return isStill(held, fingerprint, path) ? { entry, fingerprint } : undefined;
}

/** The directory above an object, and its component there; `.` for an anchor itself. */
function split({ anchor, below }: Located): { readonly above: Located; readonly leaf: Name } {
  const slash = below.lastIndexOf("/");
  const leaf = (below === "" ? "." : below.slice(slash + 1)) as Name;
  return { above: { anchor, below: below.slice(0, Math.max(0, slash)) }, leaf };
}

/** Runs `work`; an error it throws tells of the whole path. */
function within<T>(at: Located, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    throw new OsError(error.call, pathOf(at), error.errnoName, error.text);
  }
}

function pathOf({ anchor, below }: Located): string {
  return below === "" ? anchor : join(anchor, below);
}
