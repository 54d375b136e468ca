/**
 * Pushes marks to the peers; changes no user file. Imports: model, report, config, delta, reconcile,
 * fs, state, protocol. @module
 */
export { type Connection, type Dial, dialer, type DialOptions } from "./dial.ts";
export type { UpdateTarget } from "./selection.ts";
export { update, type UpdateOptions } from "./update.ts";
