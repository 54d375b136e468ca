/**
 * What was pushed before any check has seen it, and has gone since: there is no record that would miss it,
 * and the peer has it. It counts as a removal like any other.
 */
import type { DbName, Located } from "../model/mod.ts";
import { notePushes, type Push, unseenPushes } from "../state/mod.ts";
import { type CheckContext, isSystemError } from "./context.ts";
import type { Pass } from "./join.ts";

export class Unseen {
  readonly #context: CheckContext;
  readonly #pushes: readonly Push[];
  /** Those that a target of this check answers for. */
  readonly #asked = new Set<DbName>();

  private constructor(context: CheckContext, pushes: readonly Push[]) {
    this.#context = context;
    this.#pushes = pushes;
  }

  /** Undefined when nothing of that kind is known. @throws StateError */
  static async of(context: CheckContext): Promise<Unseen | undefined> {
    const pushes = await unseenPushes(context.state);
    return pushes.length === 0 ? undefined : new Unseen(context, pushes);
  }

  /** Behind the walk of a target: what has gone is found. */
  async find(pass: Pass, isCovered: (name: DbName) => boolean): Promise<void> {
    const names = new Set(this.#pushes.map(({ name }) => name));
    const asked = [...names].filter((name) => isCovered(name) && !this.#asked.has(name));
    const records = await this.#context.state.recordsOf(asked);
    for (const name of asked) {
      this.#asked.add(name);
      const at = pass.locate(name);
      if (records.has(name) || at === undefined) continue;
      if (pass.classify(name) === 0 || pass.mounts.isClosed(name)) continue;
      if (this.#isAbsent(at)) pass.batch.add({ do: "remove", name, at, isUnseen: true });
    }
  }

  /** When all is written: what is recorded or marked now needs nobody to remember it. @throws StateError */
  async settle(): Promise<void> {
    const { state, init = false } = this.#context;
    const pushes = this.#pushes.filter(({ name }) => this.#asked.has(name)),
      names = [...this.#asked];
    if (names.length === 0) return;
    await state.transaction(async (tx) => {
      const records = await tx.recordsOf(names), dirty = await tx.dirtyAmong(names);
      const isMarked = ({ name, peer }: Push) =>
        dirty.get(name)?.some((one) => one === peer) === true;
      const done = pushes.filter((push) => init || records.has(push.name) || isMarked(push));
      await notePushes(tx, { done });
    });
  }

  /** Whatever cannot be examined is left for the next check; the walk has told of it. */
  #isAbsent(at: Located): boolean {
    try {
      return this.#context.jail.look(at).kind === "absent";
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return false;
    }
  }
}
