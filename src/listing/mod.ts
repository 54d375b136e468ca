/** Tables of the state for people; reads only. Imports: model, report, config, state. @module */
export {
  type ConfiguredListing,
  listDirty,
  listFiles,
  listHints,
  type ListingContext,
  listPair,
  type PairListing,
} from "./listing.ts";
