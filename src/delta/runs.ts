/** The plan of a delta: which parts of the new content the old one has, held compactly. */

/** The part of the new content at `source` that the old one has at `basis`. Bytes. */
export interface Copy {
  readonly source: number;
  readonly basis: number;
  readonly length: number;
}

/** LIMIT: 6 MiB of memory; a delta with so many copies saves little anyway. */
export const COPIES_MAX = 262_144;
const COPIES_AT_FIRST = 256;

/**
 * Copies in ascending order of `source`; whatever lies between them is literal.
 *
 * When there would be more than `copiesMax`, the shorter half is dropped, and from then on no copy
 * shorter than those that stayed is taken: memory stays bounded, the delta stays correct but grows.
 */
export class Runs {
  #sources = new Float64Array(COPIES_AT_FIRST);
  #bases = new Float64Array(COPIES_AT_FIRST);
  #lengths = new Float64Array(COPIES_AT_FIRST);
  #count = 0;
  #shortest = 0;
  #end = 0;
  #known = 0;
  /** Bytes of new content that the plan covers. */
  sourceSize = 0;
  /** Blocks that the old content has in its signature, the last one perhaps shorter; 0: nobody knows. */
  basisBlocks = 0;
  /** Bytes. */
  blockLength = 0;

  /**
   * @param literalMax longest literal command. COMPAT: librsync cuts at 32768 bytes, or at the block
   * length when the signature has no blocks (W 10.4)
   */
  constructor(readonly literalMax: number, readonly copiesMax: number = COPIES_MAX) {
    if (copiesMax < 1) throw new RangeError(`Cannot plan a delta with ${copiesMax} copies`);
  }

  get count(): number {
    return this.#count;
  }

  at(index: number): Copy {
    if (index >= this.#count) throw new RangeError(`Cannot read copy ${index} of ${this.#count}`);
    return {
      source: this.#sources[index] as number,
      basis: this.#bases[index] as number,
      length: this.#lengths[index] as number,
    };
  }

  *[Symbol.iterator](): Generator<Copy, void, void> {
    for (let index = 0; index < this.#count; index++) yield this.at(index);
  }

  /** Where the last copy that was added ends in the new content. */
  get end(): number {
    return this.#end;
  }

  /** Bytes of all copies that were added. */
  get known(): number {
    return this.#known;
  }

  /** Appends; `copy` lies behind all others. One that goes on where the last one ended makes it longer. */
  add({ source, basis, length }: Copy): void {
    this.#end = source + length;
    this.#known += length;
    const last = this.#count - 1;
    if (last >= 0 && this.#sources[last]! + this.#lengths[last]! === source) {
      if (this.#bases[last]! + this.#lengths[last]! === basis) {
        this.#lengths[last]! += length;
        return;
      }
    }
    if (length < this.#shortest) return;
    if (this.#count === this.copiesMax) this.#thinOut();
    if (length < this.#shortest) return;
    if (this.#count === this.#sources.length) this.#grow();
    this.#sources[this.#count] = source;
    this.#bases[this.#count] = basis;
    this.#lengths[this.#count] = length;
    this.#count++;
  }

  #grow(): void {
    const size = Math.min(this.#count * 2, Math.max(this.copiesMax, COPIES_AT_FIRST));
    const larger = (old: Float64Array) => {
      const grown = new Float64Array(size);
      grown.set(old);
      return grown;
    };
    this.#sources = larger(this.#sources);
    this.#bases = larger(this.#bases);
    this.#lengths = larger(this.#lengths);
  }

  /** Keeps the longer half, of equally long copies the first ones. */
  #thinOut(): void {
    const half = this.#count >> 1;
    const lengths = this.#lengths.slice(0, this.#count).sort();
    this.#shortest = lengths[half] as number;
    let equals = half - lengths.filter((length) => length > this.#shortest).length;
    let kept = 0;
    for (let from = 0; from < this.#count; from++) {
      const length = this.#lengths[from] as number;
      if (length < this.#shortest || (length === this.#shortest && equals-- <= 0)) continue;
      this.#sources[kept] = this.#sources[from] as number;
      this.#bases[kept] = this.#bases[from] as number;
      this.#lengths[kept] = length;
      kept++;
    }
    this.#count = kept;
  }
}
