/** Rows of the state as plain values; every text is decoded unless its comment says otherwise. */
import type { DbName, DiskPath, HostName, Name } from "./path.ts";

/** What this host believes to have (table `file`). */
export interface FileRecord {
  readonly name: DbName;
  /** Check text in its *stored* form, percent-encoded once (`v1%3Amtime=...`, storedCheckText). */
  readonly stored: string;
  /**
   * Nanoseconds within the second of the mtime, 0..999999999, when `stored` counts in seconds and one
   * of our programs wrote the row; undefined when unknown.
   */
  readonly subsecond?: number;
}

/** A peer has to be told about a name (table `dirty`). */
export interface DirtyMark {
  readonly name: DbName;
  /** `-F`, `-f`: send without asking for conflicts. */
  readonly forced: boolean;
  /** Own protocol name in the group that caused the mark. */
  readonly myName: HostName;
  readonly peer: HostName;
}
/** A mark as read from the state. `generation` changes whenever the name is marked again for the peer. */
export interface DirtyRow extends DirtyMark {
  readonly generation: number;
}

/** A path somebody asked to check (table `hint`): a plain canonical path, never a prefix name. */
export interface Hint {
  readonly path: DiskPath;
  readonly recursive: boolean;
}

/** A command of the configuration that waits to be run for a name (table `action`). */
export interface ScheduledAction {
  readonly name: DbName;
  /** As configured, `%%` still in it. */
  readonly command: string;
  readonly logfile: string;
}

/** The certificate a peer showed first (table `x509_cert`). */
export interface Pin {
  readonly peer: HostName;
  /** DER of the leaf certificate as upper-case hex. */
  readonly certificate: string;
}

/** A peer has this version of an object, and it came from us (own table). */
export interface Told {
  readonly name: DbName;
  readonly peer: HostName;
  /** As an intent has it: check text in nanoseconds, `---` for nothing. */
  readonly version: string;
  /** How often in a row it was sent because another host had changed it, without a change here. */
  readonly relays: number;
}
/** The same as it is stored: whether somebody else has replaced the object here since then. */
export interface ToldRow extends Told {
  readonly isOutdated: boolean;
}

/** A change that was begun: read back at start, completed or discarded (own table). */
export interface Intent {
  readonly name: DbName;
  /** On whose behalf. */
  readonly peer: HostName;
  /** Temporary entry beside the target that the change uses; empty when it uses none. */
  readonly temp: Name | "";
  /** Check text (nanoseconds, not encoded) that the object has once the change is complete, or `---`. */
  readonly want: string;
}
