/** Many small files in one go: gate, apply and record once for all those in whose way there is nothing. */
import { type Config, resolveName } from "../config/mod.ts";
import { type DbName, type Outcome, parent, type Refusal } from "../model/mod.ts";
import type { SmallPut } from "../protocol/mod.ts";
import type { Client } from "./client.ts";
import { refusing } from "./failures.ts";
import type { Gate, Granted } from "./gate.ts";
import type { Share } from "./permits.ts";
import { putWhole } from "./single_put.ts";

/** LIMIT: descriptors that a permit stands for: as many as a single file may have open. */
const PERMIT_DESCRIPTORS = 5;

/** A file that the client may send, and its place among all. */
interface Asked {
  readonly put: SmallPut;
  readonly granted: Granted;
  readonly index: number;
}

/**
 * One request of one client; the caller has a turn and a permit.
 *
 * Nothing is decided here: a file that is refused, or that anything is in the way of, goes the way of a
 * single one afterwards, in its place among those like it.
 */
export class PutMany {
  readonly #client: Client;
  readonly #gate: Gate;
  readonly #puts: readonly SmallPut[];
  readonly #outcomes: (Outcome | undefined)[];

  constructor(client: Client, gate: Gate, puts: readonly SmallPut[]) {
    this.#client = client;
    this.#gate = gate;
    this.#puts = puts;
    this.#outcomes = new Array<Outcome | undefined>(puts.length).fill(undefined);
  }

  async answer(): Promise<readonly Outcome[]> {
    const asked = this.#asked();
    if (areApart(this.#client.configured, asked)) {
      for (let from = 0; from < asked.length;) from += await this.#some(asked, from);
    }
    const outcomes = this.#outcomes;
    const endMs = performance.now() + this.#gate.lockWaitMs;
    for (let n = 0; n < outcomes.length; n++) {
      // Together they wait for others as long as one.
      const lockWaitMs = Math.max(1, endMs - performance.now());
      outcomes[n] ??= await putWhole(this.#client, this.#gate, { ...this.#puts[n]!, lockWaitMs });
    }
    return outcomes as readonly Outcome[];
  }

  #asked(): Asked[] {
    const { maxFileBytes = Infinity } = this.#client.options;
    const asked: Asked[] = [];
    for (let index = 0; index < this.#puts.length; index++) {
      const put = this.#puts[index]!, granted = this.#gate.judge(put);
      if ("name" in granted && put.content.length <= maxFileBytes) {
        asked.push({ put, granted, index });
      }
    }
    return asked;
  }

  /**
   * As many as there are permits for their descriptors: one for each file, and one for each directory.
   * @returns how many these are
   */
  async #some(asked: readonly Asked[], from: number): Promise<number> {
    const wanted = descriptors(asked, { from, most: Infinity }).needed;
    using more = takeMore(this.#client.options.puts, Math.ceil(wanted / PERMIT_DESCRIPTORS) - 1);
    const most = (1 + more.count) * PERMIT_DESCRIPTORS;
    const { count } = descriptors(asked, { from, most });
    const some = asked.slice(from, from + count);
    const failure = await refusing(this.#client.options.reporter, () => this.#putFree(some));
    // Whether they are there is not known: nobody tries again.
    if (failure !== undefined) { for (const { index } of some) this.#outcomes[index] ??= failure; }
    return count;
  }

  async #putFree(some: readonly Asked[]): Promise<Refusal | undefined> {
    const { held, free } = await this.#gate.holdFree(some.map(({ granted }) => granted));
    using _held = held;
    if (free.length === 0) return undefined;
    const files = free.map((at) => {
      const { granted: { name }, put: { want: { meta }, content } } = some[at]!;
      this.#client.signed.forget(name);
      return { at, meta, content };
    });
    const applied = await held.putAll(files);
    for (let n = 0; n < applied.length; n++) {
      const { granted, index } = some[free[n]!]!, { outcome, changed } = applied[n]!;
      // Of two names of one object the batch itself has touched the second one: it is looked at anew.
      if (outcome.kind === "conflict" && !changed) continue;
      this.#outcomes[index] = this.#gate.tell(granted, applied[n]!);
    }
    return undefined;
  }
}

/** How many files there is room for, and how many descriptors these have open. */
function descriptors(
  asked: readonly Asked[],
  { from, most }: { readonly from: number; readonly most: number },
): { count: number; needed: number } {
  const dirs = new Set<DbName | undefined>();
  let needed = 0, count = 0;
  for (; from + count < asked.length; count++) {
    dirs.add(parent(asked[from + count]!.granted.name));
    if (count > 0 && count + 1 + dirs.size > most) break;
    needed = count + 1 + dirs.size;
  }
  return { count, needed };
}

function takeMore(puts: Share | undefined, most: number): { count: number } & Disposable {
  return puts?.takeMore(most) ?? { count: Infinity, [Symbol.dispose]: () => {} };
}

/** Whether no two of them are on one path, or one above the other: these would have to keep their order. */
function areApart(config: Config, asked: readonly Asked[]): boolean {
  const paths = asked.map(({ granted: { name } }) => `${resolveName(config, name)!}/`).sort();
  // What begins like a path comes directly behind it.
  return paths.every((path, n) => n === 0 || !path.startsWith(paths[n - 1]!));
}
