/** A regular file from a stream: complete beside the old one before anything of that is touched. */
import { setImmediate } from "node:timers";
import type { Meta, Name, Present } from "../model/mod.ts";
import type { SourceFile, TempFile } from "../fs/mod.ts";
import { type Dress, dress, dressOf, redress } from "./dress.ts";
import { create, install } from "./install.ts";
import { announce, changedMeanwhile, giveUp, isSame, type Place, refusalOf } from "./steps.ts";
import { PARTIAL_MIN_BYTES } from "./partials.ts";
import type { Applied, Target } from "./target.ts";
import { WholeFile } from "./whole_file.ts";
import type { Workshop } from "./workshop.ts";

/**
 * Up to here content waits in memory, so that its file exists for microseconds only. PERF: two
 * transactions instead of three for a small file.
 */
const IN_MEMORY_BYTES = 256 * 1_024;
/** A small delta can make a large file by copying; up to here it waits in memory for `spill`. */
const IN_MEMORY_MAX_BYTES = 4 * 1_048_576;
/** After so much copying others get a turn. */
const TURN_BYTES = 16 * 1_048_576;

/** A regular file that is being received. Dispose it in every case; it undoes what is not installed. */
export class FilePut implements AsyncDisposable {
  /** The old content, open for reading; undefined when the object is not a regular file. */
  readonly basis: SourceFile | undefined;
  /** What a broken transfer of the same name has left, open for reading. */
  readonly partial: SourceFile | undefined;
  readonly #workshop: Workshop;
  readonly #target: Target;
  readonly #place: Place;
  readonly #dress: Dress;
  readonly #small: Uint8Array[] = [];
  #size = 0;
  #temp: TempFile | undefined;
  /** Temporary name in an intent that nobody has settled yet. */
  #announced: Name | undefined;

  /** @throws OsError when the old content cannot be opened */
  constructor(
    workshop: Workshop,
    { target, place, meta }: { target: Target; place: Place; meta: Meta | undefined },
  ) {
    this.#workshop = workshop;
    this.#target = target;
    this.#place = place;
    this.#dress = dressOf(workshop, place.admitted.entry, meta);
    this.basis = place.admitted.entry.kind === "reg" ? openAdmitted(place) : undefined;
    this.partial = workshop.partials.open(target, place.dir);
  }

  /**
   * Appends new content.
   * @throws OsError whatever the disk says; `refusalOf` makes it a reply
   */
  write(bytes: Uint8Array): void {
    if (this.#temp === undefined && this.#size + bytes.length <= IN_MEMORY_MAX_BYTES) {
      return this.take(bytes.slice());
    }
    this.#size += bytes.length;
    // RACE: content that `spill` was not called for; a crash now leaves a temporary file behind.
    this.#temp ??= this.#start(this.#place.dir.tempName(this.#place.leaf));
    this.#temp.write(bytes);
  }

  /**
   * As `write`, without a copy: `bytes` must stay as they are until `install` or `spill` has ended.
   * @throws OsError
   */
  take(bytes: Uint8Array): void {
    this.#size += bytes.length;
    if (this.#temp === undefined) this.#small.push(bytes);
    else this.#temp.write(bytes);
  }

  /**
   * Appends a whole file of this host: its blocks are shared or copied within the kernel where that is
   * possible. Other work gets its turn meanwhile.
   *
   * @returns false when it is not in the state any more in which it was opened: do not install
   * @throws OsError
   */
  async copyFrom(source: SourceFile): Promise<boolean> {
    if (this.isLarge(source.size)) await this.spill();
    const temp = this.#temp;
    if (temp === undefined) {
      const bytes = new Uint8Array(source.size);
      if (source.readAt(bytes, 0) < bytes.length) return false;
      this.take(bytes);
      return source.isUnchanged();
    }
    if (!temp.cloneFrom(source)) {
      for (let offset = 0; offset < source.size; offset += TURN_BYTES) {
        const length = Math.min(TURN_BYTES, source.size - offset);
        if (temp.copyFrom(source, { offset, length }) < length) return false;
        await new Promise((go) => setImmediate(go));
      }
    }
    this.#size += source.size;
    return source.isUnchanged();
  }

  /**
   * As the only content, the blocks of a whole file, shared with it. The caller asks whether it is
   * unchanged. @returns false where the file system cannot do that, and nothing was done. @throws OsError
   */
  async cloneFrom(source: SourceFile): Promise<boolean> {
    await this.spill();
    const isCloned = this.#size === 0 && this.#temp!.cloneFrom(source);
    if (isCloned) this.#size = source.size;
    return isCloned;
  }

  /**
   * The old content, before anything of the new one is known: shared blocks where that is possible.
   * Otherwise the caller gives it to `prefill`. @returns whether it is there
   */
  async prefillAll(old: SourceFile): Promise<boolean> {
    await this.spill();
    return this.#temp!.cloneFrom(old);
  }

  /** The next bytes of the old content, from its beginning, after `prefillAll`. @throws OsError */
  prefill(bytes: Uint8Array): void {
    this.#temp!.write(bytes);
  }

  /** Of the old content nothing more comes: the new one begins, in its place. @throws OsError */
  rewind(): void {
    this.#temp!.rewind();
  }

  /** So many bytes of the new content are those that were filled in at their place. */
  pass(bytes: number): void {
    this.#size += bytes;
    this.#temp!.pass(bytes);
  }

  /** Whether so much is known to come or is here already that `spill` is worth while. */
  isLarge(expectedBytes: number): boolean {
    return Math.max(expectedBytes, this.#size) > IN_MEMORY_BYTES;
  }

  /** Goes on in a temporary file that is announced, so that it does not survive a crash. */
  async spill(): Promise<void> {
    if (this.#temp !== undefined) return;
    const name = this.#place.dir.tempName(this.#place.leaf);
    await announce(this.#workshop, { target: this.#target, temp: name, want: undefined });
    this.#announced = name;
    this.#temp = this.#start(name);
  }

  #start(name: Name): TempFile {
    const temp = this.#place.dir.createTemp(this.#place.leaf, name);
    try {
      this.#empty(temp);
      return temp;
    } catch (error) {
      temp[Symbol.dispose]();
      throw error;
    }
  }

  #empty(temp: TempFile): void {
    for (const piece of this.#small) temp.write(piece);
    this.#small.length = 0;
  }

  /** Installs what was written. To be called once, and only when every `write` succeeded. */
  async install(): Promise<Applied> {
    const { partials } = this.#workshop, temp = this.#temp;
    const applied = await (temp === undefined ? this.#create() : this.#installTemp(temp));
    // PERF: most transfers were never broken.
    if (applied.changed && partials.has(this.#target.name)) {
      await partials.drop(this.#target, this.#place.dir);
    }
    return applied;
  }

  #create(): Promise<Applied> {
    return create(
      this.#workshop,
      new WholeFile(this.#workshop, {
        target: this.#target,
        place: this.#place,
        dress: this.#dress,
        content: this.#small,
      }),
    );
  }

  async #installTemp(temp: TempFile): Promise<Applied> {
    const target = this.#target, place = this.#place;
    try {
      dress(this.#workshop, temp, this.#dress);
    } catch (error) {
      return { outcome: refusalOf(error), changed: false };
    }
    this.#temp = undefined; // install() settles both
    this.#announced = undefined;
    const correct = (draft: TempFile, found: Present) =>
      redress(this.#workshop, draft, this.#dress, found);
    return await install(this.#workshop, { target, place, correct }, temp);
  }

  /** The transfer is broken: much content waits for the next one. Nothing but dispose may follow. */
  async keep(): Promise<void> {
    const temp = this.#temp, name = this.#announced;
    if (temp === undefined || name === undefined || this.#size < PARTIAL_MIN_BYTES) return;
    if (this.partial !== undefined && this.#size <= this.partial.size) return;
    temp.look(); // from now on all that was written is in the file
    if (!await this.#workshop.partials.keep(this.#target, name, this.#place.dir)) return;
    temp.settle();
    this.#announced = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using dir = this.#place.dir;
    this.basis?.[Symbol.dispose]();
    this.partial?.[Symbol.dispose]();
    this.#temp?.[Symbol.dispose]();
    const temp = this.#announced;
    if (temp === undefined) return;
    await giveUp(this.#workshop, { target: this.#target, place: { ...this.#place, dir }, temp });
  }
}

/** The old content; never that of another file, whose parts would get into the new one. @throws Refused */
function openAdmitted({ dir, leaf, admitted }: Place): SourceFile {
  using undo = new DisposableStack();
  const basis = undo.use(dir.open(leaf));
  const { fingerprint, meta, size } = basis;
  const seen = { entry: { kind: "reg", meta, size }, fingerprint } as const;
  if (!isSame(admitted, seen)) throw changedMeanwhile();
  undo.move();
  return basis;
}
