/** The jail: the only way to a file. Imports: model, os. @module */
export type {
  DirHandle,
  Jail,
  ReadJail,
  SourceFile,
  TempFile,
  WalkClass,
  WalkOptions,
  WalkStep,
} from "./ports.ts";
