/** Words that several folders share. Imports nothing. @module */
export * from "./brand.ts";
export * from "./budget.ts";
export * from "./bytes.ts";
export * from "./change.ts";
export * from "./check_text.ts";
export * from "./directory_place.ts";
export * from "./entry.ts";
export * from "./errors.ts";
export * from "./outcome.ts";
export * from "./path.ts";
export * from "./percent.ts";
export * from "./pin_fingerprint.ts";
export * from "./records.ts";
export * from "./stored_text.ts";
export * from "./stream.ts";
export * from "./time.ts";
