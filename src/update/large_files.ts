/**
 * Large files of a pass: sent after the small ones, so that one of them holds up no others, and not sent
 * at all when the peer has another file with the content of a new one.
 */
import type { DbName, DirtyRow } from "../model/mod.ts";
import type { PushContext } from "./context.ts";
import { canCopy, copyFiles } from "./copying.ts";
import { COPY_BYTES, KnownContents, type RecordedFiles } from "./known_contents.ts";
import type { Offered } from "./offered.ts";

/** What waits. */
const LARGE_BYTES = 8 * 1_048_576;
/** LIMIT: of those that wait; the others go in their turn. */
const MAX_WAITING = 8_192;
/** LIMIT: of rows. Who sends more sends a first copy of everything, of which the peer has nothing yet. */
const MAX_ROWS = 65_536;
/** Of the largest at a time: more would not be faster. */
const LARGE_AT_ONCE = 2;

export interface LargeFilesOptions {
  readonly recorded: RecordedFiles;
  /** The peer has the file of the row. */
  readonly settle: (row: DirtyRow) => void | Promise<void>;
  readonly isStopped: () => boolean;
}

export class LargeFiles {
  readonly #options: LargeFilesOptions;
  readonly #waiting = new Map<DbName, Offered>();
  /** New files that the peer may be able to make, and has not been asked for. */
  readonly #new = new Set<DbName>();
  #known: KnownContents | undefined;
  #looksForCopies = true;

  constructor(options: LargeFilesOptions) {
    this.#options = options;
  }

  /** @param rows of this run */
  expect(rows: number): void {
    this.#looksForCopies = rows <= MAX_ROWS;
  }

  /** Rows that come next. @throws StateError */
  async look(context: PushContext, rows: readonly Offered[]): Promise<void> {
    if (!this.#looksForCopies || !canCopy(context.peer.bulk) || !rows.some(isNew)) return;
    this.#known ??= await KnownContents.read(context, this.#options.recorded);
  }

  /** @returns whether the row is to wait, and does */
  puts(one: Offered): boolean {
    const { row: { name }, seen } = one;
    if (seen?.here.kind !== "reg" || seen.here.size <= COPY_BYTES) return false;
    const mayBeCopied = isNew(one) && this.#known?.has(seen.here.size) === true;
    if (!isLarge(one) && !mayBeCopied) return false;
    if (this.#waiting.size >= MAX_WAITING) return false;
    this.#waiting.set(name, one);
    if (mayBeCopied) this.#new.add(name);
    return true;
  }

  /**
   * The smaller ones first, otherwise in their order; whichever was yielded before the last call of `next`
   * is over. `atOnce` is how many may be under way with it.
   *
   * @throws NetError, ProtocolError, StateError
   */
  async *take(
    context: PushContext,
  ): AsyncGenerator<{ readonly one: Offered; readonly atOnce: number }, void, void> {
    if (this.#new.size > 0) await this.#copy(context);
    for (const isLast of [false, true]) {
      for (const [name, one] of this.#waiting) {
        if (isLarge(one) !== isLast) continue;
        yield { one, atOnce: isLast ? LARGE_AT_ONCE : Infinity };
        this.#waiting.delete(name);
      }
    }
  }

  async #copy(context: PushContext): Promise<void> {
    const { bulk } = context.peer, { settle, isStopped } = this.#options;
    const rows = [...this.#new].map((name) => this.#waiting.get(name)!);
    this.#new.clear();
    const myName = rows[0]!.row.myName;
    if (this.#known === undefined || !canCopy(bulk) || !await context.identify(myName)) return;
    const files = this.#known.find(rows.filter(({ row }) => row.myName === myName));
    for await (const row of copyFiles(context, { bulk, files, isStopped })) {
      this.#waiting.delete(row.name);
      await settle(row);
    }
  }
}

function isLarge({ seen }: Offered): boolean {
  return seen?.here.kind === "reg" && seen.here.size > LARGE_BYTES;
}

/** A file that may be a copy of another one. */
function isNew({ row, seen }: Offered): boolean {
  if (seen?.here.kind !== "reg" || seen.here.size <= COPY_BYTES || row.forced) return false;
  return seen.there.kind === "absent" || seen.there.kind === "parent-missing";
}
