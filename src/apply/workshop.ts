/** What the steps of all changes share. */
import type { Ignored, Nanos } from "../model/mod.ts";
import type { Jail } from "../fs/mod.ts";
import type { StateStore } from "../state/mod.ts";
import type { Durable } from "./durable.ts";
import type { Partials } from "./partials.ts";

/** Where changes are made, and how. */
export interface Workshop {
  readonly jail: Jail;
  readonly state: StateStore;
  readonly ignored: Ignored;
  readonly durable: Durable;
  readonly partials: Partials;
  /** Owner that new objects get by themselves; only a guess that saves a transaction when right. */
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly now: () => Nanos;
}
