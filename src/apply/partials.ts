/** What broken transfers have left: kept for the next try, known by name, removed by age. */
import { type DbName, type Located, type Name, type Nanos, parent } from "../model/mod.ts";
import { type DirHandle, isTempName, type Jail, type SourceFile } from "../fs/mod.ts";
import {
  type KeptPartial as Kept,
  type KeptPartials,
  keptPartials,
  partialsText,
  rememberPartials,
  type StateStore,
  type StateTx,
} from "../state/mod.ts";
import { isSystemError, type Target } from "./target.ts";

/** Less is sent again. */
export const PARTIAL_MIN_BYTES = 4 * 1_048_576;
/** LIMIT: one for each name. */
const KEPT_MAX = 64;
/** LIMIT: of a note. */
const NOTE_MAX_BYTES = 60_000;
const KEPT_MS = 24 * 3_600_000;
/** As long as a check may take to find what was moved (check/stray_partials.ts). */
const LOST_MS = 30 * KEPT_MS;

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
  #kept: KeptPartials = new Map();
  /** Begun and ended: what was read meanwhile is out of date. */
  #changes = 0;
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
      const sinceMs = this.#nowMs, { ino } = dir.lookClosely(temp).fingerprint ?? {};
      const one: Kept = { name, temp, sinceMs, ino };
      if (!hasRoom(kept, one)) this.#dropLost(kept);
      if (!hasRoom(kept, one)) return false;
      kept.set(name, one);
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

  /** Learns what others know by now, and removes what is old, once a day at most. */
  async tidy(locate: Locate): Promise<void> {
    await this.#load();
    const nowMs = this.#nowMs;
    if (nowMs - this.#tidiedMs < KEPT_MS && this.#tidiedMs > 0) return;
    this.#tidiedMs = nowMs;
    const late = [...this.#kept.values()].filter(({ sinceMs }) =>
      nowMs - sinceMs >= KEPT_MS || sinceMs > nowMs
    );
    const gone = late.filter((kept) => {
      const found = this.#remove(kept, locate);
      return found === "removed" || (found === "missing" && this.#isLost(kept, LOST_MS));
    });
    if (gone.length === 0) return;
    await this.#change((_tx, kept) => gone.forEach(({ name }) => kept.delete(name)));
  }

  /** Those that were not found when it was their time. */
  #dropLost(kept: KeptPartials): void {
    for (const one of [...kept.values()]) {
      if (this.#isLost(one, 2 * KEPT_MS)) kept.delete(one.name);
    }
  }

  #isLost({ sinceMs }: Kept, afterMs: number): boolean {
    return this.#nowMs - sinceMs >= afterMs || sinceMs > this.#nowMs;
  }

  get #nowMs(): number {
    return Number(this.#now() / 1_000_000n);
  }

  #remove({ name, temp }: Kept, locate: Locate): "removed" | "missing" | "later" {
    const at = locate(name);
    if (at === undefined) return "later";
    try {
      using dir = this.#jail.parentOf(at).dir;
      if (dir.look(temp).kind === "absent") return "missing";
      unlink(dir, temp);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return isSystemError(error, "ENOENT", "ENOTDIR", "ELOOP") ? "missing" : "later";
    }
    return "removed";
  }

  /** A check may have found some of them in another place. */
  async #load(): Promise<void> {
    const changes = this.#changes, kept = await partialsIn(this.#state);
    if (changes === this.#changes) this.#kept = kept;
  }

  async #change<T>(
    work: (tx: StateTx, kept: KeptPartials) => T | Promise<T>,
  ): Promise<T> {
    this.#changes++;
    let kept = this.#kept;
    const result = await this.#state.transaction(async (tx) => {
      kept = await partialsIn(tx);
      const result = await work(tx, kept);
      await rememberPartials(tx, kept);
      return result;
    });
    this.#changes++;
    this.#kept = kept;
    return result;
  }
}

/** Nothing of a user's is ever removed. */
async function partialsIn(state: Parameters<typeof keptPartials>[0]): Promise<KeptPartials> {
  const kept = await keptPartials(state);
  for (const { name, temp } of [...kept.values()]) if (!isTempName(temp)) kept.delete(name);
  return kept;
}

/** LIMIT: one for each name. */
function hasRoom(kept: KeptPartials, one: Kept): boolean {
  const all = new Map(kept).set(one.name, one);
  return all.size <= KEPT_MAX && partialsText(all).length <= NOTE_MAX_BYTES;
}

function unlink(dir: DirHandle, temp: Name): void {
  try {
    dir.unlink(temp);
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
}
