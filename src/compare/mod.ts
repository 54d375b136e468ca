/**
 * Comparison with peers, reading only. Imports: model, report, config, delta, reconcile, fs, state,
 * protocol. @module
 */
export { compare, type CompareOptions } from "./compare.ts";
export type { MarkOptions as CompareMarkOptions } from "./marker.ts";
