/** What broken transfers have left: kept for the next try, known by name, removed by age. */
import {
  type DbName,
  isDbName,
  isName,
  type Located,
  type Name,
  type Nanos,
  parent,
  percentDecode,
  percentEncode,
} from "../model/mod.ts";
import { type DirHandle, isTempName, type Jail, type SourceFile } from "../fs/mod.ts";
import type { StateStore, StateTx } from "../state/mod.ts";
import { isSystemError, type Target } from "./target.ts";

/** Less is sent again. */
export const PARTIAL_MIN_BYTES = 4 * 1_048_576;
const NOTE = "partials";
/** LIMIT: one for each name. */
const KEPT_MAX = 64;
/** LIMIT: of a note. */
const NOTE_MAX_BYTES = 60_000;
const KEPT_MS = 24 * 3_600_000;

interface Kept {
  readonly name: DbName;
  readonly temp: Name;
  /** When it was kept. */
  readonly sinceMs: number;
}

/** Where a name is on this host; undefined leaves what is kept for it for later. */
type Locate = (name: DbName) => Located | undefined;

/**
 * Of one state; others may work with the same one, so that a file may be gone, and what they keep is not
 * known here. Nothing is known before the first `tidy`.
 */
export class Partials {
  readonly #jail: Jail;
  readonly #state: StateStore;
  /** As the state had them last. */
  #kept = new Map<DbName, Kept>();
  #isLoaded = false;
  #tidiedMs = 0;

  readonly #now: () => Nanos;

  constructor(
    { jail, state, now }: {
      readonly jail: Jail;
      readonly state: StateStore;
      readonly now: () => Nanos;
    },
  ) {
    this.#jail = jail;
    this.#state = state;
    this.#now = now;
  }

  /** What is there of the object that is put in `dir`; dispose it. */
  open({ name }: Target, dir: DirHandle): SourceFile | undefined {
    const kept = this.#kept.get(name);
    if (kept === undefined) return undefined;
    try {
      return dir.open(kept.temp);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return undefined;
    }
  }

  /** Whether something is kept for the name, as far as this process knows. */
  has(name: DbName): boolean {
    return this.#kept.has(name);
  }

  /**
   * Keeps the content under a temporary name, whose intent is settled by this, in place of an older one.
   * @returns false when there are too many
   */
  async keep({ name }: Target, temp: Name, dir: DirHandle): Promise<boolean> {
    let older: Kept | undefined;
    const isKept = await this.#change(async (tx, kept) => {
      older = kept.get(name);
      const all = new Map(kept).set(name, { name, temp, sinceMs: this.#nowMs });
      if (all.size > KEPT_MAX || print(all).length > NOTE_MAX_BYTES) return false;
      kept.set(name, all.get(name)!);
      await tx.deleteIntent(name);
      return true;
    });
    if (isKept && older !== undefined) unlink(dir, older.temp);
    return isKept;
  }

  /** The object is complete, or is to go. */
  async drop({ name }: Target, dir: DirHandle): Promise<void> {
    if (!this.#kept.has(name)) return;
    const kept = this.#kept.get(name)!;
    unlink(dir, kept.temp);
    await this.#change((_tx, all) => all.delete(name));
  }

  /** A directory is to go, and all that is known to be in it has gone. */
  async dropIn(
    { name: above }: Target,
    { dir, leaf }: { readonly dir: DirHandle; readonly leaf: Name },
  ): Promise<void> {
    const inside = [...this.#kept.values()].filter(({ name }) => parent(name) === above);
    if (inside.length === 0) return;
    try {
      using entered = dir.enter(leaf);
      for (const { temp } of inside) unlink(entered, temp);
    } catch (error) {
      if (!isSystemError(error)) throw error; // it is no directory any more
    }
    await this.#change((_tx, kept) => inside.forEach(({ name }) => kept.delete(name)));
  }

  /** Removes what is old, once a day at most. */
  async tidy(locate: Locate): Promise<void> {
    const nowMs = this.#nowMs;
    if (nowMs - this.#tidiedMs < KEPT_MS && this.#tidiedMs > 0) return;
    this.#tidiedMs = nowMs;
    await this.#load();
    const late = [...this.#kept.values()].filter(({ sinceMs }) =>
      nowMs - sinceMs >= KEPT_MS || sinceMs > nowMs
    );
    const gone = late.filter((kept) => this.#remove(kept, locate));
    if (gone.length === 0) return;
    await this.#change((_tx, kept) => gone.forEach(({ name }) => kept.delete(name)));
  }

  get #nowMs(): number {
    return Number(this.#now() / 1_000_000n);
  }

  #remove({ name, temp }: Kept, locate: Locate): boolean {
    const at = locate(name);
    if (at === undefined) return false;
    try {
      using dir = this.#jail.parentOf(at).dir;
      unlink(dir, temp);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return isSystemError(error, "ENOENT", "ENOTDIR", "ELOOP");
    }
    return true;
  }

  async #load(): Promise<void> {
    if (this.#isLoaded) return;
    this.#kept = parse(await this.#state.note(NOTE));
    this.#isLoaded = true;
  }

  async #change<T>(
    work: (tx: StateTx, kept: Map<DbName, Kept>) => T | Promise<T>,
  ): Promise<T> {
    let kept = this.#kept;
    const result = await this.#state.transaction(async (tx) => {
      kept = parse(await tx.note(NOTE));
      const result = await work(tx, kept);
      await tx.putNote(NOTE, print(kept));
      return result;
    });
    this.#kept = kept;
    this.#isLoaded = true;
    return result;
  }
}

/** One line for each: name, temporary name, time. */
function print(kept: ReadonlyMap<DbName, Kept>): string {
  return [...kept.values()].map(({ name, temp, sinceMs }) =>
    `${percentEncode(name)} ${percentEncode(temp)} ${sinceMs}`
  ).join("\n");
}

function parse(text: string | undefined): Map<DbName, Kept> {
  const kept = new Map<DbName, Kept>();
  for (const line of text?.split("\n") ?? []) {
    const [name, temp, since] = line.split(" ").map((part) => percentDecode(part));
    if (name === undefined || temp === undefined || !isDbName(name) || !isName(temp)) continue;
    if (!isTempName(temp)) continue; // nothing of a user's is ever removed
    kept.set(name, { name, temp, sinceMs: Number(since) });
  }
  return kept;
}

function unlink(dir: DirHandle, temp: Name): void {
  try {
    dir.unlink(temp);
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}
