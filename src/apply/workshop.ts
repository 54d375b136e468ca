/** What the steps of all changes share. */
import type { Ignored, Nanos } from "../model/mod.ts";
import type { Jail } from "../fs/mod.ts";
import type { StateStore } from "../state/mod.ts";
import type { Makes } from "./dress.ts";
import type { Durable } from "./durable.ts";
import type { Partials } from "./partials.ts";

/** Where changes are made, and how. */
export interface Workshop extends Makes {
  readonly jail: Jail;
  readonly state: StateStore;
  readonly ignored: Ignored;
  readonly durable: Durable;
  readonly partials: Partials;
  readonly now: () => Nanos;
}
