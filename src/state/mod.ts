/** What this host knows and owes: records, marks, hints, actions, pins, intents. Imports: model. @module */
export type { NameRange, StateStore, StateTx } from "./store.ts";
