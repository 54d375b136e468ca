/** Users on several hosts who change the same few names at random, several times a second. */

/** A host with users: `LanHost`, or one of programs in processes of their own. */
export interface Villager {
  readonly letter: string;
  /** As peers call it. */
  readonly name: string;
  /** On the file system of the tree, beside it. */
  readonly dir: string;
  /** Of all that it writes. @default none */
  readonly ending?: string;
  path(name: string): string;
  /** `-x` */
  sync(): Promise<void>;
  /** Name -> content, or what else it is. */
  tree(): Record<string, string>;
  /** `-M`: a letter, a blank, a name. */
  marks(): Promise<string[]>;
  /** `-T`: its rows. */
  test(): Promise<string[]>;
}

export interface Village {
  readonly hosts: readonly Villager[];
  readonly journal: string[];
}

/** Few names, so that everybody meets everybody; a directory among them, and what is in it. */
const NAMES = ["x", "y", "d", "d/f", "d/g"];
const KINDS = [
  "write",
  "write",
  "write",
  "replace",
  "append",
  "remove",
  "remove",
  "mkdir",
  "link",
  "chmod",
  "backdate",
] as const;

/** Numbers in [0, 1) that a seed determines. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4_294_967_296;
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((go) => setTimeout(go, ms));
}

export class Commotion {
  readonly #random: () => number;
  #count = 0;

  constructor(readonly lan: Village, seed: number) {
    this.#random = randomFrom(seed);
  }

  /** Rounds of changes on all hosts, with `-x` now and then; resolves when nothing runs any more. */
  async rounds(count = 3): Promise<void> {
    for (let round = 0; round < count; round++) {
      const left: Promise<void>[] = [];
      await Promise.all(this.lan.hosts.map((host) => this.#live(host, left)));
      await Promise.all(left);
    }
    await pause(25); // the last change is older than a tick of the kernel's clock
  }

  /** @param left runs that nobody waits for: two programs of one host at the same time */
  async #live(host: Villager, left: Promise<void>[]): Promise<void> {
    for (let turn = 0; turn < 4; turn++) {
      for (let changes = 1 + this.#below(3); changes > 0; changes--) {
        this.#change(host);
        if (this.#random() < 0.5) await pause(this.#random() * 6);
      }
      if (this.#random() > 0.7) continue;
      const run = host.sync();
      if (this.#random() < 0.7) await run;
      else left.push(run);
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)]!;
  }

  #change(host: Villager): void {
    const name = this.#pick(NAMES), kind = this.#pick(KINDS), path = host.path(name);
    const number = ++this.#count;
    // Equal lengths are frequent: what is equal but for the content is the hardest.
    const text = `${host.letter}${`${number}`.padStart(4, "0")}${
      "z".repeat(this.#pick([0, 0, 3]))
    }${host.ending ?? ""}`;
    this.lan.journal.push(`${host.letter} ${kind} ${name} ${text}`);
    const is = kindOf(path);
    try {
      switch (kind) {
        case "write":
        case "backdate":
          if (is !== "file") remove(path);
          Deno.writeTextFileSync(path, text);
          // A time that nobody else uses: an equal one with an equal length cannot be seen by anyone.
          if (kind === "backdate") Deno.utimeSync(path, 1e9 + number, 1e9 + number);
          break;
        case "replace":
          if (is === "dir") remove(path);
          Deno.writeTextFileSync(`${host.dir}/new`, text);
          Deno.renameSync(`${host.dir}/new`, path);
          break;
        case "append":
          if (is === "file") Deno.writeTextFileSync(path, "+", { append: true });
          break;
        case "remove":
          remove(path);
          break;
        case "mkdir":
          remove(path);
          Deno.mkdirSync(path);
          break;
        case "link":
          remove(path);
          Deno.symlinkSync(this.#pick(["t1", "t2"]), path);
          break;
        case "chmod":
          if (is === "file") Deno.chmodSync(path, this.#pick([0o600, 0o644, 0o755]));
      }
    } catch (error) {
      // The directory above is gone, or is none.
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) {
        throw error;
      }
    }
  }
}

function kindOf(path: string): "file" | "dir" | "other" | "nothing" {
  try {
    const info = Deno.lstatSync(path);
    return info.isFile ? "file" : info.isDirectory ? "dir" : "other";
  } catch {
    return "nothing";
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch {
    // nothing is there
  }
}

/**
 * What is wrong once nobody changes anything any more: a name that differs on two hosts has to be
 * marked on some host, and `-T` of one of the two has to show it.
 */
export async function silentDifferences({ hosts }: Village): Promise<string[]> {
  const trees = hosts.map((host) => host.tree());
  const marked = new Set<string>();
  for (const host of hosts) for (const mark of await host.marks()) marked.add(mark.slice(2));
  const shown = new Map<Villager, string[]>();
  for (const host of hosts) shown.set(host, await host.test());
  const shows = (one: Villager, other: Villager, name: string) =>
    shown.get(one)!.some((row) => row.endsWith(`\t${other.name}\t${name}`));
  const found: string[] = [];
  for (const name of new Set(trees.flatMap((tree) => Object.keys(tree)))) {
    const values = trees.map((tree) => tree[name]);
    if (values.every((value) => value === values[0])) continue;
    if (!marked.has(name)) found.push(`${name} [${values}] is marked nowhere`);
    hosts.forEach((one, i) =>
      hosts.slice(i + 1).forEach((other, j) => {
        if (values[i] === values[i + 1 + j] || shows(one, other, name)) return;
        if (!shows(other, one, name)) {
          found.push(`${name} [${values}]: -T of ${one.letter} and ${other.letter} says nothing`);
        }
      })
    );
  }
  return found;
}
