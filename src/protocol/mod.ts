/** The two dialects behind two ports. Imports: model, net. @module */
export type { DeltaSource, ListedRow, LookResult, Peer, ThereView } from "./peer.ts";
export type { Addressed, Change, LookReply, PutSession, RequestHandler } from "./request.ts";
