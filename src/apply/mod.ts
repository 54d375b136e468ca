/** The only code that changes user files. Imports: model, fs, state. @module */
export { Applier, type ApplierOptions, BUSY, Held } from "./apply.ts";
export type { HeldMany, SmallFile } from "./held_many.ts";
export type { Repaired, RepairOptions } from "./intents.ts";
export { refusalOf } from "./steps.ts";
export type { Durability } from "./durable.ts";
export { FilePut } from "./put_file.ts";
export type { Applied, BackupPlace, Target } from "./target.ts";
