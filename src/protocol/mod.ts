/** The two dialects behind two ports. Imports: model, net. @module */
export { type ClientTls, connectPeer, type ConnectPeerOptions } from "./connect.ts";
export {
  serveConnection,
  type ServeConnectionOptions,
  type ServeLimits,
  type ServerTls,
} from "./accept.ts";
export type { ClientLimits } from "./classic/client.ts";
export type { TimeUnit } from "./classic/flavour.ts";
export type { KnownFlavours } from "./classic/server.ts";
export type { Trace } from "./classic/wire.ts";
export { ProtocolError, type ProtocolErrorKind } from "./protocol_error.ts";
export type { DeltaSource, ListedRow, LookResult, Peer, PutOptions, ThereView } from "./peer.ts";
export type { Addressed, Change, LookReply, PutSession, RequestHandler } from "./request.ts";
