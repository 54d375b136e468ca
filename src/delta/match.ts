/** Signature of the old content + new content -> which parts of the new are already there. */
import type { ByteStream } from "../model/mod.ts";
import { Breather, type Content, readFully } from "./content.ts";
import { Kernel, NUMBERS_PER_COPY, SEARCH, type SignatureParams } from "./kernel.ts";
import { Runs } from "./runs.ts";
import { entrySize } from "./signature.ts";
import { BLOCKS_MAX, openSignature, type SignatureLimits } from "./signature_input.ts";

export interface MatchOptions {
  /** For the received signature. */
  readonly limits?: SignatureLimits;
  /** Most copies that are planned, see Runs. @default {262_144} */
  readonly copiesMax?: number;
  readonly signal?: AbortSignal | undefined;
}

/** COMPAT: librsync's longest literal (W 10.4). */
const LITERAL_MAX_BYTES = 32_768;
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
/**
 * LIMIT: a signature that is longer than the content saves nothing, and a peer could fill our memory with
 * it; an entry of csync2 has 20 bytes. Up to so many entries nobody counts.
 */
const USUAL_ENTRY_BYTES = 20;
const FREE_BLOCKS = 65_536;
/** Entries indexed between two pauses. */
const INDEX_SLICE = 65_536;
/** What indexing an entry costs, in bytes hashed. */
const INDEX_WORK_BYTES = 64;

/**
 * Finds the blocks of `signature` in `content`, which is read once from start to end. The signature
 * is read to its end, and not closed on an error.
 *
 * Memory: entry and 10 bytes more per block, a window of eight blocks, and the copies found.
 *
 * @throws DeltaError for a signature that is none, truncated or beyond the limits, also one that is much
 * longer than the content
 */
export async function match(
  signature: ByteStream,
  content: Content,
  { limits = {}, copiesMax, signal }: MatchOptions = {},
): Promise<Runs> {
  const breather = new Breather(signal);
  const { params, entries } = await openSignature(signature, {
    blocksMax: usefulBlocks(content),
    ...limits,
  });
  using search = new Search(params, content);
  for await (const piece of entries) {
    search.addEntries(piece);
    if (breather.isDue(piece.length)) await breather.pause();
  }
  if (search.blocks === 0) return literalRuns(content, params.blockLength);
  const runs = new Runs(LITERAL_MAX_BYTES, copiesMax);
  for (let block = 0; block < search.blocks; block += INDEX_SLICE) {
    search.index(block);
    if (breather.isDue(INDEX_SLICE * INDEX_WORK_BYTES)) await breather.pause();
  }
  await search.run(runs, breather);
  return runs;
}

function usefulBlocks({ size }: Content): number {
  return Math.min(BLOCKS_MAX, Math.max(FREE_BLOCKS, Math.ceil(size / USUAL_ENTRY_BYTES)));
}

/** The plan without any copy: for a peer that has nothing, or whose signature cannot be used. */
export function literalRuns(content: Content, literalMax: number = LITERAL_MAX_BYTES): Runs {
  const runs = new Runs(literalMax);
  runs.sourceSize = content.size;
  return runs;
}

/** One search: the kernel's memory holds the window, then entries, table and filter. */
class Search implements Disposable {
  readonly #kernel = Kernel.borrow();
  readonly #window: number;
  readonly #windowBytes: number;
  readonly #entries: number;
  readonly #entryBytes: number;
  #entriesEnd: number;
  #offset = 0;

  constructor(readonly params: SignatureParams, readonly content: Content) {
    this.#windowBytes = Math.min(8 * params.blockLength + READ_BYTES, content.size);
    this.#window = this.#kernel.heapBase;
    this.#entries = this.#entriesEnd = this.#window + this.#windowBytes;
    this.#entryBytes = entrySize(params);
    this.#kernel.reserve(this.#entries);
    this.#kernel.useFormat(params);
  }

  get blocks(): number {
    return (this.#entriesEnd - this.#entries) / this.#entryBytes;
  }

  addEntries(piece: Uint8Array): void {
    this.#kernel.reserve(this.#entriesEnd + piece.length);
    this.#kernel.view(this.#entriesEnd, piece.length).set(piece);
    this.#entriesEnd += piece.length;
  }

  /** Indexes up to INDEX_SLICE entries from `block` on, once all entries are there. */
  index(block: number): void {
    if (block === 0) this.#makeIndex();
    this.#kernel.calls.indexBlocks(block, Math.min(block + INDEX_SLICE, this.blocks));
  }

  #makeIndex(): void {
    // At most half full; a filter of eight bits per slot stays in the cache.
    const bits = Math.max(4, Math.ceil(Math.log2(this.blocks * 2)));
    const table = Math.ceil(this.#entriesEnd / 16) * 16, filter = table + 4 * 2 ** bits;
    this.#kernel.reserve(filter + 2 ** bits);
    this.#kernel.view(table, 5 * 2 ** bits).fill(0);
    this.#kernel.calls.setIndex(this.#entries, this.blocks, table, filter, bits);
  }

  async run(runs: Runs, breather: Breather): Promise<void> {
    const { calls } = this.#kernel;
    const workMax = WORK_PER_BYTE * this.content.size + WORK_SLACK_BYTES;
    calls.startSearch(this.#window);
    for (let isLast = false;;) {
      const status = calls.search(isLast, WORK_SLICE_BYTES);
      const isOver = status === SEARCH.done || calls.workDone() > workMax;
      if (isOver && status !== SEARCH.done) calls.flushCopy();
      this.#fetchCopies(runs);
      if (isOver) {
        // A file that became shorter ends where reading ended; one that grew is cut at its size.
        runs.sourceSize = status === SEARCH.done ? this.#offset : this.content.size;
        return;
      }
      if (status === SEARCH.pause) await breather.pause();
      if (status !== SEARCH.needsContent) continue;
      const added = this.#readOn();
      isLast = added === 0 || this.#offset >= this.content.size;
      if (breather.isDue(added)) await breather.pause();
    }
  }

  #readOn(): number {
    const rest = this.#kernel.calls.makeRoom();
    const max = Math.min(this.#windowBytes - rest, this.content.size - this.#offset);
    // PERF: read straight into the kernel's memory, nothing is copied.
    const into = this.#kernel.view(this.#window + rest, max);
    const added = readFully(this.content, into, this.#offset);
    this.#kernel.calls.addContent(added);
    this.#offset += added;
    return added;
  }

  #fetchCopies(runs: Runs): void {
    const count = this.#kernel.calls.takeCopies();
    if (count === 0) return;
    const { memory } = this.#kernel.calls, at = this.#kernel.calls.copiesAt();
    const numbers = new Float64Array(memory.buffer, at, count * NUMBERS_PER_COPY);
    for (let i = 0; i < numbers.length; i += NUMBERS_PER_COPY) {
      runs.add({
        source: numbers[i] as number,
        basis: numbers[i + 1] as number,
        length: numbers[i + 2] as number,
      });
    }
  }

  [Symbol.dispose](): void {
    this.#kernel[Symbol.dispose]();
  }
}
