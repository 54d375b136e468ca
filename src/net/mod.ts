/** Bytes, TLS and deadlines, without one word of csync2. Imports: model, os. @module */
export { familyOf, isLoopback, normalAddress, sameAddress } from "./address.ts";
export { type CertificateOptions, type Identity, makeCertificate } from "./certificate.ts";
export type { Duplex, PeerAddress } from "./duplex.ts";
export { NetError, type NetFault } from "./error.ts";
export {
  ensureIdentity,
  type EnsureIdentityOptions,
  namingIdentityFiles,
  readIdentity,
} from "./identity.ts";
export { IDLE_MS } from "./link_duplex.ts";
export {
  inheritedListener,
  listen,
  type Listener,
  listenOn,
  type ListenOnOptions,
  type ListenOptions,
} from "./listener.ts";
export { duplexPair, type DuplexPairOptions } from "./memory.ts";
export { type OwnAddressOptions, ownAddressTest } from "./own_address.ts";
export {
  LOOKUPS_AT_ONCE,
  namesOfHostsFile,
  portNumber,
  resolve,
  type ResolveOptions,
} from "./resolve.ts";
export { stdioDuplex, type StdioOptions } from "./stdio.ts";
export { connect, type ConnectOptions } from "./tcp.ts";
export { prepareTls, upgrade, type UpgradeOptions } from "./tls.ts";
