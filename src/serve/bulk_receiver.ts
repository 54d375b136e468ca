/** What only our own clients ask for (docs/fast-protocol.md, 4): many rows, digests, objects in one step. */
import type { Held } from "../apply/mod.ts";
import {
  type Change,
  checkText,
  type DbName,
  type Entry,
  failed,
  type Outcome,
  type Refusal,
} from "../model/mod.ts";
import type {
  Addressed,
  BulkHandler,
  KeyedIdentity,
  KeyProofs,
  OfferAnswer,
  Offered,
  RangeHandler,
  RequestHandler,
  SmallPut,
  WantedCopy,
} from "../protocol/mod.ts";
import type { Client } from "./client.ts";
import { Copies } from "./copies.ts";
import { digestOf } from "./digest.ts";
import { refusing } from "./failures.ts";
import type { Gate, Granted } from "./gate.ts";
import { type Bodiless, makingOf } from "./making.ts";
import { Offers } from "./offers.ts";
import { rangesFor } from "./range_digests.ts";
import { PutMany } from "./put_many.ts";
import type { Turn } from "./turn.ts";

/** A file that is written to all the time has no digest. */
const DIGEST_TRIES = 3;

export interface BulkReceiverOptions {
  readonly client: Client;
  readonly gate: Gate;
  readonly turn: Turn;
  readonly fork: () => RequestHandler;
}

/** BulkHandler of one handler of a connection. */
export class BulkReceiver implements BulkHandler {
  readonly #client: Client;
  readonly #gate: Gate;
  readonly #turn: Turn;
  readonly fork: () => RequestHandler;

  constructor({ client, gate, turn, fork }: BulkReceiverOptions) {
    this.#client = client;
    this.#gate = gate;
    this.#turn = turn;
    this.fork = fork;
  }

  /** Not of a name, so that it is no file in hand. */
  get ranges(): RangeHandler {
    const { configured: config, identity: peer = "", workplace: { state } } = this.#client;
    return rangesFor({ config, state, peer });
  }

  async identifyByKeys(name: string, shown: KeyProofs): Promise<KeyedIdentity> {
    using _turn = await this.#turn.beginAmongOthers(undefined);
    return await this.#client.identifyByKeys(name, shown);
  }

  async offer(rows: readonly Offered[]): Promise<readonly OfferAnswer[]> {
    using _turn = await this.#turn.beginAmongOthers(undefined);
    const offers = new Offers(this.#client, this.#gate, rows);
    const answers = await refusing(this.#client.options.reporter, () => offers.answer());
    return "kind" in answers ? rows.map(() => answers) : answers;
  }

  async digest(at: Addressed): Promise<Uint8Array | undefined | Refusal> {
    return await this.#serve(at, async (granted) => {
      for (let tries = DIGEST_TRIES; tries > 0; tries--) {
        const found = await this.#digestOnce(granted);
        if (found !== "changed") return found;
      }
      return failed("Text file busy");
    });
  }

  async #digestOnce(granted: Granted): Promise<Uint8Array | undefined | Refusal | "changed"> {
    const { workplace: { jail }, signed } = this.#client, { name, at } = granted;
    const held = await this.#gate.hold(granted);
    if ("kind" in held) return held;
    using stack = new DisposableStack();
    stack.use(held);
    if (jail.look(at).kind !== "reg") return undefined;
    using file = jail.open(at);
    stack.dispose(); // as with SIG: whoever replaces the file meanwhile changes its fingerprint
    const digest = await digestOf(file);
    if (digest === undefined) return "changed";
    signed.add(name, file.fingerprint);
    return digest;
  }

  async copy(want: WantedCopy): Promise<Outcome | undefined> {
    using _turn = await this.#turn.beginAmongOthers(want.name);
    const permit = await this.#client.options.puts?.take();
    using _permit = permit;
    return await this.#gate.pass(
      want,
      (granted) => new Copies(this.#client, this.#gate).make(want, granted),
    );
  }

  async putMany(puts: readonly SmallPut[]): Promise<readonly Outcome[]> {
    using _turn = await this.#turn.beginAmongOthers(undefined);
    const permit = await this.#client.options.puts?.take();
    using _permit = permit;
    return await new PutMany(this.#client, this.#gate, puts).answer();
  }

  async make(at: Addressed, want: Bodiless): Promise<Outcome> {
    return await this.#serve(at, async (granted) => {
      const { create, rest, stopsAtFailure } = makingOf(want);
      const held = await this.#gate.holdForChange(granted, { refusesIfDirty: true, makes: true });
      if ("kind" in held) return held;
      using owned = held;
      this.#client.signed.forget(granted.name);
      const made = this.#gate.tell(granted, await owned.change(create));
      // PERF: nothing is left to do for a directory that was made with all that it should have.
      if (made.kind !== "done" || isDressed(owned.look(), want)) {
        if (made.kind === "done") this.#knows(granted.name, want);
        return made;
      }
      let failure: Outcome | undefined;
      for (const step of rest) {
        const outcome = await this.#followUp(granted, owned, step);
        if (outcome.kind === "done") continue;
        failure ??= outcome;
        if (stopsAtFailure) break;
      }
      if (failure === undefined) this.#knows(granted.name, want);
      return failure ?? made;
    });
  }

  /** The peer has sent it. */
  #knows(name: DbName, want: Bodiless): void {
    const { signed, configured: { ignored } } = this.#client;
    signed.add(name, checkText(want, { time: "zero", ignored }));
  }

  /** As a request of its own would: somebody here may have been faster. */
  async #followUp(granted: Granted, held: Held, step: Change): Promise<Outcome> {
    const seen = held.look();
    const { recheck } = this.#gate, { name } = granted;
    const refusal = step.kind === "mtime"
      ? await recheck.refuseTime(name, held, { signed: this.#client.signed, isStrict: true })
      : await recheck.refuseDirty(name, seen);
    return refusal ?? this.#gate.tell(granted, await held.change(step));
  }

  async #serve<T>(
    asked: Addressed,
    work: (granted: Granted) => Promise<T>,
  ): Promise<T | Refusal> {
    using _turn = await this.#turn.beginAmongOthers(asked.name);
    return await this.#gate.pass(asked, work);
  }
}

function isDressed(seen: Entry, want: Bodiless): boolean {
  if (seen.kind !== "dir" || want.kind !== "dir") return false;
  const a = seen.meta, b = want.meta;
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid && a.mtime === b.mtime;
}
