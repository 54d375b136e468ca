/** Unsafe memory and errno in one place. Imports: model. @module */
export {
  cloneAll,
  copyRange,
  nextData,
  punchHole,
  readAt,
  readSome,
  seekStart,
  skip,
  truncate,
  writeAll,
} from "./content.ts";
export {
  list,
  type ListedKind,
  makeDirectory,
  makeLink,
  makeNode,
  makeSymlink,
  openAt,
  openAt2,
  type OpenOptions,
  type Place,
  removeDirectory,
  rename,
  unlink,
} from "./directory.ts";
export { ERRNO, type ErrnoName, errnoText, errorNamed, OsError } from "./errno.ts";
export { Fd } from "./fd.ts";
export * from "./flags.ts";
export {
  type DiskRoom,
  diskRoom,
  type Owner,
  setModeHeld,
  setModeOf,
  setOwnerHeld,
  setOwnerOf,
  setTimeHeld,
  setTimeOf,
  sync,
  syncAside,
  syncFileSystem,
  syncFileSystemAside,
} from "./metadata.ts";
export { keepFreedMemory } from "./memory.ts";
export { type MountNumbers, mountNumbers, placeOf } from "./mount.ts";
export {
  checkDescriptor,
  closeOnExec,
  commandLine,
  currentDirectory,
  descriptorKind,
  hostName,
  isSameObject,
  type PeerAddress,
  peerAddress,
  signalGroup,
  tryLock,
  unlock,
} from "./process.ts";
export { takeStandard } from "./socket.ts";
export {
  type CloseLook,
  closeLookAt,
  closeLookOf,
  entryAt,
  entryOf,
  isStill,
  linksOf,
  readLink,
} from "./stat.ts";
export { SystemLog } from "./syslog.ts";
