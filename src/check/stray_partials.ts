/**
 * What a broken transfer has left may have moved with the directory that it is in. A walk that comes to it
 * corrects the note: so it serves the file of its new place, goes with that directory, and goes by its age.
 */
import { type DbName, join, leaf, type Located, type Name, parent } from "../model/mod.ts";
import { type KeptPartial, keptPartials, rememberPartials } from "../state/mod.ts";
import { type CheckContext, isSystemError } from "./context.ts";

/** LIMIT: of one check. */
const FOUND_MAX = 1_000;

type Locate = (name: DbName) => Located | undefined;

export class StrayPartials {
  readonly #context: Pick<CheckContext, "jail" | "state">;
  readonly #byTemp: ReadonlyMap<string, KeptPartial>;
  readonly #found: DbName[] = [];

  private constructor(context: Pick<CheckContext, "jail" | "state">, kept: Iterable<KeptPartial>) {
    this.#context = context;
    this.#byTemp = new Map(Array.from(kept, (one) => [one.temp, one]));
  }

  /** Undefined when nothing is kept. @throws StateError */
  static async of(context: Pick<CheckContext, "jail" | "state">) {
    const kept = await keptPartials(context.state);
    return kept.size === 0 ? undefined : new StrayPartials(context, kept.values());
  }

  /** A temporary name that the walk came to. */
  saw(name: DbName): void {
    const isKept = this.#byTemp.has(leaf(name));
    if (isKept && this.#found.length < FOUND_MAX) this.#found.push(name);
  }

  /** Notes where they are now. @throws StateError */
  async settle(locate: Locate): Promise<void> {
    const moved = this.#found.flatMap((now) => this.#movedTo(now, locate) ?? []);
    if (moved.length === 0) return;
    await this.#context.state.transaction(async (tx) => {
      const kept = await keptPartials(tx);
      for (const { from, to } of moved) {
        const one = kept.get(from.name);
        if (one === undefined || one.temp !== from.temp || kept.has(to)) continue;
        kept.delete(from.name);
        kept.set(to, { ...one, name: to });
      }
      await rememberPartials(tx, kept);
    });
  }

  /** Only the very file that was kept, where it was not: a copy of it is not ours. */
  #movedTo(now: DbName, locate: Locate): { from: KeptPartial; to: DbName } | undefined {
    const from = this.#byTemp.get(leaf(now))!, dir = parent(now);
    const before = parent(from.name), at = locate(now);
    if (dir === undefined || before === undefined || at === undefined || dir === before) return;
    const old = locate(join(before, from.temp));
    try {
      const { jail } = this.#context;
      const { entry, fingerprint } = jail.lookClosely(at);
      if (entry.kind !== "reg" || from.ino === undefined || fingerprint?.ino !== from.ino) return;
      if (old !== undefined && jail.look(old).kind !== "absent") return;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return;
    }
    return { from, to: join(dir, leaf(from.name) as Name) };
  }
}
