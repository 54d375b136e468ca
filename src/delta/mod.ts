/** rsync mathematics: librsync signatures and deltas, byte by byte. Imports: model. @module */
export { type Content, contentOf } from "./content.ts";
export { contentDigest, type ContentDigestOptions } from "./content_digest.ts";
export { delta, deltaFor, type DeltaOptions, deltaSize, literalDelta } from "./delta_format.ts";
export { DeltaError, type DeltaErrorCode } from "./delta_error.ts";
export { type DeltaCommand, DeltaParser } from "./delta_parser.ts";
export type { SignatureParams, StrongKind, WeakKind } from "./kernel.ts";
export { literalRuns, match, type MatchOptions } from "./match.ts";
export { drain, patch, type PatchOptions } from "./patch.ts";
export { type Copy, Runs } from "./runs.ts";
export { sameContentAs, type SameContentOptions } from "./same_content.ts";
export {
  CSYNC2_PARAMS,
  signature,
  signatureOfNothing,
  signatureOfStream,
  type SignatureOptions,
  signatureSize,
  sizedParams,
  sizedSignature,
} from "./signature.ts";
export { openSignature, type SignatureInput, type SignatureLimits } from "./signature_input.ts";
