/**
 * Local truth into records and marks; never needs the network. Imports: model, report, config,
 * reconcile, fs, state, actions. @module
 */
export type { CheckCounts } from "./batch.ts";
export { check, type CheckOptions, warnUseless } from "./check.ts";
export { checkOne, type CheckOneContext, isAsRecorded, type KnownOfName } from "./check_one.ts";
export type { CheckContext, Locks } from "./context.ts";
export { listCompared, type ListComparedOptions } from "./list_compared.ts";
export {
  addHints,
  type ForceOptions,
  forcePaths,
  type HintOptions,
  type MarkOptions,
  markPaths,
} from "./mark.ts";
export type { CheckTarget } from "./spaces.ts";
export { tidy, type TidyOptions } from "./tidy.ts";
