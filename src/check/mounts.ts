/** Mount points that a walk comes to, and those that it stays out of (`--one-file-system`, D 7.3.17). */
import { type Config, includeRoots, locate, type NameClass, rootsOver } from "../config/mod.ts";
import type { ReadJail } from "../fs/mod.ts";
import { type DbName, type DirectoryPlace, isBelow, parent } from "../model/mod.ts";
import { isSystemError } from "./context.ts";
import type { NameSpace } from "./spaces.ts";

export interface MountsOptions {
  readonly config: Config;
  readonly jail: ReadJail;
  /** @default {false} */
  readonly oneFileSystem?: boolean;
}

/**
 * What is below another file system than that of its include root is neither new nor vanished: nobody
 * looks at it. A root that lies there has its own file system, and is checked.
 */
export class Mounts {
  readonly #options: MountsOptions;
  readonly #roots: ReadonlySet<DbName>;
  /** Below roots, and where they were when the walk came to them. */
  readonly found = new Map<DbName, DirectoryPlace | undefined>();
  readonly #closed = new Set<DbName>();

  constructor(options: MountsOptions) {
    this.#options = options;
    this.#roots = includeRoots(options.config);
  }

  /** The walk comes to a directory on another mount. @returns whether it may enter */
  cross(name: DbName, isForeign: boolean): boolean {
    const inner = rootsOver(this.#roots, name).at(-1);
    if (inner === undefined) return true; // on the way to a root
    this.found.set(name, this.#placeOf(name));
    if (!this.#options.oneFileSystem || !isForeign || inner === name) return true;
    this.#closed.add(name);
    return this.#isAbove(name);
  }

  /** Whether nobody may look at `name`: it is below a closed directory, and in no root of its own there. */
  isClosed(name: DbName): boolean {
    if (this.#closed.size === 0) return false;
    const dir = parent(name);
    const closed = dir && rootsOver(this.#closed, dir).at(-1);
    const inner = closed && rootsOver(this.#roots, name).at(-1);
    return closed !== undefined && !(inner !== undefined && isBelow(inner, closed));
  }

  /** Whether the walk stayed out of the directory. */
  isShut(name: DbName): boolean {
    return this.#closed.has(name) || this.isClosed(name);
  }

  /** What is closed is entered only on the way to a root. */
  classOf(name: DbName, classify: (name: DbName) => NameClass): NameClass {
    if (!this.isClosed(name)) return classify(name);
    return this.#isAbove(name) ? 1 : 0;
  }

  /** The part of a target that may be looked at: all of it, its start only, or nothing. */
  open(space: NameSpace): NameSpace | undefined {
    if (!this.#options.oneFileSystem) return space;
    const root = rootsOver(this.#roots, space.name).at(-1);
    if (root === undefined || root === space.name) return space;
    const device = this.#placeOf(root)?.device;
    if (device === undefined) return space;
    let dir = parent(space.name);
    while (dir !== undefined && dir !== root && this.#placeOf(dir) === undefined) {
      dir = parent(dir);
    }
    if (dir !== undefined && this.#placeOf(dir)?.device !== device) return undefined;
    const own = this.#placeOf(space.name)?.device;
    return own === undefined || own === device ? space : { ...space, recursive: false };
  }

  /** Undefined when there is no directory, or none that can be examined: then the check itself tells. */
  #placeOf(name: DbName): DirectoryPlace | undefined {
    const at = locate(this.#options.config, name);
    try {
      return at && this.#options.jail.placeOf(at);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return undefined;
    }
  }

  #isAbove(name: DbName): boolean {
    return this.#roots.values().some((root) => isBelow(root, name));
  }
}
