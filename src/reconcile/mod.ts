/** Decisions of a run as pure functions. Imports: model, config. @module */
export { type Admission, admit, type AdmitFacts } from "./admit.ts";
export { Alike, type FileSketch } from "./alike.ts";
export { type CheckStep, checkStep, type CheckStepOptions } from "./check_step.ts";
export {
  conflict,
  type ConflictFacts,
  type ConflictTest,
  type PeerFact,
  type Verdict,
} from "./conflict.ts";
export {
  deletionGuard,
  mostRemovals,
  parseRemovalLimit,
  type RemovalLimit,
  removalLimitText,
} from "./deletion_guard.ts";
export { listingDiff, type ListingDifference, type ListingRow } from "./listing_diff.ts";
export { type MarkOptions, marksFor } from "./marks.ts";
export { namesOf, pairGroups, type PairGroupsOptions } from "./pair_groups.ts";
export { type PlannedRow, pushOrder } from "./push_order.ts";
export { type PushFacts, type PushStep, pushStep, type ThereFacts } from "./push_step.ts";
export { digestRanges, NO_ROWS, type RangeDigest, RangeHasher } from "./range_digest.ts";
export { isSameObject, type SameObjectFacts } from "./same_object.ts";
export { type PlaceVerdict, samePlace } from "./same_place.ts";
