/** Text in, tables out. Imports: model. @module */
export type { ActionRule, AutoMethod, Config, Group, PeerHost, Prefix } from "./config.ts";
export type { Pattern } from "./pattern.ts";
