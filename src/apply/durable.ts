/** When a change survives a power failure, and which changes wait for that together. */
import { setImmediate } from "node:timers";
import type { DirHandle, Jail, TempFile } from "../fs/mod.ts";
import { isSystemError } from "./target.ts";

/**
 * What survives a power failure once a change was reported as done. `none`: what the kernel got round
 * to. `file`: content and directory entry, each change by itself. `batch`: the same, but changes that are
 * under way at the same time are made durable together.
 */
export type Durability = "none" | "batch" | "file";

/** LIMIT: changes in one group; so many descriptors are open at least. */
const GROUP_MAX = 256;

/** Why something may not be durable. */
type Answer = Awaited<ReturnType<Jail["syncContents"]>>[number];

/**
 * Makes what changes have written durable, as far as it was asked for.
 *
 * `batch`: whoever comes while a group is being written waits for the next one; who is alone waits for
 * nobody. A failure is told to exactly those whose file or directory it is about. The caller keeps the
 * order: contents before the rename, the directory before the record.
 */
export class Durable {
  readonly #durability: Durability;
  readonly #contents: Group<TempFile>;
  readonly #entries: Group<DirHandle>;
  #underWay = 0;

  constructor(durability: Durability, jail: Jail) {
    this.#durability = durability;
    const isAlone = () => this.#underWay <= 1;
    this.#contents = new Group((files) => jail.syncContents(files), isAlone);
    this.#entries = new Group((dirs) => jail.syncDirectories(dirs), isAlone);
  }

  /** A change that may come to something to be made durable; leave() ends it. */
  enter(): void {
    this.#underWay++;
  }

  leave(): void {
    this.#underWay--;
  }

  /**
   * Makes the content of a complete file durable if nothing has to be waited for.
   * @returns whether it is as durable as was asked for; if not, `contents` does it
   * @throws OsError when it may not be
   */
  isDurable(file: TempFile): boolean {
    if (this.#durability === "file") file.sync();
    return this.#durability !== "batch" || file.isInMemory;
  }

  /**
   * Makes contents of complete files durable, together where that was asked for.
   * @returns for each, in their order, why it may not be
   */
  contents(
    files: readonly (TempFile | undefined)[],
  ): Promise<readonly Answer[]> | readonly Answer[] {
    const isDurable = (file: TempFile | undefined) => file === undefined || this.isDurable(file);
    return inGroup(this.#contents, files as readonly TempFile[], isDurable);
  }

  /** As `contents`, for the entries of directories, each once. */
  entries(dirs: readonly DirHandle[]): Promise<readonly Answer[]> | readonly Answer[] {
    const known = new Map<DirHandle, number>();
    for (const dir of dirs) if (!known.has(dir)) known.set(dir, known.size);
    const each = (answers: readonly Answer[]) => dirs.map((dir) => answers[known.get(dir)!]);
    const answers = inGroup(this.#entries, [...known.keys()], (dir) => {
      if (this.#durability === "file") dir.sync();
      return this.#durability !== "batch" || dir.isInMemory;
    });
    return answers instanceof Promise ? answers.then(each) : each(answers);
  }
}

/** Those that are not durable yet become it together. */
function inGroup<T>(
  group: Group<T>,
  things: readonly T[],
  isDurable: (thing: T) => boolean,
): Promise<readonly Answer[]> | readonly Answer[] {
  const answers: Answer[] = new Array(things.length).fill(undefined);
  const left: T[] = [], places: number[] = [];
  for (let n = 0; n < things.length; n++) {
    try {
      if (isDurable(things[n]!)) continue;
      left.push(things[n]!);
      places.push(n);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      answers[n] = error as Answer;
    }
  }
  if (left.length === 0) return answers;
  return group.add(left).then((got) => {
    got.forEach((answer, n) => answers[places[n]!] = answer);
    return answers;
  });
}

interface Waiting<T> {
  readonly things: readonly T[];
  readonly resolve: (answers: readonly Answer[]) => void;
  readonly reject: (error: unknown) => void;
}

type Sync<T> = (things: readonly T[]) => Promise<readonly Answer[]>;

/** One group is under way at a time; the next one gathers meanwhile. */
class Group<T> {
  readonly #sync: Sync<T>;
  readonly #isAlone: () => boolean;
  #waiting: Waiting<T>[] = [];
  #isBusy = false;

  constructor(sync: Sync<T>, isAlone: () => boolean) {
    this.#sync = sync;
    this.#isAlone = isAlone;
  }

  /** An answer for each, in their order. */
  add(things: readonly T[]): Promise<readonly Answer[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly Answer[]>();
    this.#waiting.push({ things, resolve, reject });
    if (!this.#isBusy) {
      this.#isBusy = true;
      // What others do in this turn of the event loop belongs to the same group.
      if (this.#isAlone()) void this.#run();
      else setImmediate(() => void this.#run());
    }
    return promise;
  }

  /** Never rejects: a failure is told to those who wait. */
  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#next();
      try {
        const answers = await this.#sync(group.flatMap(({ things }) => things));
        let at = 0;
        for (const { things, resolve } of group) resolve(answers.slice(at, at += things.length));
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#isBusy = false;
  }

  /** Whoever comes with many is not divided. */
  #next(): Waiting<T>[] {
    let count = 0, size = 0;
    while (count < this.#waiting.length && (count === 0 || size < GROUP_MAX)) {
      size += this.#waiting[count++]!.things.length;
    }
    return this.#waiting.splice(0, count);
  }
}
