/** Begins rows, each as what it is: the same on both sides, a small file among others, or by itself. */
import { keyFor, resolveName } from "../config/mod.ts";
import type { DbName, HostName, Present } from "../model/mod.ts";
import type { BulkPeer } from "../protocol/mod.ts";
import { pushStep } from "../reconcile/mod.ts";
import type { PushContext } from "./context.ts";
import type { InFlight } from "./in_flight.ts";
import type { Begun, Offered } from "./offered.ts";
import { memoryOf, offeredFacts, pushOne } from "./push_one.ts";
import { PutBatch, PutRows, type SmallRow } from "./put_batch.ts";
import { readIsOver } from "./read_ahead.ts";

/** LIMIT: larger files have a request of their own; of those that are replaced it may be a delta. */
const SMALL_BYTES = 65_536;

export interface RowStarterOptions {
  readonly flight: InFlight;
  readonly context: PushContext;
  /** Whether the peer listens to us under this name already. */
  readonly isAnnounced: (myName: HostName) => boolean;
  readonly foundEqual: (name: DbName, here: Present) => void;
  /** Whether nothing more may begin. */
  readonly isOver: () => boolean;
}

/** What begins gives false when nothing more may. PERF: no promise where nothing is waited for. */
export class RowStarter {
  readonly flight: InFlight;
  readonly context: PushContext;
  readonly #options: RowStarterOptions;
  readonly #bulk: BulkPeer | undefined;
  /** To which the next small files come. */
  #batch: PutBatch | undefined;

  constructor(options: RowStarterOptions) {
    this.flight = options.flight;
    this.context = options.context;
    this.#options = options;
    this.#bulk = options.context.peer.bulk;
  }

  /** A row of a pass. */
  begin(one: Offered): boolean | Promise<boolean> {
    return this.flight.hasRoom ? this.#begin(one) : this.flight.room().then(() => this.#begin(one));
  }

  /** What was collected goes. */
  send(): void {
    this.#batch?.end();
    this.#batch = undefined;
  }

  /** A row by itself. The own name is announced while nothing else is under way. */
  start(begun: Begun): boolean | Promise<boolean> {
    if (!this.#options.isAnnounced(begun.row.myName)) return this.#startAlone(begun);
    if (this.flight.hasRoom) return this.#startNow(begun);
    return this.flight.room().then(() => this.#startNow(begun));
  }

  #begin(one: Offered): boolean | Promise<boolean> {
    const { row, seen, same } = one;
    if (this.#options.isOver()) return false;
    if (same !== undefined) {
      this.#options.foundEqual(row.name, same);
      this.flight.takeEqual(row, same);
      return true;
    }
    return this.#joins(one) || this.start({ row, isRemoval: false, seen });
  }

  /** @returns whether it goes with others */
  #joins(one: Offered): boolean {
    const put = this.#smallRow(one);
    if (put === undefined || !this.#options.isAnnounced(put.row.myName)) return false;
    const path = resolveName(this.context.config, put.name) ?? put.name;
    if (!this.flight.isFree(path)) return false;
    const rows = this.#rowsFor(put);
    rows.batch.add(put, this.flight.added(rows, { path, bytes: put.want.size }));
    rows.add(put, path);
    return true;
  }

  #rowsFor({ want }: SmallRow): PutRows {
    let batch = this.#batch;
    if (batch === undefined || !batch.takes(want.size)) {
      this.send();
      batch = this.#batch = new PutBatch({
        context: this.context,
        bulk: this.#bulk!,
        onOver: ({ seen }) => readIsOver(seen.small!),
      });
    }
    const { last } = this.flight;
    if (last instanceof PutRows && last.batch === batch) return last;
    const rows = new PutRows(batch);
    this.flight.take(rows);
    return rows;
  }

  /** A file that was read, and of which the peer has nothing or another one. */
  #smallRow({ row, seen }: Offered): SmallRow | undefined {
    const { config, peerName } = this.context, { name, forced } = row;
    if (this.#bulk === undefined || forced || seen?.small === undefined) return undefined;
    const { file, bytes, at } = seen.small;
    if (file === undefined || file instanceof Error) return undefined;
    const want = file.entry, { size } = want;
    if (size > Math.min(SMALL_BYTES, this.#bulk.maxPutBytes)) return undefined;
    const there = offeredFacts({ context: this.context, here: want }, seen.there);
    if (there === undefined || "refusal" in there) return undefined;
    const step = pushStep({ forced, here: want, there, hasParent: true });
    const key = keyFor(config, name, peerName);
    if (step.do !== "put" || key === undefined) return undefined;
    const content = size === bytes.length ? bytes : bytes.subarray(0, size);
    return { row, seen, key, at, name, want, content };
  }

  async #startAlone(begun: Begun): Promise<boolean> {
    await this.flight.drain();
    if (!this.#startNow(begun)) return false;
    await this.flight.drain();
    return true;
  }

  #startNow({ row, isRemoval, seen }: Begun): boolean {
    if (this.#options.isOver()) return false;
    const { context } = this;
    this.flight.start({
      row,
      path: resolveName(context.config, row.name) ?? row.name,
      bytes: this.#bulk === undefined ? 0 : memoryOf(seen),
      push: (reporter) => pushOne({ ...context, reporter }, row, { isRemoval, seen }),
      onOver: seen?.small && (() => readIsOver(seen.small!)),
    });
    return true;
  }
}
