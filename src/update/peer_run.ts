/** The update of one peer: its rows, removals first, over one connection. */
import { type Config, peersOf } from "../config/mod.ts";
import type { ReadJail } from "../fs/mod.ts";
import {
  type Budget,
  type DbName,
  type DirtyRow,
  type Entry,
  type HostName,
  isBelow,
  nameOrder,
  parent,
  type Part,
} from "../model/mod.ts";
import type { Peer } from "../protocol/mod.ts";
import type { Reporter } from "../report/mod.ts";
import { outdatedTold, type StateStore } from "../state/mod.ts";
import type { PushContext } from "./context.ts";
import { type Dial, isConnectionError } from "./dial.ts";
import { DirectoryTimes } from "./directory_times.ts";
import type { HeldMarks } from "./held_marks.ts";
import { lookAgain, tellOthers } from "./look_again.ts";
import { InFlight } from "./in_flight.ts";
import { RecordedFiles } from "./known_contents.ts";
import { LargeFiles } from "./large_files.ts";
import * as say from "./messages.ts";
import { markSubtree } from "./missing_parent.ts";
import type { Offered } from "./offered.ts";
import { Offering } from "./offering.ts";
import { OwnName } from "./own_name.ts";
import { type Plan, planOf, removalsAmong } from "./plan.ts";
import type { PushResult } from "./push.ts";
import { readAhead } from "./read_ahead.ts";
import { copyRenamed } from "./renames.ts";
import { RowStarter } from "./row_starter.ts";
import { SettleQueue, type SettleQueueOptions } from "./settle_queue.ts";

/** LIMIT: two programs that push the same names again and again leave the rest to the next run. */
const CONTESTED_ROUNDS = 3;

export interface PeerRunOptions extends Pick<SettleQueueOptions, "isChecked"> {
  readonly config: Config;
  readonly state: StateStore;
  readonly jail: ReadJail;
  readonly reporter: Reporter;
  readonly dial: Dial;
  readonly dryRun: boolean;
  /** Removals that are not sent. */
  readonly held: HeldMarks;
  /** Rows that this run takes. */
  readonly isTaken: (name: DbName) => boolean;
  /** `-G` is in force: rows of other groups are no left-overs. */
  readonly isRestricted: boolean;
  /** `--checksum`: nothing is equal without a look at its content. @default {false} */
  readonly checksum?: boolean;
  readonly signal?: AbortSignal;
  /** Shared by the updates of all peers. @default as much as one peer's contents may take */
  readonly memory?: Budget;
  /** Shared in the same way. */
  readonly recorded?: RecordedFiles;
}

export class PeerRun {
  readonly #options: PeerRunOptions;
  readonly #peerName: HostName;
  readonly #settled: SettleQueue;
  readonly #times = new DirectoryTimes();
  /** Of the rows under way. */
  readonly #looked = new Map<DbName, Entry>();
  /** Names that failed in this run: not tried again, not reported again. */
  readonly #kept = new Set<DbName>();
  /** Parents that were missing at the peer: sent even when the command line does not name them. */
  readonly #parents = new Set<DbName>();
  readonly #ownName: OwnName;
  /** Directory that the peer lacks, from where the next pass begins. */
  #missing: DbName | undefined;
  #leftOver = 0;
  /** Its part, while there is a connection. */
  #memory: Part | undefined;
  /** Large files, to be sent after the small ones. */
  readonly #large: LargeFiles;

  constructor(options: PeerRunOptions, peerName: HostName) {
    this.#options = options;
    this.#peerName = peerName;
    const { state, config, reporter, isChecked = false, recorded } = options;
    const hosts = new Set(config.groups.flatMap(({ peers }) => peers.map(({ name }) => name)));
    this.#ownName = new OwnName(peerName, reporter);
    this.#large = new LargeFiles({
      recorded: recorded ?? new RecordedFiles(state),
      settle: (row) => this.#account(row, "settled"),
      isStopped: () => this.#isStopped,
    });
    this.#settled = new SettleQueue(state, {
      ignored: config.ignored,
      isChecked,
      isShared: (name) => hosts.size > 1 && peersOf(config, name).length > 1,
    });
  }

  /** Never throws for anything the network, the peer or the disk does. @throws StateError */
  async run(): Promise<void> {
    const { config, reporter, dial } = this.#options;
    const peer = this.#peerName;
    const { removals: rows, modifications: others, roots } = await planOf(
      this.#options,
      this.#rows(),
    );
    if (!config.groups.some((group) => group.peers.some((p) => p.name === peer))) {
      return this.#tellLeftOver(rows.length + others, false);
    }
    const removals = await this.#withoutHeld(rows);
    const strangers = await this.#options.held.strangers(roots);
    for (const { name } of strangers) this.#kept.add(name);
    const modifications = others - strangers.length;
    const plan = { removals, modifications, roots };
    const total = plan.removals.length + modifications;
    if (total === 0 && !await this.#hasOutdated()) return;
    const connection = await dial(peer);
    if (connection === undefined) return reporter.note(say.hostStaysDirty(peer));
    reporter.progress({ peer, total });
    using part = this.#options.memory?.take();
    this.#memory = part;
    try {
      await this.#pushAll(connection, plan);
    } catch (error) {
      if (!isConnectionError(error)) throw error;
      reporter.note(say.connectionLost(peer, error));
      reporter.note(say.hostStaysDirty(peer));
    } finally {
      await connection[Symbol.asyncDispose]();
      await this.#settled.flush();
    }
    if (this.#leftOver > 0) this.#tellLeftOver(this.#leftOver, true);
  }

  #tellLeftOver(count: number, isHostKnown: boolean): void {
    const { reporter, isRestricted } = this.#options;
    if (!isRestricted && count > 0) reporter.note(say.leftOver(this.#peerName, count, isHostKnown));
  }

  /** What is held is not sent by this run in any other way either. */
  async #withoutHeld(rows: readonly DirtyRow[]): Promise<DirtyRow[]> {
    const { held, isTaken } = this.#options;
    const passed = await held.withinLimit(await held.sieve(rows), {
      peer: this.#peerName,
      isTaken,
    });
    const sent = new Set(passed);
    for (const row of rows) if (!sent.has(row)) this.#kept.add(row.name);
    return passed;
  }

  #rows(): AsyncIterable<readonly DirtyRow[]> {
    return this.#options.state.dirtyRows({ peer: this.#peerName });
  }

  async #pushAll(peer: Peer, plan: Plan): Promise<void> {
    const context = this.#context(peer);
    const starter = this.#starter(context), { flight } = starter;
    await copyRenamed(context, {
      removals: plan.removals,
      due: () => this.#due(undefined),
      push: (row) => starter.start({ row, isRemoval: false }),
      drain: async () => {
        await flight.drain();
        await this.#flush();
        this.#missing = undefined; // what is below it was marked, and comes with the rest
      },
      settle: (row) => this.#account(row, "settled"),
      isStopped: () => this.#isStopped,
    });
    for (const row of plan.removals) {
      if (!await starter.start({ row, isRemoval: true })) break;
    }
    await flight.drain();
    await this.#flush();
    this.#large.expect(plan.modifications);
    let from: DbName | undefined;
    do {
      from = await this.#pass(starter, from) ?? await this.#sendLarge(starter);
      await this.#flush(); // what is done does not come again
    } while (from !== undefined);
    await this.#pushContested(starter);
    await this.#times.restore(context);
    await this.#lookAgain(context);
  }

  async #hasOutdated(): Promise<boolean> {
    const { state, isTaken, dryRun } = this.#options;
    const peer = this.#peerName;
    return !dryRun && (await outdatedTold(state)).some((t) => t.peer === peer && isTaken(t.name));
  }

  async #lookAgain(context: PushContext): Promise<void> {
    const { state, isTaken, held, dryRun } = this.#options;
    if (dryRun || this.#isStopped) return;
    await lookAgain(context, {
      state,
      isTaken,
      sieve: (rows) => held.sieve(rows),
      isStopped: () => this.#isStopped,
    });
  }

  /**
   * One pass over the modifications, ascending; names before `from` were done in the last pass.
   *
   * @returns where the next pass begins: at a directory that the peer turned out not to have
   */
  async #pass(starter: RowStarter, from: DbName | undefined): Promise<DbName | undefined> {
    this.#missing = undefined;
    const { flight, context } = starter;
    for await (const some of this.#offered(starter, this.#due(from))) {
      await this.#large.look(context, some);
      for (const one of readAhead(context, some, this.#memory)) {
        if (this.#large.puts(one)) continue;
        const begun = starter.begin(one);
        if (begun === true || await begun) continue; // PERF: nothing to wait for, mostly
        await flight.drain();
        return this.#missing;
      }
      starter.send();
    }
    await flight.drain();
    return this.#missing;
  }

  async *#due(from: DbName | undefined): AsyncGenerator<readonly DirtyRow[]> {
    for await (const rows of this.#rows()) yield rows.filter(({ name }) => this.#isDue(name, from));
  }

  /** The rows as they are, or with what the peer has, where it can be asked for many of them at once. */
  async *#offered(
    { flight, context }: RowStarter,
    rows: AsyncIterable<readonly DirtyRow[]>,
  ): AsyncIterable<readonly Offered[]> {
    const { bulk } = context.peer;
    const { state, dryRun, checksum = false } = this.#options;
    // An answer takes marks away at the peer, which no dry run does.
    if (bulk === undefined || dryRun) {
      for await (const some of rows) yield some.map((row) => ({ row }));
      return;
    }
    await this.#settled.watchRecords();
    const announce = async (row: DirtyRow) => {
      await flight.drain();
      return this.#missing === undefined && await context.identify(row.myName);
    };
    const memory = this.#memory;
    const options = { bulk, state, comparesContent: checksum, announce, memory };
    yield* new Offering(context, options).offered(rows);
  }

  /** @returns as `#pass` */
  async #sendLarge(starter: RowStarter): Promise<DbName | undefined> {
    const { flight } = starter;
    for await (const { one, atOnce } of this.#large.take(starter.context)) {
      await flight.room(atOnce);
      if (!await starter.begin(one)) break;
    }
    await flight.drain();
    return this.#missing;
  }

  async #flush(): Promise<void> {
    await this.#settled.flush();
    for (const name of this.#settled.takeStayed()) this.#kept.add(name);
  }

  #starter(context: PushContext): RowStarter {
    const flight = new InFlight({
      window: context.peer.window,
      reporter: this.#options.reporter,
      memory: this.#memory,
      onEnd: (row, result, sent) => {
        const next = () => this.#missing === undefined ? "go on" : "again";
        const accounting = result === "parent-missing"
          ? this.#sendParent(context, row)
          : this.#account(row, result, sent);
        return accounting === undefined ? next() : accounting.then(next);
      },
    });
    return new RowStarter({
      flight,
      context,
      isAnnounced: (myName) => this.#ownName.is(myName),
      foundEqual: (name, here) => this.#times.found(name, here),
      isOver: () => this.#isStopped || this.#missing !== undefined,
    });
  }

  /** What somebody else has pushed at the same time (SettleQueue). */
  async #pushContested(starter: RowStarter): Promise<void> {
    const { flight } = starter;
    for (let round = 0; round < CONTESTED_ROUNDS; round++) {
      const names = this.#settled.takeContested();
      if (names.size === 0) return;
      const removals: DirtyRow[] = [], others: DirtyRow[] = [];
      for await (const rows of this.#rows()) {
        const found = rows.filter(({ name }) => names.has(name));
        const areGone = removalsAmong(this.#options, found);
        found.forEach((row, n) => (areGone[n] ? removals : others).push(row));
      }
      for (const row of (await this.#options.held.sieve(removals)).reverse()) {
        if (!await starter.start({ row, isRemoval: true })) break;
      }
      await flight.drain();
      for (const row of others) {
        if (!await starter.start({ row, isRemoval: false })) break;
      }
      await flight.drain();
      await this.#settled.flush();
    }
  }

  #isDue(name: DbName, from: DbName | undefined): boolean {
    if (this.#kept.has(name)) return false;
    if (!this.#options.isTaken(name) && !this.#parents.has(name)) return false;
    return from === undefined || name === from || isBelow(name, from) || nameOrder(name, from) > 0;
  }

  /** Each directory is sent once only, so that a run ends whatever a peer claims. */
  async #sendParent(context: PushContext, row: DirtyRow): Promise<void> {
    const { reporter, state, dryRun } = this.#options, { name } = row;
    const job = { name, peer: this.#peerName, isRemoval: false };
    const dir = parent(name);
    if (dir !== undefined && !this.#parents.has(dir) && !dryRun) {
      this.#parents.add(dir);
      reporter.note(say.missingParent(dir, this.#peerName));
      await this.#settled.flush();
      if (await markSubtree(context, state, dir)) return void (this.#missing = dir);
    }
    if (dryRun) {
      const [kind, peer] = ["?M", this.#peerName];
      reporter.print(say.dryRunLine(kind, peer, name), { event: "dry-run", kind, peer, name });
    } else {
      reporter.note(say.refused(job, "Parent dir missing."));
      reporter.note(say.staysDirty(job));
    }
    await this.#account(row, "kept");
  }

  #account(
    row: DirtyRow,
    result: Exclude<PushResult, "parent-missing">,
    known?: Entry,
  ): Promise<void> | undefined {
    const sent = known ?? this.#looked.get(row.name);
    if (known === undefined) this.#looked.delete(row.name);
    // Of what is settled only what stays marked can come again (`#flush`).
    const isDone = result === "settled" || result === "equal";
    if (result !== "present" && !isDone) this.#kept.add(row.name);
    if (result === "in-no-group") this.#leftOver++;
    this.#options.reporter.progress({ peer: this.#peerName, files: 1 });
    if (isDone) return this.#settled.add(row, sent, result === "equal");
    return result === "kept" && !this.#options.dryRun ? this.#settled.keep(row) : undefined;
  }

  get #isStopped(): boolean {
    return this.#options.signal?.aborted === true;
  }

  #context(peer: Peer): PushContext {
    const { config, jail, reporter, dryRun } = this.#options;
    return {
      config,
      jail,
      reporter,
      peer,
      peerName: this.#peerName,
      dryRun,
      identify: (myName) => this.#ownName.identify(peer, myName),
      looked: (name, here) => this.#looked.set(name, here),
      tellOthers: (name) => tellOthers(this.#options, this.#peerName, name),
      wasPut: (name, what, bytes) => {
        this.#times.sent(name, what);
        if (bytes > 0) reporter.progress({ peer: this.#peerName, bytes });
      },
    };
  }
}
