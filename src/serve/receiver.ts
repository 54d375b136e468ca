/** Answers one connection's requests: identify, admit, check again, apply, record. */
import { signature } from "../delta/mod.ts";
import type { SourceFile } from "../fs/mod.ts";
import {
  type ByteStream,
  type Change,
  checkText,
  DONE,
  type Meta,
  type Outcome,
  type Refusal,
} from "../model/mod.ts";
import type {
  Addressed,
  BulkHandler,
  ListedRow,
  LookReply,
  PutSession,
  RequestHandler,
} from "../protocol/mod.ts";
import { BulkReceiver } from "./bulk_receiver.ts";
import { Client, type ClientOptions } from "./client.ts";
import { contentOf, nothing } from "./content.ts";
import type { Workplace } from "./context.ts";
import { absentReply } from "./failures.ts";
import { Gate, type Granted } from "./gate.ts";
import { listedRows, type ListQuery } from "./listed_rows.ts";
import { beginPut } from "./single_put.ts";
import { Turn } from "./turn.ts";

const CONFIG_NAME_REGEXP = /^[a-z0-9]*$/;

export type ReceiverOptions = ClientOptions;

/** RequestHandler of one connection, shared by both dialects. */
export class Receiver implements RequestHandler {
  readonly turn: Turn;
  readonly bulk: BulkHandler;
  readonly #client: Client;
  readonly #gate: Gate;
  readonly #isFork: boolean;
  /** What the last answer still reads from. */
  #open: SourceFile | undefined;

  /** @param origin whose client is to be answered at the same time */
  constructor(options: ReceiverOptions, origin?: Receiver) {
    this.#isFork = origin !== undefined;
    this.#client = origin === undefined ? new Client(options) : origin.#client;
    this.#gate = new Gate(this.#client);
    this.turn = origin?.turn.fork() ?? new Turn();
    this.bulk = new BulkReceiver({
      client: this.#client,
      gate: this.#gate,
      turn: this.turn,
      fork: () => new Receiver(options, this),
    });
  }

  secured(certificate: Uint8Array | undefined): void {
    this.#client.secured(certificate);
  }

  async configure(name: string): Promise<"ok" | "bad-name"> {
    if (!CONFIG_NAME_REGEXP.test(name)) return "bad-name";
    using _turn = this.turn.begin(undefined);
    await this.#client.configure(name);
    return "ok";
  }

  restrictGroups(list: readonly string[]): Promise<boolean> {
    return Promise.resolve(this.#client.restrictGroups(list));
  }

  async identify(name: string): Promise<"ok" | "failed" | "encryption-expected"> {
    using _turn = this.turn.begin(undefined);
    return await this.#client.identify(name);
  }

  get isIdentified(): boolean {
    return this.#client.identity !== undefined;
  }

  get isKnown(): boolean {
    return this.#client.isKnown;
  }

  async look(at: Addressed): Promise<LookReply> {
    return await this.#serve(at, (granted) => this.#look(granted));
  }

  async #look(granted: Granted): Promise<LookReply> {
    const { workplace: { jail }, configured, signed } = this.#client, { name, at } = granted;
    const held = await this.#gate.hold(granted);
    if ("kind" in held) return held;
    using _held = held;
    const entry = jail.look(at);
    if (entry.kind === "absent") return absentReply(entry, this.#gate.makesParents(granted));
    const text = checkText(entry, { time: "zero", ignored: configured.ignored });
    if (entry.kind !== "reg") {
      signed.add(name, text);
      return { kind: "there", checkText: text };
    }
    this.#open = jail.open(at);
    signed.add(name, this.#open.fingerprint);
    return { kind: "there", checkText: text, signature: signature(this.#open) };
  }

  async mark(at: Addressed): Promise<Outcome> {
    return await this.#serve(at, async ({ name }) => {
      await this.#gate.recheck.markForPeer([name]);
      return DONE;
    });
  }

  async flush(at: Addressed): Promise<Outcome> {
    return await this.#serve(at, async (granted) => {
      const held = await this.#gate.holdForChange(granted, { refusesIfDirty: false });
      if ("kind" in held) return held;
      using _held = held;
      await this.#gate.recheck.look(granted.name);
      await this.#client.workplace.state.transaction((tx) => tx.clearMarks(granted.name));
      return DONE;
    });
  }

  async change(at: Addressed, change: Change): Promise<Outcome> {
    return await this.#serve(at, async (granted) => {
      // SETIME follows a SIG that found no difference, so marks do not stand in its way (W 11).
      const isTime = change.kind === "mtime";
      const makes = !["remove", "own", "mode", "mtime"].includes(change.kind);
      const held = await this.#gate.holdForChange(granted, { refusesIfDirty: !isTime, makes });
      if ("kind" in held) return held;
      using owned = held;
      const { signed, workplace: { roots } } = this.#client;
      if (isTime) {
        // Our own clients look at everything before they say that it is what they have.
        const options = { signed, isStrict: this.#isFork };
        const refusal = await this.#gate.recheck.refuseTime(granted.name, owned, options);
        if (refusal) return refusal;
      } else signed.forget(granted.name);
      const applied = await owned.change(change);
      if (change.kind === "remove" && applied.outcome.kind === "done") {
        await roots.removed(granted.name);
      }
      return this.#gate.tell(granted, applied);
    });
  }

  async beginPut(at: Addressed, meta?: Meta): Promise<PutSession | Refusal> {
    const { puts } = this.#client.options;
    using cleanup = new DisposableStack();
    const begun = this.turn.beginAmongOthers(at.name);
    cleanup.use(begun instanceof Promise ? await begun : begun);
    const permit = puts && await puts.take();
    if (permit !== undefined) cleanup.use(permit);
    this.#close();
    return await beginPut(this.#client, this.#gate, { at, meta, ending: cleanup });
  }

  async measure(at: Addressed, of: "mtime" | "size"): Promise<bigint | undefined | Refusal> {
    return await this.#serve(at, ({ at: located }) => {
      const { entry, fingerprint } = this.#client.workplace.jail.lookClosely(located);
      if (entry.kind === "absent") return undefined;
      // COMPAT: of every kind, as the client's side of the comparison has it: else both may win, or none.
      return of === "mtime" ? entry.meta.mtime : BigInt(fingerprint?.size ?? 0);
    });
  }

  /** Never follows a link and never opens anything but a regular file (W 20.18). */
  async content(at: Addressed): Promise<ByteStream | Refusal> {
    return await this.#serve(at, ({ at: located }): ByteStream => {
      const { jail } = this.#client.workplace;
      const entry = jail.look(located);
      if (entry.kind === "dir" || entry.kind === "absent") return nothing();
      this.#open = jail.open(located);
      return contentOf(this.#open);
    }, { compare: true });
  }

  async *list(query: Omit<ListQuery, "peer">): AsyncGenerator<readonly ListedRow[]> {
    const { identity: peer, configured, workplace: { state } } = this.#client;
    if (peer === undefined) return;
    using _turn = await this.turn.beginAmongOthers(query.only);
    yield* listedRows({ config: configured, state }, { peer, ...query });
  }

  /** Whether commands were scheduled that `runner` has not run yet. */
  get hasScheduled(): boolean {
    return this.#client.hasScheduled;
  }

  /** Of the configuration in use, until disposed. */
  get runner(): Workplace["runner"] | undefined {
    return this.#client.runner;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    if (!this.#isFork) await this.#client.leave();
  }

  /** The frame of every request on a name. */
  async #serve<T>(
    asked: Addressed,
    work: (granted: Granted) => T | Promise<T>,
    options: { compare?: boolean } = {},
  ): Promise<T | Refusal> {
    const begun = this.turn.beginAmongOthers(asked.name);
    using _turn = begun instanceof Promise ? await begun : begun;
    this.#close();
    return await this.#gate.pass(asked, work, options);
  }

  #close(): void {
    this.#open?.[Symbol.dispose]();
    this.#open = undefined;
  }
}
