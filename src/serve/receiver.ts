/** Answers one connection's requests: identify, admit, check again, apply, record. */
import { scheduleFor } from "../actions/mod.ts";
import { type Applied, BUSY, type Held, type Target } from "../apply/mod.ts";
import { type Config, grant, locate } from "../config/mod.ts";
import { signature } from "../delta/mod.ts";
import type { SourceFile } from "../fs/mod.ts";
import {
  type ByteStream,
  type Change,
  checkText,
  type DbName,
  DONE,
  failed,
  type HostName,
  type Located,
  type Meta,
  type Outcome,
  type Refusal,
  type ScheduledAction,
} from "../model/mod.ts";
import type {
  Addressed,
  ListedRow,
  LookReply,
  PutSession,
  RequestHandler,
} from "../protocol/mod.ts";
import { admit } from "../reconcile/mod.ts";
import type { Reporter } from "../report/mod.ts";
import { backupsOf } from "./backups.ts";
import { makesParents } from "./check_name.ts";
import { contentOf, nothing } from "./content.ts";
import type { Contexts, Workplace } from "./context.ts";
import { absentReply, refusing } from "./failures.ts";
import { type Channel, identify } from "./identify.ts";
import { listedRows, type ListQuery } from "./listed_rows.ts";
import * as say from "./messages.ts";
import type { Pace } from "./pace.ts";
import { PatchSession } from "./put_session.ts";
import { Recheck } from "./recheck.ts";
import { Signed } from "./signed.ts";
import { Turn } from "./turn.ts";

const CONFIG_NAME_REGEXP = /^[a-z0-9]*$/;

export interface ReceiverOptions {
  readonly contexts: Contexts;
  readonly reporter: Reporter;
  /** Numeric address of the client; undefined when unknown. */
  readonly address: string | undefined;
  readonly resolvesTo: (name: string, address: string) => Promise<boolean>;
  /** Used when the client names no configuration: our own `-C` (W 4.1). @default {""} */
  readonly configName?: string;
  /** Longest file taken. @default no limit but the disk's */
  readonly maxFileBytes?: number;
  /** Longest wait for another request on the same path. @default {60_000} */
  readonly lockWaitMs?: number;
  /** How fast content has to come at least. */
  readonly pace?: Pace;
}

/** A request that passed the grant. */
interface Granted {
  readonly name: DbName;
  readonly key: string;
  readonly peer: HostName;
  readonly at: Located;
}

/** RequestHandler of one connection, shared by both dialects. */
export class Receiver implements RequestHandler {
  readonly turn = new Turn();
  readonly #options: ReceiverOptions;
  #channel: Channel;
  #place: Workplace | undefined;
  /** With `GROUP` in force; checks and copies go by the whole configuration. */
  #config: Config | undefined;
  #groups: readonly string[] | undefined;
  #identity: HostName | undefined;
  #hasScheduled = false;
  /** What SIG has shown the peer. */
  readonly #signed = new Signed();
  /** What the last answer still reads from. */
  #open: SourceFile | undefined;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#channel = { address: options.address, isEncrypted: false, certificate: undefined };
  }

  secured(certificate: Uint8Array | undefined): void {
    this.#channel = { ...this.#channel, isEncrypted: true, certificate };
  }

  async configure(name: string): Promise<"ok" | "bad-name"> {
    if (!CONFIG_NAME_REGEXP.test(name)) return "bad-name";
    using _turn = this.turn.begin(undefined);
    const { contexts, configName = "" } = this.#options;
    this.#place = await contexts.lease(name === "" ? configName : name);
    this.#config = this.#place.config;
    return "ok";
  }

  restrictGroups(list: readonly string[]): Promise<boolean> {
    if (this.#groups !== undefined) return Promise.resolve(false);
    this.#groups = list;
    const config = this.#configured;
    this.#config = { ...config, groups: config.groups.filter(({ name }) => list.includes(name)) };
    return Promise.resolve(true);
  }

  async identify(name: string): Promise<"ok" | "failed" | "encryption-expected"> {
    this.#identity = undefined;
    using _turn = this.turn.begin(undefined);
    const { reporter, resolvesTo } = this.#options;
    const result = await identify(name, {
      config: this.#workplace.config,
      state: this.#workplace.state,
      reporter,
      channel: this.#channel,
      resolvesTo,
    });
    if (result === "ok") this.#identity = name as HostName;
    return result;
  }

  get isIdentified(): boolean {
    return this.#identity !== undefined;
  }

  get isKnown(): boolean {
    const { groups = [] } = this.#place?.config ?? {};
    return groups.some(({ peers }) => peers.some(({ name }) => name === this.#identity));
  }

  async look(at: Addressed): Promise<LookReply> {
    return await this.#serve(at, (granted) => this.#look(granted));
  }

  /**
   * Not while the object is being replaced: a second program of the peer would take what is about to
   * go for the last word, and forget a removal (two pushes of one host at the same time).
   */
  async #look(granted: Granted): Promise<LookReply> {
    const { applier, jail, roots } = this.#workplace, { name, at } = granted;
    const missing = await roots.refusalOf(name);
    if (missing !== undefined) return this.#recheck.refuse(name, missing);
    const target: Target = { name, at, peer: this.#identity!, backups: [], actions: [] };
    using held = await applier.hold(target, { waitMs: this.#lockWaitMs });
    if (held === undefined) return BUSY;
    const entry = jail.look(at);
    if (entry.kind === "absent") {
      return absentReply(entry, makesParents(this.#workplace, this.#configured, granted));
    }
    const text = checkText(entry, { time: "zero", ignored: this.#configured.ignored });
    if (entry.kind !== "reg") return { kind: "there", checkText: text };
    this.#open = jail.open(at);
    this.#signed.add(name, this.#open.fingerprint);
    return { kind: "there", checkText: text, signature: signature(this.#open) };
  }

  async mark(at: Addressed): Promise<Outcome> {
    return await this.#serve(at, async ({ name }) => {
      await this.#recheck.markForPeer(name);
      return DONE;
    });
  }

  async flush(at: Addressed): Promise<Outcome> {
    return await this.#serve(at, async (granted) => {
      const held = await this.#hold(granted, { refusesIfDirty: false });
      if ("kind" in held) return held;
      using _held = held;
      await this.#recheck.look(granted.name);
      await this.#workplace.state.transaction((tx) => tx.clearMarks(granted.name));
      return DONE;
    });
  }

  async change(at: Addressed, change: Change): Promise<Outcome> {
    return await this.#serve(at, async (granted) => {
      // SETIME follows a SIG that found no difference, so marks do not stand in its way (W 11).
      const isTime = change.kind === "mtime";
      const makes = !["remove", "own", "mode", "mtime"].includes(change.kind);
      const held = await this.#hold(granted, { refusesIfDirty: !isTime, makes });
      if ("kind" in held) return held;
      using owned = held;
      const refusal = isTime && await this.#recheck.refuseTime(granted.name, owned, this.#signed);
      if (refusal) return refusal;
      this.#signed.forget(granted.name);
      const applied = await owned.change(change);
      if (change.kind === "remove" && applied.outcome.kind === "done") {
        await this.#workplace.roots.removed(granted.name);
      }
      this.#tell(granted.name, applied);
      return applied.outcome;
    });
  }

  async beginPut(at: Addressed, meta?: Meta): Promise<PutSession | Refusal> {
    using cleanup = new DisposableStack();
    const turn = cleanup.use(this.turn.begin(at.name));
    return await this.#serve(at, async (granted): Promise<PutSession | Refusal> => {
      const held = await this.#hold(granted, { refusesIfDirty: true, makes: true });
      if ("kind" in held) return held;
      this.#signed.forget(granted.name);
      const put = held.beginPut(meta);
      if ("kind" in put) {
        held[Symbol.dispose]();
        return put;
      }
      cleanup.move();
      return new PatchSession({
        held,
        put,
        maxFileBytes: this.#options.maxFileBytes ?? Number.MAX_SAFE_INTEGER,
        pace: this.#options.pace,
        onApplied: (applied) => this.#tell(granted.name, applied),
        guard: (work) => refusing(this.#options.reporter, work),
        onEnd: () => turn[Symbol.dispose](),
      });
    });
  }

  async measure(at: Addressed, of: "mtime" | "size"): Promise<bigint | undefined | Refusal> {
    return await this.#serve(at, ({ at: located }) => {
      const { entry, fingerprint } = this.#workplace.jail.lookClosely(located);
      if (entry.kind === "absent") return undefined;
      // COMPAT: of every kind, as the client's side of the comparison has it: else both may win, or none.
      return of === "mtime" ? entry.meta.mtime : BigInt(fingerprint?.size ?? 0);
    });
  }

  /** Never follows a link and never opens anything but a regular file (W 20.18). */
  async content(at: Addressed): Promise<ByteStream | Refusal> {
    return await this.#serve(at, ({ at: located }): ByteStream => {
      const { jail } = this.#workplace;
      const entry = jail.look(located);
      if (entry.kind === "dir" || entry.kind === "absent") return nothing();
      this.#open = jail.open(located);
      return contentOf(this.#open);
    }, { compare: true });
  }

  async *list(query: Omit<ListQuery, "peer">): AsyncGenerator<readonly ListedRow[]> {
    const peer = this.#identity;
    if (peer === undefined) return;
    using _turn = this.turn.begin(query.only);
    yield* listedRows({ config: this.#configured, state: this.#workplace.state }, {
      peer,
      ...query,
    });
  }

  /** Whether commands were scheduled that `runner` has not run yet. */
  get hasScheduled(): boolean {
    return this.#hasScheduled;
  }

  /** Of the configuration in use, until disposed. */
  get runner(): Workplace["runner"] | undefined {
    return this.#place?.runner;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    const place = this.#place;
    this.#place = undefined;
    await place?.release();
  }

  /** Grant, place on disk, and what to do with failures: the frame of every request. */
  async #serve<T>(
    { key, name }: Addressed,
    work: (granted: Granted) => T | Promise<T>,
    { compare = false }: { compare?: boolean } = {},
  ): Promise<T | Refusal> {
    using _turn = this.turn.begin(name);
    this.#close();
    return await refusing(this.#options.reporter, async () => {
      const peer = this.#identity;
      if (peer === undefined) return { kind: "denied", why: "no grant" } as const;
      const admission = admit({
        grant: grant(this.#configured, { name, key, peer, compare }),
        refusesIfDirty: false,
        isDirty: undefined,
      });
      if (admission.do === "refuse") {
        if (admission.marksForPeer) await this.#recheck.markForPeer(name);
        return this.#recheck.refuse(name, admission.outcome);
      }
      const at = locate(this.#configured, name);
      if (at === undefined) {
        const prefix = name.slice(1, name.indexOf("%", 1));
        const { hostName } = this.#configured;
        return failed(`Prefix '${prefix}' is not defined for host '${hostName}'.`);
      }
      return await work({ name, key, peer, at });
    });
  }

  /**
   * Locks the path and sees what is there, then compares that with the state: whoever changes the
   * object after the look is noticed before anything is replaced.
   *
   * @param options `makes`: something is to be made, so that the directory above is needed
   */
  async #hold(
    granted: Granted,
    { refusesIfDirty, makes = false }: { refusesIfDirty: boolean; makes?: boolean },
  ): Promise<Held | Refusal> {
    const missing = await this.#workplace.roots.refusalOf(granted.name);
    if (missing !== undefined) return this.#recheck.refuse(granted.name, missing);
    const target = this.#target(granted);
    const held = await this.#workplace.applier.hold(target, { waitMs: this.#lockWaitMs });
    if (held === undefined) return BUSY;
    using undo = new DisposableStack();
    undo.use(held);
    held.look();
    const refusal = refusesIfDirty && await this.#recheck.refuseDirty(granted.name);
    if (refusal) return refusal;
    if (
      makes && held.seen === undefined && makesParents(this.#workplace, this.#configured, granted)
    ) {
      const refusal = held.makeParents();
      if (refusal !== undefined) return this.#recheck.refuse(granted.name, refusal);
    }
    undo.move();
    return held;
  }

  #target({ name, at }: Granted): Target {
    const backups = backupsOf(this.#workplace.config, name);
    const actions = scheduleFor(this.#configured, name, "remote");
    return { name, at, peer: this.#identity!, backups, actions };
  }

  get #recheck(): Recheck {
    return new Recheck({
      place: this.#workplace,
      config: this.#configured,
      peer: this.#identity!,
      reporter: this.#options.reporter,
      scheduled: (actions) => this.#scheduled(actions),
    });
  }

  #tell(name: DbName, { outcome, changed }: Applied): void {
    if (!changed) return;
    this.#scheduled(scheduleFor(this.#configured, name, "remote"));
    if (outcome.kind === "done") {
      this.#options.reporter.note(say.updated(name, this.#identity!));
    }
  }

  #scheduled(actions: readonly ScheduledAction[]): void {
    if (actions.length === 0) return;
    this.#hasScheduled = true;
    this.#workplace.runner.scheduled(actions);
  }

  #close(): void {
    this.#open?.[Symbol.dispose]();
    this.#open = undefined;
  }

  get #workplace(): Workplace {
    if (this.#place === undefined) throw new Error("configure() has to come first");
    return this.#place;
  }

  get #lockWaitMs(): number {
    return this.#options.lockWaitMs ?? 60_000;
  }

  get #configured(): Config {
    if (this.#config === undefined) throw new Error("configure() has to come first");
    return this.#config;
  }
}
