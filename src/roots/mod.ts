/**
 * Whether what is absent was removed, or its disk is missing. Imports: model, report, config, reconcile,
 * fs, state. @module
 */
export { RootGuard, type RootGuardOptions } from "./root_guard.ts";
export type { RootFault } from "./fault.ts";
export {
  recordCovered,
  recordMissing,
  recordRemoved,
  sight,
  type Sighting,
  sightRoots,
} from "./record_roots.ts";
export * as say from "./messages.ts";
