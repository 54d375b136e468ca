/** Bytes, TLS and deadlines, without one word of csync2. Imports: model, os. @module */
export type { Duplex, PeerAddress } from "./duplex.ts";
