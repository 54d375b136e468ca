/** Configuration, state and what belongs to them, shared by the connections that name them. */
import { ActionRunner, type RunActionsOptions } from "../actions/mod.ts";
import { Applier, type Durability } from "../apply/mod.ts";
import { type Config, locate } from "../config/mod.ts";
import type { Jail, PathLocks } from "../fs/mod.ts";
import type { Reporter } from "../report/mod.ts";
import type { StateStore } from "../state/mod.ts";
import { JoinedReads } from "./joined_reads.ts";
import * as say from "./messages.ts";
import { RootWatch } from "./root_watch.ts";

/** What the composition root opens for one configuration name. Disposing closes the state. */
export interface ServeContext extends AsyncDisposable {
  readonly config: Config;
  readonly state: StateStore;
  readonly jail: Jail;
  /** One for the whole process. */
  readonly locks: PathLocks;
  /** Whether the files that it was made from are still the same; asked once per connection. */
  isCurrent(): boolean;
}

export interface ContextsOptions {
  /** @throws CsyncError when there is no such configuration, or its state cannot be opened */
  readonly open: (configName: string) => Promise<ServeContext>;
  readonly reporter: Reporter;
  /** @default {"full"} */
  readonly durability?: Durability;
  /** Owner of new files: that of this process. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** `--create-parents`: directories above what peers send that they cannot send. @default {false} */
  readonly createsParents?: boolean;
  /** See RepairOptions: 0 when no other process can be at work on the same state. @default {0} */
  readonly staleAfterMs?: number;
  readonly actions?: Pick<
    RunActionsOptions,
    "timeLimitMs" | "environment" | "stop" | "stopGraceMs"
  >;
}

/** An open context and its workers. */
export class Workplace {
  readonly config: Config;
  readonly state: StateStore;
  readonly reads: JoinedReads;
  readonly jail: Jail;
  readonly locks: PathLocks;
  readonly applier: Applier;
  readonly runner: ActionRunner;
  readonly roots: RootWatch;
  readonly createsParents: boolean;
  readonly #context: ServeContext;
  #leases = 0;
  #isRetired = false;

  constructor(
    context: ServeContext,
    { reporter, durability, owner, actions, createsParents = false }: ContextsOptions,
  ) {
    const { config, state, jail, locks } = context;
    this.#context = context;
    this.config = config;
    this.state = state;
    this.reads = new JoinedReads(state);
    this.jail = jail;
    this.locks = locks;
    this.applier = new Applier({
      jail,
      state,
      locks,
      ignored: config.ignored,
      ...(durability !== undefined && { durability }),
      ...(owner !== undefined && { owner }),
    });
    this.runner = new ActionRunner({ config, state, reporter, ...actions });
    this.roots = new RootWatch({ config, state, jail, reporter });
    this.createsParents = createsParents;
  }

  get isUsable(): boolean {
    return !this.#isRetired && this.#context.isCurrent();
  }

  /** Once a day. */
  async tidy(): Promise<void> {
    await this.applier.tidy((name) => locate(this.config, name));
  }

  lease(): void {
    this.#leases++;
  }

  /** The last one out closes a retired context. */
  async release(): Promise<void> {
    if (--this.#leases === 0 && this.#isRetired) await this.#context[Symbol.asyncDispose]();
  }

  async retire(): Promise<void> {
    if (this.#isRetired) return;
    this.#isRetired = true;
    if (this.#leases === 0) await this.#context[Symbol.asyncDispose]();
  }
}

/** Opens each context once, and again when its files have changed. */
export class Contexts implements AsyncDisposable {
  readonly #options: ContextsOptions;
  readonly #open = new Map<string, Promise<Workplace>>();

  constructor(options: ContextsOptions) {
    this.#options = options;
  }

  /** A workplace to be given back with `release`. @throws what `open` throws */
  async lease(configName: string): Promise<Workplace> {
    while (true) {
      const pending = this.#open.get(configName) ?? this.#start(configName);
      const place = await pending;
      if (place.isUsable) {
        place.lease();
        await place.tidy();
        return place;
      }
      if (this.#open.get(configName) === pending) this.#open.delete(configName);
      await place.retire();
    }
  }

  #start(configName: string): Promise<Workplace> {
    const pending = this.#prepare(configName);
    this.#open.set(configName, pending);
    pending.catch(() => {
      if (this.#open.get(configName) === pending) this.#open.delete(configName);
    });
    return pending;
  }

  /** Interrupted changes are settled before the first new one. */
  async #prepare(configName: string): Promise<Workplace> {
    const { open, reporter, staleAfterMs = 0 } = this.#options;
    const context = await open(configName);
    try {
      const place = new Workplace(context, this.#options);
      const repaired = await place.applier.repairIntents({
        locate: (name) => locate(context.config, name),
        staleAfterMs,
      });
      await place.tidy();
      if (repaired.completed + repaired.discarded > 0) reporter.note(say.repaired(repaired));
      return place;
    } catch (error) {
      await context[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#open.values()];
    this.#open.clear();
    for (const pending of all) {
      const place = await pending.catch(() => undefined);
      await place?.retire();
    }
  }
}
