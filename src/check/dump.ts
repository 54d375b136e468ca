/** `-W`: names of the directories in which something is, for programs that set watches. */
import { type DbName, isBelow, parent } from "../model/mod.ts";
import type { NameSpace } from "./spaces.ts";

/**
 * Tells every directory that is of class 2 itself or in which something of class 2 was found
 * directly, contents before their directory. Fed with the steps of a walk with `directories: "after"`.
 */
export class DirectoryDump {
  /** Directories of the current path that hold something and are not of class 2. */
  readonly #open: DbName[] = [];

  constructor(
    private readonly space: NameSpace,
    private readonly classify: (name: DbName) => number,
    private readonly tell: (name: DbName) => void,
  ) {}

  saw(name: DbName, isDirectory: boolean): void {
    this.#leave((dir) => !isBelow(name, dir));
    const dir = name === this.space.name ? undefined : parent(name);
    if (dir !== undefined && this.#open.at(-1) !== dir && this.classify(dir) !== 2) {
      this.#open.push(dir);
    }
    if (isDirectory) this.tell(name);
  }

  end(): void {
    this.#leave(() => true);
  }

  #leave(isLeft: (dir: DbName) => boolean): void {
    for (let dir = this.#open.at(-1); dir !== undefined && isLeft(dir); dir = this.#open.at(-1)) {
      this.#open.pop();
      this.tell(dir);
    }
  }
}
