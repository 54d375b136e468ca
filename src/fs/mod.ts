/** The jail: the only way to a file. Imports: model, os. @module */
export type {
  DirHandle,
  HeldObject,
  Jail,
  ReadJail,
  SmallFile,
  SourceFile,
  TempFile,
  WalkClass,
  WalkOptions,
  WalkStep,
} from "./ports.ts";
export { canonical, type CanonicalOptions } from "./canonical.ts";
export { type JailOptions, openJail, openReadJail } from "./jail.ts";
export { type LockOptions, PathLocks, type TakenLocks } from "./path_locks.ts";
export { isWithinTick, tickIsOver } from "./tick.ts";
export { isTempName } from "./temp_name.ts";
