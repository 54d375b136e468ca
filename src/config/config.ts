/** The configuration as tables: what every other folder sees of it. */
import type { DiskPath, HostName, Ignored, Key } from "../model/mod.ts";
import type { Pattern } from "./pattern.ts";

/** How a conflict is decided (D 1.6, W 16). */
export type AutoMethod =
  | "none"
  | "first"
  | "younger"
  | "older"
  | "bigger"
  | "smaller"
  | "left"
  | "right";

/** A host of a group that is not this one. */
export interface PeerHost {
  /** Protocol name: the alias of `real@alias`, else the name (D 1.7). */
  readonly name: HostName;
  readonly isSlave: boolean;
  /** Whether its entry stands before the own one. */
  readonly isLeftOfUs: boolean;
}

export interface ActionRule {
  /** Path patterns against the stored name; none means every name (D 5.7). */
  readonly patterns: readonly string[];
  readonly commands: readonly string[];
  readonly logfile: string;
  /** `do-local` or `do-local-only`. */
  readonly onLocal: boolean;
  /** Not `do-local-only`. */
  readonly onRemote: boolean;
}

export interface Group {
  readonly name: string;
  /** In order of declaration, without the own entry. */
  readonly peers: readonly PeerHost[];
  /** Own protocol name when this host is a member. */
  readonly myName: HostName;
  readonly iAmSlave: boolean;
  readonly key: Key;
  /** In order of declaration, all three kinds. */
  readonly patterns: readonly Pattern[];
  readonly auto: AutoMethod;
  readonly backupDirectory: string | undefined;
  readonly backupGenerations: number;
  readonly actions: readonly ActionRule[];
}

export interface Prefix {
  readonly name: string;
  /** Undefined when no `on` line fits this host. */
  readonly path: DiskPath | undefined;
}

export interface Config {
  /** The file it came from, for messages. */
  readonly file: string;
  readonly systemDir: string;
  /** `-C`, or empty. */
  readonly configName: string;
  /** `-N` or the system host name, lower case. */
  readonly hostName: HostName;
  /**
   * Active groups only (this host is a member, and `-G` names them), in order of declaration. Most
   * rules visit them from the last to the first (D 1.9).
   */
  readonly groups: readonly Group[];
  /** In order of declaration. */
  readonly prefixes: readonly Prefix[];
  readonly nossl: readonly { readonly from: string; readonly to: string }[];
  readonly ignored: Ignored;
  /** Value of the first `database` statement. */
  readonly database: string | undefined;
  readonly tempdir: string | undefined;
  readonly lockTimeoutSeconds: number;
}
