/** Marks of removals that are held back, because a root is at fault or there are too many (D 7.3.2). */
import { type Config, peersOf } from "../config/mod.ts";
import type { ReadJail } from "../fs/mod.ts";
import type { DbName, DirtyRow, HostName } from "../model/mod.ts";
import { deletionGuard, type RemovalLimit } from "../reconcile/mod.ts";
import type { Reporter } from "../report/mod.ts";
import { type RootFault, RootGuard, say } from "../roots/mod.ts";
import type { StateStore } from "../state/mod.ts";
import { dryRunLine } from "./messages.ts";

export interface HeldMarksOptions {
  readonly config: Config;
  readonly state: StateStore;
  readonly jail: ReadJail;
  readonly reporter: Reporter;
  readonly dryRun: boolean;
  /** `--allow-removals`. @default {false} */
  readonly allowsRemovals?: boolean;
  /** `--max-removals`: for each peer. */
  readonly maxRemovals?: RemovalLimit;
}

interface Held {
  readonly fault: RootFault;
  readonly names: Set<DbName>;
  readonly peers: Set<HostName>;
}

/** Of one run, for all its peers. */
export class HeldMarks {
  readonly #options: HeldMarksOptions;
  readonly #guard: RootGuard;
  readonly #held = new Map<DbName, Held>();

  constructor(options: HeldMarksOptions) {
    this.#options = options;
    this.#guard = new RootGuard(options);
  }

  /**
   * Those of the rows, whose objects are absent, that may be sent as removals. The marks may be older
   * than the fault, and another program may have made them, so the roots are looked at here too.
   */
  async sieve(rows: readonly DirtyRow[]): Promise<DirtyRow[]> {
    if (rows.length === 0) return [];
    this.#guard.refresh();
    const passed: DirtyRow[] = [];
    for (const row of rows) {
      const fault = await this.#guard.faultOver(row.name);
      if (fault === undefined) passed.push(row);
      else this.#hold(row, fault);
    }
    return passed;
  }

  /**
   * Those of the rows, whose objects are there, that may not be sent: roots in whose place something else
   * is, a bare mount point with an owner and a mode of its own. A C program marks these.
   */
  async strangers(rows: readonly DirtyRow[]): Promise<DirtyRow[]> {
    const found: DirtyRow[] = [];
    for (const row of rows) {
      const fault = await this.#guard.faultAt(row.name);
      if (fault === undefined) continue;
      found.push(row);
      this.#hold(row, fault);
    }
    return found;
  }

  /**
   * The rows, or none when there are more than the limit allows for the peer.
   * @param isTaken rows that the run is about
   */
  async withinLimit(
    rows: DirtyRow[],
    { peer, isTaken }: { peer: HostName; isTaken: (name: DbName) => boolean },
  ): Promise<DirtyRow[]> {
    const { maxRemovals: limit, reporter } = this.#options;
    const count = rows.length;
    if (limit === undefined || count === 0) return rows;
    const left = limit.kind === "percent" ? await this.#countRecords(peer, isTaken) : 0;
    const known = left + count;
    if (deletionGuard({ vanished: count, known }, limit) === "go-on") return rows;
    for (const row of rows) this.#tellDry(row);
    reporter.note(say.tooManyRemovals({ count, known, limit, peer }));
    return [];
  }

  /** One line for each root. */
  tell(): void {
    for (const { fault, names, peers } of this.#held.values()) {
      const all = { count: names.size, peers: [...peers] };
      this.#options.reporter.note(say.marksHeld(fault, all));
    }
  }

  /** Names that the peer has by our records. */
  async #countRecords(peer: HostName, isTaken: (name: DbName) => boolean): Promise<number> {
    const { config, state } = this.#options;
    let count = 0;
    for await (const rows of state.records("ascending")) {
      for (const { name } of rows) {
        if (isTaken(name) && peersOf(config, name).some((pair) => pair.peer === peer)) count++;
      }
    }
    return count;
  }

  #hold(row: DirtyRow, fault: RootFault): void {
    let held = this.#held.get(fault.root);
    if (held === undefined) {
      this.#held.set(fault.root, held = { fault, names: new Set(), peers: new Set() });
    }
    held.names.add(row.name);
    held.peers.add(row.peer);
    this.#tellDry(row);
  }

  #tellDry({ name, peer }: DirtyRow): void {
    const { dryRun, reporter } = this.#options;
    if (!dryRun) return;
    const kind = "?H";
    reporter.print(dryRunLine(kind, peer, name), { event: "dry-run", kind, peer, name });
  }
}
