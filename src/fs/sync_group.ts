/** Many files, or directories, made durable at once. */
import { type Fd, OsError, syncAside, syncFileSystemAside } from "../os/mod.ts";
import type { OpenDir } from "./open_dir.ts";

/**
 * PERF: on ext4 here 128 new files of 10 KB take 430 ms by one fsync after the other, 11 ms by all at once
 * and 5 ms by syncfs; 2 take 4 to 8 ms in every way.
 */
const TOGETHER_MIN = 3;
/**
 * LIMIT: syncfs writes what others have left to be written on the file system, too. Where that takes
 * longer, so many groups go without it.
 */
const SLOW_MS = 500;
const DETOURS = 20;

/** One file that is to become durable. */
export interface Unsynced {
  /** Open since before it was written. */
  readonly fd: Fd;
  readonly dir: OpenDir;
  readonly path: string;
  /** Files that were opened earlier have a smaller one. */
  readonly turn: number;
  /** Writes what is not in the file yet. @throws OsError */
  complete(): void;
}

/** Groups of files of all file systems. */
export class SyncGroups {
  readonly #now: () => number;
  /** By number of file system: groups that are still to go by fsync, as syncfs was slow. */
  readonly #detours = new Map<bigint, number>();

  /** @param now milliseconds that only go forward */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** An answer for each, in their order: why it may not be durable. */
  async contents(files: readonly Unsynced[]): Promise<(OsError | undefined)[]> {
    const answers: (OsError | undefined)[] = new Array(files.length).fill(undefined);
    const single: number[] = [], together = new Map<bigint, number[]>();
    for (const [n, file] of files.entries()) {
      try {
        file.complete();
        groupOf(file.dir, { single, together })?.push(n);
      } catch (error) {
        if (!(error instanceof OsError)) throw error;
        answers[n] = error;
      }
    }
    const one = async (n: number) => answers[n] = await failureOf(files[n]!);
    await Promise.all([
      ...single.map(one),
      ...together.entries().map(async ([device, group]) => {
        if (await this.#together(device, group.map((n) => files[n]!))) return;
        await Promise.all(group.map(one));
      }),
    ]);
    return answers;
  }

  /** @returns false when each of them has to be asked for */
  async #together(device: bigint, group: readonly Unsynced[]): Promise<boolean> {
    const detours = this.#detours.get(device) ?? 0;
    if (detours > 0) this.#detours.set(device, detours - 1);
    if (group.length < TOGETHER_MIN || detours > 0) return false;
    // The oldest descriptor has seen every failure since the first of the files was written.
    const oldest = group.reduce((a, b) => a.turn < b.turn ? a : b);
    const start = this.#now();
    const isDurable = await syncFileSystemAside(oldest.fd);
    if (this.#now() - start > SLOW_MS) this.#detours.set(device, DETOURS);
    return isDurable;
  }
}

/** Those that are made durable in the same way. @throws OsError */
function groupOf(
  dir: OpenDir,
  { single, together }: { single: number[]; together: Map<bigint, number[]> },
): number[] | undefined {
  if (dir.durableBy === "nothing") return undefined;
  if (dir.durableBy === "each") return single;
  const { device } = dir, group = together.get(device) ?? [];
  together.set(device, group);
  return group;
}

async function failureOf(
  { fd, path }: Pick<Unsynced, "fd" | "path">,
): Promise<OsError | undefined> {
  try {
    await syncAside(fd, path);
    return undefined;
  } catch (error) {
    if (error instanceof OsError) return error;
    throw error;
  }
}

/**
 * As SyncGroups.contents(), for the entries of directories: each once, whoever asks how often.
 * @param readable opens one so that it can be synced; throws OsError
 */
export async function syncDirectories(
  dirs: readonly OpenDir[],
  readable: (dir: OpenDir) => Fd,
): Promise<(OsError | undefined)[]> {
  const answers = new Map<OpenDir, OsError | undefined>();
  await Promise.all(
    [...new Set(dirs)].map(async (dir) => void answers.set(dir, await failureIn(dir, readable))),
  );
  return dirs.map((dir) => answers.get(dir));
}

async function failureIn(
  dir: OpenDir,
  readable: (dir: OpenDir) => Fd,
): Promise<OsError | undefined> {
  try {
    if (dir.durableBy === "nothing") return undefined;
    using fd = readable(dir);
    await syncAside(fd, ".");
    return undefined;
  } catch (error) {
    if (error instanceof OsError) return error;
    throw error;
  }
}
