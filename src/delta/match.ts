/** Signature of the old content + new content -> which parts of the new are already there. */
import type { ByteStream } from "../model/mod.ts";
import { Breather, type Content } from "./content.ts";
import { Runs } from "./runs.ts";
import { Search } from "./search.ts";
import { BLOCKS_MAX, openSignature, type SignatureLimits } from "./signature_input.ts";

export interface MatchOptions {
  /** For the received signature. */
  readonly limits?: SignatureLimits;
  /** Most copies that are planned, see Runs. @default {262_144} */
  readonly copiesMax?: number;
  /**
   * Searches large content while its signature is still coming: for a peer that makes it at that
   * moment. Content that was moved by megabytes may then be sent again, some hundredths of it.
   * @default {true} for signatures of our own format, false for librsync's
   */
  readonly early?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** COMPAT: librsync's longest literal (W 10.4). */
const LITERAL_MAX_BYTES = 32_768;
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
/** Smaller content gains nothing from being searched early. */
const EARLY_MIN_BYTES = 8 * 1_048_576;
/** How far behind the signature an early search keeps: insertions and removals of less are found. */
const EARLY_AHEAD_BYTES = 4 * 1_048_576;
/** Unknown content in one place, and in all, that an early search takes for new: it waits otherwise. */
const EARLY_GAP_BYTES = 1_048_576;
const EARLY_UNKNOWN_SHARE = 1 / 64;

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
  { limits = {}, copiesMax, early, signal }: MatchOptions = {},
): Promise<Runs> {
  const breather = new Breather(signal);
  const { params, entries } = await openSignature(signature, {
    blocksMax: usefulBlocks(content),
    ...limits,
  });
  using search = new Search(params, content);
  const runs = new Runs(LITERAL_MAX_BYTES, copiesMax);
  const matching = new Matching({ search, runs, entries, breather });
  const isEarly = early ?? params.key !== undefined;
  const isDone = isEarly && content.size >= EARLY_MIN_BYTES && await matching.early();
  if (!isDone) {
    await matching.takeAll();
    if (search.blocks === 0) return literalRuns(content, params.blockLength);
    await matching.rest();
  }
  runs.basisBlocks = search.blocks;
  runs.blockLength = params.blockLength;
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

interface MatchingInit {
  readonly search: Search;
  readonly runs: Runs;
  readonly entries: ByteStream;
  readonly breather: Breather;
}

/** One match: entries in, copies out. */
class Matching {
  readonly #search: Search;
  readonly #runs: Runs;
  readonly #entries: AsyncIterator<Uint8Array>;
  readonly #breather: Breather;
  #hasAll = false;

  constructor({ search, runs, entries, breather }: MatchingInit) {
    this.#search = search;
    this.#runs = runs;
    this.#entries = entries[Symbol.asyncIterator]();
    this.#breather = breather;
  }

  async #take(): Promise<void> {
    const { done, value } = await this.#entries.next();
    if (done) {
      this.#hasAll = true;
      return;
    }
    this.#search.addEntries(value);
    await this.#worked(value.length);
  }

  async takeAll(): Promise<void> {
    while (!this.#hasAll) await this.#take();
  }

  /** Searches from the end of the last copy on with all entries, which are there. */
  async rest(): Promise<void> {
    const search = this.#search;
    search.makeIndex(search.blocks);
    while (search.unindexed > 0) await this.#worked(search.index(INDEX_SLICE) * INDEX_WORK_BYTES);
    search.start(this.#runs.end);
    for (let isOver = false; !isOver;) isOver = await this.#step();
  }

  async #step(flush = false): Promise<boolean> {
    const step = this.#search.step(this.#runs, { flush });
    if (step.kind === "paused") await this.#breather.pause();
    else if (step.kind === "read") await this.#worked(step.bytes);
    return step.kind === "done";
  }

  async #worked(bytes: number): Promise<void> {
    if (this.#breather.isDue(bytes)) await this.#breather.pause();
  }

  /**
   * Follows the signature as it comes. False: there is more unknown content than an edit explains, or
   * the old content is much longer; what was found up to there stays.
   */
  async early(): Promise<boolean> {
    const search = this.#search, { content, params: { blockLength } } = search;
    const blocksMax = Math.ceil((content.size + EARLY_AHEAD_BYTES) / blockLength);
    search.makeIndex(blocksMax);
    search.start(0);
    for (let isOver = false; !isOver;) {
      const wanted = Math.min(blocksMax, (search.nextOffset + EARLY_AHEAD_BYTES) / blockLength);
      while (!this.#hasAll && search.blocks < wanted) await this.#take();
      if (search.blocks > blocksMax) return false;
      search.index(blocksMax);
      isOver = await this.#step(true);
      if (!this.#hasAll && this.#isUnknown()) return false;
    }
    await this.takeAll();
    return true;
  }

  #isUnknown(): boolean {
    const { offset, windowBytes, content: { size } } = this.#search, { end, known } = this.#runs;
    const decided = offset - windowBytes;
    const unknownMax = Math.max(EARLY_GAP_BYTES, size * EARLY_UNKNOWN_SHARE);
    return decided - end > EARLY_GAP_BYTES || decided - known > unknownMax;
  }
}
