/** Text in, tables out. Imports: model. @module */
export { lowerCaseHost, type OnNote } from "./build.ts";
export {
  actionMatches,
  classifier,
  classify,
  type ClassifyOptions,
  type CompareOptions,
  groupMatches,
  isUselessArgument,
  matchingGroups,
  type NameClass,
} from "./classify.ts";
export type { ActionRule, AutoMethod, Config, Group, PeerHost, Prefix } from "./config.ts";
export { ConfigError } from "./config_error.ts";
export {
  grant,
  type GrantQuestion,
  inPair,
  isNosslPair,
  keyFor,
  keysWith,
  type Pair,
  pairKeys,
  pairs,
  peersOf,
} from "./grants.ts";
export {
  configFile,
  KEY_ALPHABET,
  KEY_MAX_BYTES,
  KEY_MIN_BYTES,
  loadConfig,
  type LoadOptions,
  loadSuspicions,
  readKeyFile,
} from "./load.ts";
export {
  chooseOwnHost,
  type Finding,
  type NamedHost,
  nobodyChosen,
  NotAMember,
  type TriedHost,
} from "./own_host.ts";
export { parseConfig, type ParseConfigOptions } from "./parse_config.ts";
export type { Pattern } from "./pattern.ts";
export {
  encodePath,
  locate,
  namesFor,
  prefixesBelow,
  type ReachablePrefix,
  resolveName,
} from "./prefix.ts";
export { includeRoots, rootsOver } from "./roots.ts";
export { shellMatch, type ShellMatchOptions } from "./shell_match.ts";
export { linkOnPassage, type Passage, type Suspicion, suspicionLine } from "./suspicions.ts";
