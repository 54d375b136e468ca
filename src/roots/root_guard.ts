/** Tells a removal from a disk that is missing, root by root (D 7.3.2). */
import { type Config, includeRoots, locate, resolveName, rootsOver } from "../config/mod.ts";
import type { ReadJail } from "../fs/mod.ts";
import {
  CsyncError,
  type DbName,
  type DirectoryPlace,
  type DiskPath,
  isBelow,
  type Located,
  parent,
  type RootRecord,
} from "../model/mod.ts";
import { samePlace } from "../reconcile/mod.ts";
import type { StateStore } from "../state/mod.ts";
import type { RootFault } from "./fault.ts";

/** LIMIT: recorded names that are looked for before a directory counts as emptied. */
const EVIDENCE_NAMES = 2_000;

export interface RootGuardOptions {
  readonly config: Config;
  readonly state: StateStore;
  readonly jail: ReadJail;
  /** `--allow-removals`: nothing is at fault. @default {false} */
  readonly allowsRemovals?: boolean;
  /**
   * Whether a fault holds until the guard is given up: what was looked at while a disk was missing must
   * not count when it is back. @default {true}
   */
  readonly isSticky?: boolean;
}

/**
 * What was found in the place of a root. A directory is itself at fault or not. Without one that depends
 * on what was known: `asDirectory` if it was one, `asFile` if the root is a single file.
 */
type Look =
  | { readonly isDirectory: true; readonly fault: RootFault | undefined; readonly isOdd: boolean }
  | {
    readonly isDirectory: false;
    readonly asDirectory: RootFault;
    readonly asFile: RootFault | undefined;
  };

/**
 * Roots are the include roots and prefix directories of the configuration, and the mount points below
 * them that a check has recorded. What a root was is known from the state: from records at and below it,
 * and from where it was recorded to lie.
 */
export class RootGuard {
  readonly #options: RootGuardOptions;
  readonly #config: Config;
  readonly #roots: ReadonlySet<DbName>;
  #rows: ReadonlyMap<DbName, RootRecord> | undefined;
  #looks = new Map<DbName, Promise<Look>>();
  #answers = new Map<string, Promise<boolean>>();
  readonly #faulty = new Map<DbName, Look>();
  readonly #held = new Set<DbName>();

  constructor(options: RootGuardOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#roots = includeRoots(options.config);
  }

  /** Forgets what was found in order: disk and state are asked anew. */
  refresh(): void {
    this.#rows = undefined;
    this.#looks = new Map();
    this.#answers = new Map();
  }

  /** All roots, until the next `refresh`. */
  async roots(): Promise<{ has(name: DbName): boolean }> {
    const rows = await this.#recorded();
    if (rows.size === 0) return this.#roots;
    return { has: (name) => this.#roots.has(name) || rows.has(name) };
  }

  /** Looks at all roots for which `isWanted`, so that what they lack is known before anything else. */
  async lookAt(isWanted: (root: DbName) => boolean): Promise<void> {
    if (this.#options.allowsRemovals) return;
    const rows = await this.#recorded();
    for (const root of new Set([...this.#roots, ...rows.keys()])) {
      if (isWanted(root)) await this.#look(root);
    }
  }

  /**
   * Why the absence of a name that is known here, by a record or a mark, is no removal; the outermost
   * root at fault.
   */
  async faultOver(name: DbName): Promise<RootFault | undefined> {
    if (this.#options.allowsRemovals) return undefined;
    for (const root of rootsOver(await this.roots(), name)) {
      const look = await this.#look(root);
      if (look.isDirectory) {
        if (look.fault !== undefined) return look.fault;
        continue;
      }
      const fault = await this.#isReleased(root)
        ? (name === root ? look.asFile : undefined)
        : name !== root || await this.#wasDirectory(root, { believesRow: true })
        ? look.asDirectory
        : look.asFile;
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  /** It was in order that there is no directory: a check has said so, and nothing was recorded since. */
  async #isReleased(root: DbName): Promise<boolean> {
    const of = (await this.#recorded()).get(root)?.of;
    return (of === "nothing" || of === "holder") && !await this.#hasRecords(root);
  }

  /**
   * Why the object in the place of `name`, which is a root, is not to be believed: it stands where a
   * directory was, or it is the bare mount point, with an owner and a mode of its own.
   */
  async faultAt(name: DbName): Promise<RootFault | undefined> {
    if (this.#options.allowsRemovals) return undefined;
    const look = await this.#look(name);
    if (look.isDirectory) {
      if (look.fault === undefined) return undefined;
      return this.#held.has(name) || !await this.#hasContent(name) ? look.fault : undefined;
    }
    return await this.#wasDirectory(name, { believesRow: false }) ? look.asDirectory : undefined;
  }

  /**
   * Why nothing may be changed at `name` on behalf of a peer. A root of which nothing is known yet may be
   * made; one with what is recorded in it is in order, wherever it lies.
   */
  async refusalOf(name: DbName): Promise<RootFault | undefined> {
    for (const root of rootsOver(await this.roots(), name)) {
      const look = await this.#look(root);
      if (look.isDirectory) {
        if (look.isOdd && !await this.#hasContent(root) && await this.#hasRecords(root)) {
          return look.fault;
        }
        continue;
      }
      if (await this.#wasDirectory(root, { believesRow: false })) return look.asDirectory;
      const { asFile } = look;
      // Whether there is a directory for a file is the business of the change itself.
      if (asFile?.why === "other-device" && await this.#options.state.record(root)) return asFile;
    }
    return undefined;
  }

  /**
   * Include roots over `name` of which nothing is written down yet, and which hold what is recorded of
   * them, or of which nothing is recorded.
   */
  async unrecorded(name: DbName): Promise<DbName[]> {
    const rows = await this.#recorded();
    const found: DbName[] = [];
    for (const root of rootsOver(this.#roots, name)) {
      if ((rows.get(root)?.of ?? "nothing") !== "nothing") continue;
      const { isDirectory } = await this.#look(root);
      if (!isDirectory) continue;
      if (!await this.#hasRecords(root) || await this.#hasContent(root)) found.push(root);
    }
    return found;
  }

  /** Something below was held because of the root: what is recorded of it stays. */
  hold(root: DbName): void {
    this.#held.add(root);
  }

  /** Whether the root, or one above it, has held something. */
  isHeld(root: DbName): boolean {
    return rootsOver(this.#held, root).length > 0;
  }

  #look(root: DbName): Promise<Look> {
    const known = this.#faulty.get(root);
    if (known !== undefined) return Promise.resolve(known);
    let look = this.#looks.get(root);
    if (look === undefined) this.#looks.set(root, look = this.#lookNow(root));
    return look;
  }

  async #lookNow(root: DbName): Promise<Look> {
    let look: Look;
    try {
      look = await this.#lookAtDisk(root);
    } catch (error) {
      look = unreadable(root, resolveName(this.#config, root), error);
    }
    const isFault = look.isDirectory ? look.fault !== undefined : true;
    if (isFault && (this.#options.isSticky ?? true)) this.#faulty.set(root, look);
    return look;
  }

  async #lookAtDisk(root: DbName): Promise<Look> {
    const { jail } = this.#options;
    const at = locate(this.#config, root), path = resolveName(this.#config, root);
    if (at === undefined || path === undefined) return IN_ORDER;
    const row = (await this.#recorded()).get(root);
    const entry = jail.look(at);
    const is = entry.kind === "dir" ? jail.placeOf(at) : undefined;
    if (is !== undefined) {
      const was = row?.of === "itself" ? row.place : undefined;
      return await this.#judge(root, { path, was, is });
    }
    const why = entry.kind === "absent" ? "gone" : "no-directory";
    const isFree = entry.kind !== "absent" || row?.of === "nothing";
    const asFile = isFree
      ? undefined
      : this.#holderFault(root, at, row?.of === "holder" ? row.place : undefined);
    return { isDirectory: false, asDirectory: { root, path, why }, asFile };
  }

  async #judge(
    root: DbName,
    { path, was, is }: { path: DiskPath; was: DirectoryPlace | undefined; is: DirectoryPlace },
  ): Promise<Look> {
    const verdict = was === undefined ? "same" : samePlace(was, is, { path });
    if (was === undefined || verdict === "same") return IN_ORDER;
    // RACE: what only its content tells apart is believed as soon as one recorded name is found.
    if (verdict === "unsure" && await this.#hasContent(root)) return IN_ORDER;
    const fault: RootFault = { root, path, why: "other-device", was, is };
    return { isDirectory: true, isOdd: true, fault };
  }

  /** Of a single file that is absent: whether the directory that held it is the one it was. */
  #holderFault(
    root: DbName,
    { anchor, below }: Located,
    was: DirectoryPlace | undefined,
  ): RootFault | undefined {
    const dir = parent(resolveName(this.#config, root)!);
    if (dir === undefined || below === "") return undefined;
    const slash = Math.max(0, below.lastIndexOf("/"));
    const is = this.#options.jail.placeOf({ anchor, below: below.slice(0, slash) });
    if (is === undefined) return { root, path: dir, why: "gone" };
    if (was === undefined || samePlace(was, is) === "same") return undefined;
    return { root, path: dir, why: "other-device", was, is };
  }

  /**
   * Whether the root was a directory: something is recorded below it, or it is recorded as one.
   * @param believesRow takes what a check has recorded of the place for it too, where no record is left
   */
  async #wasDirectory(root: DbName, { believesRow }: { believesRow: boolean }): Promise<boolean> {
    const record = await this.#options.state.record(root);
    if (record?.stored.endsWith("type=dir") || await this.#hasRecords(root)) return true;
    if (record !== undefined || !believesRow) return false;
    return (await this.#recorded()).get(root)?.of === "itself";
  }

  #hasRecords(root: DbName): Promise<boolean> {
    return this.#once(`records ${root}`, () => this.#findRecords(root));
  }

  /** Whether something that is recorded below the root can be found there. */
  #hasContent(root: DbName): Promise<boolean> {
    return this.#once(`content ${root}`, () => this.#findContent(root));
  }

  /** Asked for each of many names; answered once until `refresh`. */
  #once(question: string, answer: () => Promise<boolean>): Promise<boolean> {
    let known = this.#answers.get(question);
    if (known === undefined) this.#answers.set(question, known = answer());
    return known;
  }

  async #findRecords(root: DbName): Promise<boolean> {
    for await (
      const rows of this.#options.state.records("ascending", { name: root, below: true })
    ) {
      if (rows.some(({ name }) => isBelow(name, root))) return true;
    }
    return false;
  }

  async #findContent(root: DbName): Promise<boolean> {
    const { state, jail } = this.#options;
    let left = EVIDENCE_NAMES;
    for await (const rows of state.records("ascending", { name: root, below: true })) {
      for (const { name } of rows) {
        const at = name === root ? undefined : locate(this.#config, name);
        if (at === undefined) continue;
        if (left-- === 0) return false;
        try {
          if (jail.look(at).kind !== "absent") return true;
        } catch (error) {
          if (!isSystemError(error)) throw error; // something is there that cannot be examined
        }
      }
    }
    return false;
  }

  /** What is recorded of the roots of this configuration, and of mount points below them. */
  async #recorded(): Promise<ReadonlyMap<DbName, RootRecord>> {
    if (this.#rows === undefined) {
      const rows = await this.#options.state.roots();
      const ours = rows.filter(({ name }) => rootsOver(this.#roots, name).length > 0);
      this.#rows = new Map(ours.map((row) => [row.name, row]));
    }
    return this.#rows;
  }
}

const IN_ORDER: Look = { isDirectory: true, isOdd: false, fault: undefined };

function unreadable(root: DbName, path: DiskPath | undefined, error: unknown): Look {
  if (!isSystemError(error)) throw error;
  const reason = "text" in error ? String(error.text) : error.message;
  const where = path ?? (root as string as DiskPath);
  const fault: RootFault = { root, path: where, why: "unreadable", reason };
  return { isDirectory: true, isOdd: true, fault };
}

/** Failures of system calls are told by their code; the folder of their class is out of our rank. */
export function isSystemError(error: unknown): error is CsyncError {
  return error instanceof CsyncError && error.code.startsWith("os/");
}
