/** Unsafe memory and errno in one place. Imports: model. @module */
export { OsError } from "./errno.ts";
