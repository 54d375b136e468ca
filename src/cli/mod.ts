/** The composition root: arguments, assembly, modes, exit codes. Imports: everything. @module */
export { argumentBytes } from "./argv.ts";
export type { Host } from "./host.ts";
export { main } from "./main.ts";
export { LineWriter } from "./output.ts";
export { fatalLine } from "./reporting.ts";
