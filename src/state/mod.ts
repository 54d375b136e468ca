/** What this host knows and owes: records, marks, hints, actions, pins, intents. Imports: model. @module */
export { type KnownDialect, knownDialect, rememberDialect } from "./dialects.ts";
export {
  type KeptPartial,
  type KeptPartials,
  keptPartials,
  partialsText,
  rememberPartials,
} from "./kept_partials.ts";
export { listed, type ListedOptions, type ListedRecord } from "./listed.ts";
export { MemoryStore } from "./memory.ts";
export { openState, type OpenStateOptions } from "./open.ts";
export { StateError, type StateErrorCode } from "./state_error.ts";
export type { Told } from "../model/mod.ts";
export { forgetOutdated, outdatedTold, rememberTold, supersedeTold, told } from "./told.ts";
export { notePushes, type Push, unseenPushes } from "./unseen_pushes.ts";
export type { DirtyNames, NameRange, StateStore, StateTx } from "./store.ts";
