/** `-TI`: marks for what a comparison found. */
import type { Config } from "../config/mod.ts";
import type { DbName, ScheduledAction } from "../model/mod.ts";
import { marksFor } from "../reconcile/mod.ts";
import type { Reporter } from "../report/mod.ts";
import type { StateStore } from "../state/mod.ts";
import * as say from "./messages.ts";

export interface MarkOptions {
  /** `-X`: what only the peer has too, which removes it there. @default {false} */
  readonly removals?: boolean;
  /** `-U`: only for the peer of the pair, not for all peers of the name. @default {false} */
  readonly onlyThisPeer?: boolean;
  /** `-F`. @default {false} */
  readonly forced?: boolean;
  /** Local actions of a name. */
  readonly actionsFor?: (name: DbName) => readonly ScheduledAction[];
}

/** A name that differs. */
export interface Found {
  readonly kind: "L" | "R" | "X";
  readonly name: DbName;
}

export interface MarkerOptions extends MarkOptions {
  readonly config: Config;
  readonly state: StateStore;
  readonly reporter: Reporter;
  readonly pair: say.Pair;
}

/** Names per transaction. */
const MARK_BATCH_NAMES = 1_000;

/** Collects names and marks them, some at a time, and the rest when it is disposed. */
export class Marker implements AsyncDisposable {
  #names: DbName[] = [];

  constructor(private readonly options: MarkerOptions) {}

  async add(found: readonly Found[]): Promise<void> {
    for (const { kind, name } of found) {
      if (kind === "R" && this.options.removals !== true) continue;
      this.#names.push(name);
      if (this.#names.length >= MARK_BATCH_NAMES) await this.#flush();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flush();
  }

  async #flush(): Promise<void> {
    const names = this.#names;
    this.#names = [];
    if (names.length === 0) return;
    const { config, state, reporter, pair, forced = false, onlyThisPeer = false } = this.options;
    const marks = names.flatMap((name) =>
      marksFor(config, name, { forced }).filter((m) => !onlyThisPeer || m.peer === pair.peer)
    );
    const actions = names.flatMap((name) => this.options.actionsFor?.(name) ?? []);
    await state.transaction(async (tx) => {
      await tx.mark(marks);
      await tx.schedule(actions);
    });
    for (const name of names) reporter.note(say.marked(name));
  }
}
