/** Which new files may have the content of which others (pure): renamed and copied files keep their time. */
import type { DbName, Nanos } from "../model/mod.ts";

/** What is known of a regular file without a look at its content. */
export interface FileSketch {
  readonly name: DbName;
  /** Bytes. */
  readonly size: number;
  readonly mtime: Nanos;
}

/** LIMIT: of files that agree in size, time and their own name; the place decides among them. */
const LOOKED_AT_MAX = 100;

/** Files by what tells without their content whether it may be the same. */
export class Alike {
  /** PERF: of most sizes and times there is one file. */
  readonly #bySketch = new Map<string, DbName | DbName[]>();
  /** Of the others, by their own name; made when it is needed. */
  readonly #namesakes = new Map<string, ReadonlyMap<string, readonly DbName[]>>();

  /** An empty file is like nothing: there is nothing to save. */
  add(file: FileSketch): void {
    if (file.size === 0) return;
    const sketch = sketchOf(file), known = this.#bySketch.get(sketch);
    if (known === undefined) this.#bySketch.set(sketch, file.name);
    else if (typeof known === "string") this.#bySketch.set(sketch, [known, file.name]);
    else known.push(file.name);
  }

  get isEmpty(): boolean {
    return this.#bySketch.size === 0;
  }

  /**
   * The best guess for a new file, when all others were added: of several of one size and time the one
   * with most equal components at the end of its name, as in a directory that was renamed; of those the
   * one added first.
   */
  for(file: FileSketch): DbName | undefined {
    const sketch = sketchOf(file), known = this.#bySketch.get(sketch);
    if (known === undefined || typeof known === "string") return known;
    const namesakes = this.#namesakesOf(sketch, known).get(ownName(file.name));
    if (namesakes === undefined) return known[0];
    const own = file.name.split("/");
    let best: DbName | undefined, most = -1;
    for (const name of namesakes) {
      const count = equalAtEnd(name.split("/"), own);
      if (count <= most) continue;
      best = name;
      most = count;
    }
    return best;
  }

  #namesakesOf(sketch: string, names: readonly DbName[]): ReadonlyMap<string, readonly DbName[]> {
    const made = this.#namesakes.get(sketch);
    if (made !== undefined) return made;
    const byName = new Map<string, DbName[]>();
    for (const name of names) {
      const same = byName.get(ownName(name));
      if (same === undefined) byName.set(ownName(name), [name]);
      else if (same.length < LOOKED_AT_MAX) same.push(name);
    }
    this.#namesakes.set(sketch, byName);
    return byName;
  }
}

function sketchOf({ size, mtime }: FileSketch): string {
  return `${size} ${mtime}`;
}

function ownName(name: DbName): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

function equalAtEnd(a: readonly string[], b: readonly string[]): number {
  let count = 0;
  while (count < a.length && a.at(-1 - count) === b.at(-1 - count)) count++;
  return count;
}
