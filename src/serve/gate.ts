/** What every request passes, whatever it wants: grant, place on disk, lock, own changes first. */
import { scheduleFor } from "../actions/mod.ts";
import { type Applied, BUSY, type Held, type HeldMany, type Target } from "../apply/mod.ts";
import { grant, locate } from "../config/mod.ts";
import {
  type DbName,
  type Entry,
  failed,
  type HostName,
  type Located,
  type Outcome,
  type Refusal,
} from "../model/mod.ts";
import type { Addressed } from "../protocol/mod.ts";
import { type Admission, admit } from "../reconcile/mod.ts";
import { backupsOf } from "./backups.ts";
import { makesParents } from "./check_name.ts";
import type { Client } from "./client.ts";
import { refusing } from "./failures.ts";
import * as say from "./messages.ts";
import { Recheck } from "./recheck.ts";

/** A request that passed the grant. */
export interface Granted {
  readonly name: DbName;
  readonly key: string;
  readonly peer: HostName;
  readonly at: Located;
}

/** Of one client; has no state of its own. */
export class Gate {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Runs `work` for those who may; what goes wrong with disk or state is a refusal. */
  pass<T>(
    asked: Addressed,
    work: (granted: Granted) => T | Promise<T>,
    { compare = false }: { compare?: boolean } = {},
  ): Promise<T | Refusal> {
    return refusing<T | Refusal>(this.#client.options.reporter, () => {
      const judged = this.judge(asked, { compare });
      return "name" in judged ? work(judged) : this.#refuse(asked.name, judged);
    });
  }

  async #refuse(
    name: DbName,
    { outcome, marksForPeer }: Extract<Admission, { do: "refuse" }>,
  ): Promise<Refusal> {
    if (marksForPeer) await this.recheck.markForPeer([name]);
    return this.recheck.refuse(name, outcome);
  }

  /** Whether the client may ask this, without a look at anything. */
  judge(
    { key, name }: Addressed,
    { compare = false }: { compare?: boolean } = {},
  ): Granted | Extract<Admission, { do: "refuse" }> {
    const { identity: peer, configured } = this.#client;
    if (peer === undefined) return NOBODY;
    const admission = admit({
      grant: grant(configured, { name, key, peer, compare }),
      refusesIfDirty: false,
      isDirty: undefined,
    });
    if (admission.do === "refuse") return admission;
    const at = locate(configured, name);
    if (at !== undefined) return { name, key, peer, at };
    const prefix = name.slice(1, name.indexOf("%", 1));
    const outcome = failed(`Prefix '${prefix}' is not defined for host '${configured.hostName}'.`);
    return { do: "refuse", outcome, marksForPeer: false };
  }

  /**
   * Locks the path for a look. Not while the object is being replaced: a second program of the peer would
   * take what is about to go for the last word, and forget a removal (two pushes of one host at the same
   * time).
   */
  async hold(granted: Granted): Promise<Held | Refusal> {
    const { applier, roots } = this.#client.workplace, { name, at, peer } = granted;
    const missing = await roots.refusalOf(name);
    if (missing !== undefined) return this.recheck.refuse(name, missing);
    const target: Target = { name, at, peer, backups: [], actions: [] };
    return await applier.hold(target, { waitMs: this.lockWaitMs }) ?? BUSY;
  }

  /**
   * Locks the path and sees what is there, then compares that with the state: whoever changes the
   * object after the look is noticed before anything is replaced.
   *
   * @param options `makes`: something is to be made, so that the directory above is needed
   */
  async holdForChange(
    granted: Granted,
    { refusesIfDirty, makes = false, lockWaitMs: waitMs = this.lockWaitMs }: {
      refusesIfDirty: boolean;
      makes?: boolean;
      lockWaitMs?: number | undefined;
    },
  ): Promise<Held | Refusal> {
    const { workplace } = this.#client;
    const asked = workplace.roots.refusalOf(granted.name), missing = asked && await asked;
    if (missing !== undefined) return this.recheck.refuse(granted.name, missing);
    const target = this.#target(granted);
    const holding = workplace.applier.hold(target, { waitMs });
    const held = holding instanceof Promise ? await holding : holding;
    if (held === undefined) return BUSY;
    using undo = new DisposableStack();
    undo.use(held);
    held.look();
    const refusal = refusesIfDirty && await this.recheck.refuseDirty(granted.name, held.seen);
    if (refusal) return refusal;
    if (makes && held.seen === undefined && this.makesParents(granted)) {
      const refusal = await held.makeParents();
      if (refusal !== undefined) return this.recheck.refuse(granted.name, refusal);
    }
    undo.move();
    return held;
  }

  /**
   * As `holdForChange`, for many files: in the same order, locks and disk before the state. Whatever is in the
   * way of one, it is left to that.
   *
   * @returns the locks, and where among `granted` nothing is in the way
   */
  async holdFree(granted: readonly Granted[]): Promise<{ held: HeldMany; free: number[] }> {
    const { roots, applier } = this.#client.workplace;
    const missing = await roots.refusalsOf(granted.map(({ name }) => name));
    using undo = new DisposableStack();
    const held = undo.use(applier.holdFree(granted.map((one) => this.#target(one))));
    const seen: { at: number; name: DbName; entry: Entry }[] = [];
    for (let at = 0; at < granted.length; at++) {
      const { name } = granted[at]!, entry = held.seen(at);
      if (missing?.[at] !== undefined || entry === undefined || !isPlain(entry)) continue;
      seen.push({ at, name, entry });
    }
    const areFree = seen.length > 0 ? await this.recheck.areFree(seen) : [];
    undo.move();
    return { held, free: seen.filter((_, n) => areFree[n]).map(({ at }) => at) };
  }

  #target({ name, at, peer }: Granted): Target {
    const { workplace, configured } = this.#client;
    const backups = backupsOf(workplace.config, name);
    const actions = scheduleFor(configured, name, "remote");
    return { name, at, peer, backups, actions };
  }

  /** Whether directories above the object are made with it. */
  makesParents(granted: Granted): boolean {
    return makesParents(this.#client.workplace, this.#client.configured, granted);
  }

  get recheck(): Recheck {
    const client = this.#client;
    return new Recheck({
      place: client.workplace,
      config: client.configured,
      peer: client.identity!,
      reporter: client.options.reporter,
      scheduled: (actions) => client.scheduled(actions),
    });
  }

  /** What follows from a change that was carried out. @returns its outcome */
  tell({ name, peer }: Granted, { outcome, changed }: Applied): Outcome {
    if (!changed) return outcome;
    this.#client.scheduled(scheduleFor(this.#client.configured, name, "remote"));
    const { reporter } = this.#client.options;
    if (outcome.kind === "done" && reporter.wants(1)) reporter.note(say.updated(name, peer));
    return outcome;
  }

  /** LIMIT: longest wait for a path. */
  get lockWaitMs(): number {
    return this.#client.options.lockWaitMs ?? 60_000;
  }
}

/** Nothing, or a file to be replaced. */
function isPlain(entry: Entry): boolean {
  return entry.kind === "reg" || entry.kind === "absent" && entry.because === "leaf";
}

const NOBODY: Extract<Admission, { do: "refuse" }> = {
  do: "refuse",
  outcome: { kind: "denied", why: "no grant" },
  marksForPeer: false,
};
