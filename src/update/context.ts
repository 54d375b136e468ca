/** What a push needs, and what it tells back. */
import type { Config } from "../config/mod.ts";
import type { ReadJail } from "../fs/mod.ts";
import { CsyncError, type DbName, type Entry, type HostName, type Present } from "../model/mod.ts";
import type { Peer } from "../protocol/mod.ts";
import type { Reporter } from "../report/mod.ts";

export interface PushContext {
  readonly config: Config;
  readonly jail: ReadJail;
  readonly reporter: Reporter;
  readonly peer: Peer;
  readonly peerName: HostName;
  readonly dryRun: boolean;
  /** Nothing is done unless the peer has exactly this: a version as `Told` has it. */
  readonly onlyOver?: string;
  /** Announces the own name; false when the peer refused it, which is reported once. */
  identify(myName: HostName): boolean | Promise<boolean>;
  /**
   * The peer is about to lose a conflict. It may have told others its version before, so they are told
   * ours again.
   */
  tellOthers(name: DbName): Promise<void>;
  /** What is about to be compared and sent. */
  readonly looked: (name: DbName, here: Entry) => void;
  /** The peer has this object now, times included; `bytes` of content were sent for it. */
  readonly wasPut: (name: DbName, what: Present, bytes: number) => void;
}

/** Failures of system calls are told by their code; the folder of their class is out of our rank. */
export function isSystemError(error: unknown): error is CsyncError {
  return error instanceof CsyncError && error.code.startsWith("os/");
}
