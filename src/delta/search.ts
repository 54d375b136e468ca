/** The search for known blocks in new content: kernel memory, index and window. */
import { type Content, readFully } from "./content.ts";
import { Kernel, NUMBERS_PER_COPY, SEARCH, type SignatureParams } from "./kernel.ts";
import type { Runs } from "./runs.ts";
import { entrySize } from "./signature.ts";

const READ_BYTES = 262_144;
/** Work behind which a search pauses at the latest, in bytes hashed. */
const WORK_SLICE_BYTES = 8 * 1_048_576;
/**
 * LIMIT: failed attempts cost at most this many times the content's size in hashing, plus the slack.
 * A peer's signature can have the weak sums of our content with other strong sums, so that every
 * byte costs a block's hash; beyond the limit the rest becomes literal. Foreign content against
 * 524,288 blocks (1 GiB) needs about 3 times.
 */
const WORK_PER_BYTE = 16;
const WORK_SLACK_BYTES = 64 * 1_048_576;

/** What `step` did: paused, or read so many bytes, or came to the end. */
export type Step =
  | { readonly kind: "paused" | "done" }
  | { readonly kind: "read"; readonly bytes: number };
const PAUSED: Step = { kind: "paused" };
const OVER: Step = { kind: "done" };

/** One search: the kernel's memory holds the window, then entries, table and filter. */
export class Search implements Disposable {
  readonly #kernel = Kernel.borrow();
  readonly #window: number;
  /** Most of the content that was read and may be undecided. */
  readonly windowBytes: number;
  readonly #entries: number;
  readonly #entryBytes: number;
  readonly #workMax: number;
  #entriesEnd: number;
  /** Blocks that table and filter know. */
  #indexed = 0;
  /** Where in the content the search was started. */
  #origin = 0;
  #offset = 0;
  #isLast = false;

  constructor(readonly params: SignatureParams, readonly content: Content) {
    this.windowBytes = Math.min(8 * params.blockLength + READ_BYTES, content.size);
    this.#window = this.#kernel.heapBase;
    this.#entries = this.#entriesEnd = this.#window + this.windowBytes;
    this.#entryBytes = entrySize(params);
    this.#workMax = WORK_PER_BYTE * content.size + WORK_SLACK_BYTES;
    this.#kernel.reserve(this.#entries);
    this.#kernel.useFormat(params);
  }

  /** Complete entries that are there. */
  get blocks(): number {
    return Math.floor((this.#entriesEnd - this.#entries) / this.#entryBytes);
  }

  /** Entries that are not in the index. */
  get unindexed(): number {
    return this.blocks - this.#indexed;
  }

  /** Bytes of the content read so far. */
  get offset(): number {
    return this.#offset;
  }

  /** How far into the content the next step may read. */
  get nextOffset(): number {
    return Math.min(this.content.size, this.#offset + this.windowBytes);
  }

  addEntries(piece: Uint8Array): void {
    this.#kernel.reserve(this.#entriesEnd + piece.length);
    this.#kernel.view(this.#entriesEnd, piece.length).set(piece);
    this.#entriesEnd += piece.length;
  }

  /** An empty index with room for `blocksMax` entries, also for some that are not there yet. */
  makeIndex(blocksMax: number): void {
    // At most half full; a filter of eight bits per slot stays in the cache.
    const bits = Math.max(4, Math.ceil(Math.log2(blocksMax * 2)));
    const end = Math.max(this.#entriesEnd, this.#entries + blocksMax * this.#entryBytes);
    const table = Math.ceil(end / 16) * 16, filter = table + 4 * 2 ** bits;
    this.#kernel.reserve(filter + 2 ** bits);
    this.#kernel.view(table, 5 * 2 ** bits).fill(0);
    this.#kernel.calls.setIndex(this.#entries, 0, table, filter, bits);
    this.#indexed = 0;
  }

  /** Takes up to `max` more entries into the index. @returns how many */
  index(max: number): number {
    const to = Math.min(this.#indexed + max, this.blocks), count = to - this.#indexed;
    this.#kernel.calls.setBlockCount(to);
    this.#kernel.calls.indexBlocks(this.#indexed, to);
    this.#indexed = to;
    return count;
  }

  /** Begins at `offset` of the content. */
  start(offset: number): void {
    this.#origin = this.#offset = offset;
    this.#isLast = false;
    this.#kernel.calls.startSearch(this.#window);
  }

  /** Searches until it has to pause or to read, reads, and adds what was found to `runs`. */
  step(runs: Runs, { flush = false }: { flush?: boolean } = {}): Step {
    const { calls } = this.#kernel;
    while (true) {
      const status = calls.search(this.#isLast, WORK_SLICE_BYTES);
      const isOver = status === SEARCH.done || calls.workDone() > this.#workMax;
      if (flush || (isOver && status !== SEARCH.done)) calls.flushCopy();
      this.#fetchCopies(runs);
      if (isOver) {
        // A file that became shorter ends where reading ended; one that grew is cut at its size.
        runs.sourceSize = status === SEARCH.done ? this.#offset : this.content.size;
        return OVER;
      }
      if (status === SEARCH.pause) return PAUSED;
      if (status === SEARCH.needsContent) return { kind: "read", bytes: this.#readOn() };
    }
  }

  #readOn(): number {
    const rest = this.#kernel.calls.makeRoom();
    const max = Math.min(this.windowBytes - rest, this.content.size - this.#offset);
    // PERF: read straight into the kernel's memory, nothing is copied.
    const into = this.#kernel.view(this.#window + rest, max);
    const added = readFully(this.content, into, this.#offset);
    this.#kernel.calls.addContent(added);
    this.#offset += added;
    this.#isLast = added === 0 || this.#offset >= this.content.size;
    return added;
  }

  #fetchCopies(runs: Runs): void {
    const count = this.#kernel.calls.takeCopies();
    if (count === 0) return;
    const { memory } = this.#kernel.calls, at = this.#kernel.calls.copiesAt();
    const numbers = new Float64Array(memory.buffer, at, count * NUMBERS_PER_COPY);
    for (let i = 0; i < numbers.length; i += NUMBERS_PER_COPY) {
      runs.add({
        source: this.#origin + (numbers[i] as number),
        basis: numbers[i + 1] as number,
        length: numbers[i + 2] as number,
      });
    }
  }

  [Symbol.dispose](): void {
    this.#kernel[Symbol.dispose]();
  }
}
