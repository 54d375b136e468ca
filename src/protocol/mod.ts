/** The two dialects behind two ports. Imports: model, net. @module */
export { type ClientTls, connectPeer, type ConnectPeerOptions, type Trusted } from "./connect.ts";
export {
  serveConnection,
  type ServeConnectionOptions,
  type ServeLimits,
  type ServerTls,
} from "./accept.ts";
export type { ClientLimits } from "./classic/client.ts";
export type { TimeUnit } from "./classic/flavour.ts";
export type {
  BulkPeer,
  KeyedIdentity,
  KeyProofs,
  Offer,
  OfferAnswer,
  SmallPut,
  WantedCopy,
} from "./bulk.ts";
export type { KnownFlavours } from "./classic/server.ts";
export type { Trace } from "./classic/wire.ts";
export { matchKeys, proveKeys } from "./fast/keys.ts";
export { ProtocolError, type ProtocolErrorKind } from "./protocol_error.ts";
export type {
  DeltaSource,
  ListedRow,
  LookResult,
  Peer,
  PutOptions,
  ThereView,
  WholeContent,
} from "./peer.ts";
export {
  areBounds,
  BOUND_MAX_BYTES,
  type BoundsOf,
  type ListingOf,
  type RangeHandler,
  type RangePeer,
  RANGES_MAX,
  type RangeSum,
} from "./ranges.ts";
export type {
  Addressed,
  BulkHandler,
  Change,
  LookReply,
  Offered,
  PutSession,
  RequestHandler,
} from "./request.ts";
