/** What the state says about one name, asked together with what others ask in the same turn. */
import type { DbName, FileRecord } from "../model/mod.ts";
import type { StateStore } from "../state/mod.ts";

/** Of one name. */
export interface NameFacts {
  readonly record: FileRecord | undefined;
  /** Whether any peer has a mark for it. */
  readonly isDirty: boolean;
}

/** Names that are asked about together. */
interface Question {
  readonly names: DbName[];
  readonly answer: Promise<(name: DbName) => NameFacts>;
}

/**
 * PERF: requests of one read from the connection come here in the same turn; two questions for all of
 * them cost a third of two for each.
 */
export class JoinedReads {
  readonly #state: Pick<StateStore, "recordsOf" | "dirtyAmong">;
  #next: Question | undefined;

  constructor(state: Pick<StateStore, "recordsOf" | "dirtyAmong">) {
    this.#state = state;
  }

  /** As the state is when, or after, this is called. @throws StateError */
  async of(name: DbName): Promise<NameFacts> {
    const question = this.#next ??= this.#begin();
    question.names.push(name);
    return (await question.answer)(name);
  }

  #begin(): Question {
    const names: DbName[] = [];
    return { names, answer: this.#ask(names) };
  }

  async #ask(names: readonly DbName[]): Promise<(name: DbName) => NameFacts> {
    await undefined; // whoever asks in this turn is in
    this.#next = undefined;
    const records = await this.#state.recordsOf(names);
    const marks = await this.#state.dirtyAmong(names);
    return (name) => ({ record: records.get(name), isDirty: marks.has(name) });
  }
}
