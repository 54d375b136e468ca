/** A regular file whose content is there, made under a temporary name. */
import type { Name, Present, Regular } from "../model/mod.ts";
import type { TempFile } from "../fs/mod.ts";
import { type Dress, dress, dressedFile, firstMode, redress } from "./dress.ts";
import type { Plan } from "./install.ts";
import type { Place } from "./steps.ts";
import type { Target } from "./target.ts";
import type { Workshop } from "./workshop.ts";

export interface WholeFileInit {
  readonly target: Target;
  readonly place: Place;
  readonly dress: Dress;
  /** It stays as it is until the file is installed. */
  readonly content: readonly Uint8Array[];
}

export class WholeFile implements Plan<TempFile> {
  readonly target: Target;
  readonly place: Place;
  readonly want: Regular;
  readonly #workshop: Workshop;
  readonly #dress: Dress;
  readonly #content: readonly Uint8Array[];

  constructor(workshop: Workshop, { target, place, dress, content }: WholeFileInit) {
    this.target = target;
    this.place = place;
    this.#workshop = workshop;
    this.#dress = dress;
    this.#content = content;
    let size = 0;
    for (const piece of content) size += piece.length;
    this.want = dressedFile(workshop, dress, size);
  }

  make(name: Name): TempFile {
    const { dir, leaf } = this.place, made = firstMode(this.#workshop, this.#dress);
    const temp = dir.createTemp(leaf, name, { mode: made });
    try {
      for (const piece of this.#content) temp.write(piece);
      dress(this.#workshop, temp, this.#dress, { made });
      return temp;
    } catch (error) {
      temp[Symbol.dispose]();
      throw error;
    }
  }

  correct(temp: TempFile, made: Present): boolean {
    return redress(this.#workshop, temp, this.#dress, made);
  }
}
