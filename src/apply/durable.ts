/** When a change survives a power failure, and which changes wait for that together. */
import { setImmediate } from "node:timers";
import type { DirHandle, Jail, TempFile } from "../fs/mod.ts";

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
   * Resolves when the content of a complete file is durable; nothing when there is nothing to wait for.
   * @throws OsError when it may not be
   */
  contents(file: TempFile): Promise<void> | void {
    if (this.#durability === "none") return;
    if (this.#durability === "file") return file.sync();
    if (!file.isInMemory) return succeeded(this.#contents.add(file));
  }

  /** As `contents`, for the entries of a directory. @throws OsError when they may not be */
  entries(dir: DirHandle): Promise<void> | void {
    if (this.#durability === "none") return;
    if (this.#durability === "file") return dir.sync();
    if (!dir.isInMemory) return succeeded(this.#entries.add(dir));
  }
}

async function succeeded(answer: Promise<Answer>): Promise<void> {
  const failure = await answer;
  if (failure !== undefined) throw failure;
}

interface Waiting<T> {
  readonly thing: T;
  readonly resolve: (answer: Answer) => void;
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

  add(thing: T): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#waiting.push({ thing, resolve, reject });
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
      const group = this.#waiting.splice(0, GROUP_MAX);
      try {
        const answers = await this.#sync(group.map(({ thing }) => thing));
        group.forEach(({ resolve }, n) => resolve(answers[n]));
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#isBusy = false;
  }
}
