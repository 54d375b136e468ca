/** Renamed and moved files: the peer makes them from what it has, before the old names are removed. */
import { keyFor, locate } from "../config/mod.ts";
import {
  type DbName,
  type DirtyRow,
  type Key,
  type Located,
  nanos,
  parent,
  parseCheckText,
  type Regular,
  TYPE_BITS,
} from "../model/mod.ts";
import type { Offer, OfferAnswer } from "../protocol/mod.ts";
import { Alike, type FileSketch } from "../reconcile/mod.ts";
import type { PushContext } from "./context.ts";
import { canCopy, type CopiedFile, copyFiles, type CopyingPeer } from "./copying.ts";

/** LIMIT: removals that are looked at, and files that are made from them; what is beyond is sent. */
const REMOVALS_MAX = 131_072;
/** LIMIT: offers under way. */
const OFFERS_AT_ONCE = 4;
/** What is offered for a name that is gone here: never the same, so the peer tells what it has. */
const NOTHING: Regular = {
  kind: "reg",
  size: 0,
  meta: { mode: TYPE_BITS.reg, uid: 0, gid: 0, mtime: nanos(0n) },
};

/** What the run of a peer does for its renamed files. */
export interface RenamingRun {
  /** Of this run, before any of them is carried out. */
  readonly removals: readonly DirtyRow[];
  /** All other rows of this run. */
  readonly due: () => AsyncIterable<readonly DirtyRow[]>;
  /** Begins to push a row that is no removal; false: nothing more may begin. */
  readonly push: (row: DirtyRow) => boolean | Promise<boolean>;
  /** Waits for all that was begun. */
  readonly drain: () => Promise<void>;
  /** The peer has the object of the row. */
  readonly settle: (row: DirtyRow) => void | Promise<void>;
  readonly isStopped: () => boolean;
}

/**
 * Has the peer make renamed files, and before them the directories above, which are rows like any other.
 * @throws NetError, ProtocolError, StateError
 */
export async function copyRenamed(context: PushContext, run: RenamingRun): Promise<void> {
  const [first] = run.removals, { bulk } = context.peer;
  if (first === undefined || !canCopy(bulk) || context.dryRun) return;
  if (!await context.identify(first.myName)) return;
  const renames = new Renames(context, bulk);
  await renames.find(run.removals, run.due());
  if (renames.found.length === 0) return;
  const { directories } = renames;
  for await (const rows of run.due()) {
    for (const row of rows) if (directories.has(row.name)) await run.push(row);
  }
  await run.drain();
  const copies = copyFiles(context, { bulk, files: renames.found, isStopped: run.isStopped });
  for await (const row of copies) await run.settle(row);
  await run.drain();
}

/**
 * What is found here is a guess, and whatever goes wrong is not told: the row stays as it is and comes
 * again with all others, when the removals are through.
 */
class Renames {
  readonly #context: PushContext;
  readonly #bulk: CopyingPeer;
  #renamed: readonly CopiedFile[] = [];

  constructor(context: PushContext, bulk: CopyingPeer) {
    this.#context = context;
    this.#bulk = bulk;
  }

  /**
   * Finds the renamed files among `rows`; the own name of `removals`, which are not empty, has been
   * announced. @throws NetError, ProtocolError
   */
  async find(
    removals: readonly DirtyRow[],
    rows: AsyncIterable<readonly DirtyRow[]>,
  ): Promise<void> {
    const myName = removals[0]!.myName, gone = new Map<DbName, Key>();
    for (const { name, myName: other } of removals.slice(0, REMOVALS_MAX)) {
      const key = other === myName ? this.#keyOf(name) : undefined;
      if (key !== undefined) gone.set(name, key);
    }
    const alike = await this.#sketches(gone);
    if (alike.isEmpty) return;
    const found: CopiedFile[] = [];
    for await (const some of rows) {
      if (found.length >= REMOVALS_MAX) break;
      for (const { row, file } of this.#newFiles(some.filter((row) => row.myName === myName))) {
        const like = alike.for(file), key = this.#keyOf(row.name), at = this.#locate(row.name);
        if (like === undefined || key === undefined || at === undefined) continue;
        found.push({ row, key, at, size: file.size, like: { key: gone.get(like)!, name: like } });
      }
    }
    this.#renamed = found;
  }

  /** Directories above the new names, without which nothing can be made there. */
  get directories(): ReadonlySet<DbName> {
    const above = new Set<DbName>();
    for (const { row } of this.#renamed) {
      let dir = parent(row.name);
      while (dir !== undefined && !above.has(dir)) {
        above.add(dir);
        dir = parent(dir);
      }
    }
    return above;
  }

  get found(): readonly CopiedFile[] {
    return this.#renamed;
  }

  #keyOf(name: DbName): Key | undefined {
    return keyFor(this.#context.config, name, this.#context.peerName);
  }

  #locate(name: DbName): Located | undefined {
    return locate(this.#context.config, name);
  }

  /** What the peer has under names that are gone here. */
  async #sketches(gone: ReadonlyMap<DbName, Key>): Promise<Alike> {
    const bulk = this.#bulk, alike = new Alike();
    const offers = [...gone].map(([name, key]): Offer => ({
      key,
      name,
      here: NOTHING,
      isCurrent: false,
    }));
    const step = bulk.maxOffers * OFFERS_AT_ONCE;
    for (let from = 0; from < offers.length; from += step) {
      const asked: Promise<readonly OfferAnswer[]>[] = [];
      for (let at = from; at < Math.min(from + step, offers.length); at += bulk.maxOffers) {
        asked.push(bulk.offer(offers.slice(at, at + bulk.maxOffers)));
      }
      (await Promise.all(asked)).flat().forEach((answer, n) => {
        if (answer.kind !== "there") return;
        const sketch = sketchOf(offers[from + n]!.name, answer.checkText);
        if (sketch !== undefined) alike.add(sketch);
      });
    }
    return alike;
  }

  *#newFiles(
    rows: readonly DirtyRow[],
  ): Generator<{ readonly row: DirtyRow; readonly file: FileSketch }> {
    const located: { readonly row: DirtyRow; readonly at: Located }[] = [];
    for (const row of rows) {
      const at = row.forced ? undefined : this.#locate(row.name);
      if (at !== undefined) located.push({ row, at });
    }
    const seen = this.#context.jail.lookEach(located.map(({ at }) => at));
    for (const [n, { row }] of located.entries()) {
      const entry = seen[n]!;
      if (entry instanceof Error || entry.kind !== "reg") continue;
      yield { row, file: { name: row.name, size: entry.size, mtime: entry.meta.mtime } };
    }
  }
}

function sketchOf(name: DbName, checkText: string): FileSketch | undefined {
  const { type, size, mtime } = parseCheckText(checkText) ?? {};
  if (type !== "reg" || size === undefined || mtime === undefined) return undefined;
  return { name, size: Number(size), mtime: nanos(mtime.value) };
}
