/**
 * Names that are marked here and have equal records on both sides: two hosts changed them at the same
 * time, to the same length, and neither took the other's. `-T` looks at the objects themselves.
 */
import { type Config, inPair, keyFor, locate } from "../config/mod.ts";
import { contentDigest, DeltaError, sameContentAs } from "../delta/mod.ts";
import type { ReadJail, SourceFile } from "../fs/mod.ts";
import {
  checkText,
  CsyncError,
  type DbName,
  type Entry,
  fromBytes,
  sameCheckText,
} from "../model/mod.ts";
import type { Peer, ThereView } from "../protocol/mod.ts";
import type { StateStore } from "../state/mod.ts";
import type { Pair } from "./messages.ts";

/** LIMIT: names that are looked at; with more marks than that a comparison says little anyway. */
const MAX_NAMES = 10_000;

/** LIMIT: looks under way, each with an open file. */
const MAX_LOOKS = 64;

export interface MarkedNamesOptions {
  readonly config: Config;
  readonly state: StateStore;
  readonly jail: ReadJail;
  readonly pair: Pair;
  readonly only: DbName | undefined;
}

export class MarkedNames {
  readonly #options: MarkedNamesOptions;
  readonly #names: Set<DbName>;

  private constructor(options: MarkedNamesOptions, names: Set<DbName>) {
    this.#options = options;
    this.#names = names;
  }

  /** Marked for whomever: the peer of the pair may have got another host's version. */
  static async of(options: MarkedNamesOptions): Promise<MarkedNames> {
    const { config, state, pair, only } = options;
    const names = new Set<DbName>();
    const filter = only === undefined ? {} : { range: { name: only, below: false } };
    for await (const rows of state.dirtyRows(filter)) {
      for (const { name } of rows) {
        if (inPair(config, name, pair.myName, pair.peer)) names.add(name);
      }
      if (names.size >= MAX_NAMES) break;
    }
    return new MarkedNames(options, names);
  }

  /** These are known to differ. */
  without(names: readonly { readonly name: DbName }[]): void {
    for (const { name } of names) this.#names.delete(name);
  }

  /** Those of the others that differ, in order. @throws NetError, ProtocolError */
  async *differing(peer: Peer): AsyncGenerator<readonly { kind: "X"; name: DbName }[]> {
    const most = Math.min(peer.window, MAX_LOOKS), waiting: Looked[] = [];
    try {
      for (const name of this.#names) {
        if (waiting.length >= most) yield* told(waiting.shift()!);
        const differs = this.#differs(peer, name);
        differs.catch(() => {}); // awaited in its turn
        waiting.push({ name, differs });
      }
      for (const looked of waiting) yield* told(looked);
    } finally {
      await Promise.allSettled(waiting.map(({ differs }) => differs));
    }
  }

  async #differs(peer: Peer, name: DbName): Promise<boolean> {
    const { config, state, jail, pair } = this.#options;
    const key = keyFor(config, name, pair.peer), at = locate(config, name);
    if (key === undefined || at === undefined) return false;
    if (await state.record(name) === undefined) return false; // both lists lack it
    try {
      const here = jail.look(at);
      using source = here.kind === "reg" ? jail.open(at) : undefined;
      const answer = await peer.look(key, name, async (there) => {
        if (here.kind === "absent" || !this.#isSameText(here, there)) return true;
        return source !== undefined && !await isSame(source, there);
      });
      if (answer.kind === "there") return answer.judged;
      return answer.kind === "absent" && here.kind !== "absent";
    } catch (error) {
      if (error instanceof CsyncError && error.code.startsWith("os/")) return false;
      throw error;
    }
  }

  #isSameText(here: Exclude<Entry, { kind: "absent" }>, there: ThereView): boolean {
    const { ignored } = this.#options.config;
    return sameCheckText(checkText(here, { time: "zero", ignored }), there.checkText);
  }
}

interface Looked {
  readonly name: DbName;
  readonly differs: Promise<boolean>;
}

async function* told({ name, differs }: Looked) {
  if (await differs) yield [{ kind: "X", name } as const];
}

/** By digest where the dialect has it. What the peer cannot read is not known to differ, as ever. */
async function isSame(source: SourceFile, { digest, signature }: ThereView): Promise<boolean> {
  if (digest !== undefined) {
    const [theirs, ours] = await Promise.all([digest(), contentDigest(source)]);
    if (theirs === undefined) return true;
    return ours !== undefined && fromBytes(theirs) === fromBytes(ours);
  }
  try {
    return await sameContentAs(signature, source);
  } catch (error) {
    if (error instanceof DeltaError) return false;
    throw error;
  }
}
