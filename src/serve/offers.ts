/** Answers an offer: what is the same needs nothing else, of everything else is told what is here. */
import { type Held } from "../apply/mod.ts";
import { resolveName } from "../config/mod.ts";
import {
  checkText,
  type CsyncError,
  type DbName,
  type Entry,
  failed,
  type FileRecord,
  type HostName,
  type Present,
  type Refusal,
} from "../model/mod.ts";
import type { OfferAnswer, Offered } from "../protocol/mod.ts";
import { type CheckStepOptions, isSameObject } from "../reconcile/mod.ts";
import type { Client } from "./client.ts";
import { absentReply, refusing, systemRefusal } from "./failures.ts";
import type { Gate, Granted } from "./gate.ts";

const SAME: OfferAnswer = { kind: "same" };

/** A row that the client may ask about, and its place in the offer. */
interface Asked {
  readonly offered: Offered;
  readonly granted: Granted;
  readonly index: number;
}

/** What the state says about all names of an offer. */
interface Known {
  readonly records: ReadonlyMap<DbName, FileRecord>;
  readonly marks: ReadonlyMap<DbName, readonly HostName[]>;
}

/** One offer of one client. */
export class Offers {
  readonly #client: Client;
  readonly #gate: Gate;
  readonly #rows: readonly Offered[];
  readonly #answers: OfferAnswer[];
  /** Names that are the same and have a mark for the client. */
  readonly #settled: { readonly name: DbName; readonly index: number; entry: Present }[] = [];

  constructor(client: Client, gate: Gate, rows: readonly Offered[]) {
    this.#client = client;
    this.#gate = gate;
    this.#rows = rows;
    this.#answers = new Array<OfferAnswer>(rows.length);
  }

  /**
   * An answer for each row.
   *
   * PERF: set-wise, because a tree that is the same everywhere costs nothing but this: one question about
   * records, one about marks, one descriptor per directory.
   */
  async answer(): Promise<readonly OfferAnswer[]> {
    const asked = await this.#admitted();
    if (asked.length === 0) return this.#answers;
    const known = await this.#known(asked);
    // From here to the look at the last of them nothing else happens in this process.
    const [free, busy] = this.#divide(asked);
    this.#look(free, known);
    await this.#settle(known);
    await Promise.all(busy.map((row) => this.#wait(row)));
    return this.#answers;
  }

  /** Those of the rows that pass grant and roots. */
  async #admitted(): Promise<Asked[]> {
    const slaves: DbName[] = [];
    const passed: Asked[] = [];
    for (let index = 0; index < this.#rows.length; index++) {
      const offered = this.#rows[index]!, judged = this.#gate.judge(offered);
      if ("name" in judged) passed.push({ offered, granted: judged, index });
      else {
        this.#answers[index] = this.#gate.recheck.refuse(offered.name, judged.outcome);
        if (judged.marksForPeer) slaves.push(offered.name);
      }
    }
    if (slaves.length > 0) await this.#gate.recheck.markForPeer(slaves);
    const { roots } = this.#client.workplace;
    const missing = await roots.refusalsOf(passed.map(({ granted }) => granted.name));
    if (missing === undefined) return passed;
    return passed.filter(({ granted, index }, at) => {
      const refusal = missing[at];
      if (refusal !== undefined) {
        this.#answers[index] = this.#gate.recheck.refuse(granted.name, refusal);
      }
      return refusal === undefined;
    });
  }

  /** To be asked before the disk: what is marked later is a change that nobody here has seen. */
  async #known(asked: readonly Asked[]): Promise<Known> {
    const { state } = this.#client.workplace;
    const names: DbName[] = [];
    for (const { offered, granted } of asked) if (offered.isCurrent) names.push(granted.name);
    const records = await state.recordsOf(names);
    return { records, marks: await state.dirtyAmong(names) };
  }

  /** Not while the object is being replaced (Gate.hold). */
  #divide(asked: readonly Asked[]): readonly [readonly Asked[], readonly Asked[]] {
    const { configured, workplace: { locks } } = this.#client;
    if (locks.isIdle) return [asked, []];
    const free: Asked[] = [], busy: Asked[] = [];
    for (const row of asked) {
      const path = resolveName(configured, row.granted.name);
      (path === undefined || locks.isFree(path) ? free : busy).push(row);
    }
    return [free, busy];
  }

  #look(rows: readonly Asked[], { records, marks }: Known): void {
    const { configured: { ignored }, workplace: { jail, state } } = this.#client;
    const seen = jail.lookEach(rows.map(({ granted }) => granted.at));
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at]!, entry = seen[at]!;
      const { granted: { name, peer }, offered, index } = row;
      if ("kind" in entry && entry.kind !== "absent") {
        const marked = marks.get(name) ?? NOBODY;
        const facts = { offered, seen: entry, record: records.get(name), marked, peer };
        const options: CheckStepOptions = { name, time: state.timeUnit, ignored };
        if (isSameObject(facts, options)) {
          this.#answers[index] = SAME;
          this.#shown(name, entry);
          if (marked.length > 0) this.#settled.push({ name, index, entry });
          continue;
        }
      }
      this.#answers[index] = this.#view(row, entry);
    }
  }

  #view({ granted }: Asked, entry: Entry | CsyncError): OfferAnswer {
    if (!("kind" in entry)) return refusalOf(entry);
    if (entry.kind === "absent") return absentReply(entry, this.#gate.makesParents(granted));
    this.#shown(granted.name, entry);
    return this.#there(entry);
  }

  /** A file is looked at once more before the client says that it is what it has. */
  #shown(name: DbName, entry: Present): void {
    const { signed, configured: { ignored } } = this.#client;
    if (entry.kind !== "reg") signed.add(name, checkText(entry, { time: "zero", ignored }));
  }

  #there(entry: Present): OfferAnswer {
    const { ignored } = this.#client.configured;
    return { kind: "there", checkText: checkText(entry, { time: "nanos", ignored }) };
  }

  /**
   * Marks for the client go, if nothing was recorded since: whoever finds a change writes the mark and
   * the record together. The others are told of in full.
   */
  async #settle({ records }: Known): Promise<void> {
    const settled = this.#settled, peer = this.#client.identity;
    if (settled.length === 0) return;
    const late = await this.#client.workplace.state.transaction(async (tx) => {
      const now = await tx.recordsOf(settled.map(({ name }) => name));
      const marks = await tx.dirtyAmong(settled.map(({ name }) => name));
      const late: typeof settled = [];
      for (const one of settled) {
        const isSame = isSameRecord(now.get(one.name), records.get(one.name)) &&
          (marks.get(one.name) ?? NOBODY).every((host) => host === peer);
        if (isSame) await tx.clearMarks(one.name, peer);
        else late.push(one);
      }
      return late;
    });
    for (const { index, entry } of late) this.#answers[index] = this.#there(entry);
  }

  /** A row whose path somebody has locked. */
  async #wait(row: Asked): Promise<void> {
    const { granted, index } = row, { options: { reporter }, workplace: { jail } } = this.#client;
    this.#answers[index] = await refusing(reporter, async () => {
      const held: Held | Refusal = await this.#gate.hold(granted);
      if ("kind" in held) return held;
      using _held = held;
      return this.#view(row, jail.look(granted.at));
    });
  }
}

const NOBODY: readonly HostName[] = [];

function refusalOf(error: CsyncError): Refusal {
  return systemRefusal(error) ?? failed("Input/output error");
}

function isSameRecord(a: FileRecord | undefined, b: FileRecord | undefined): boolean {
  return a !== undefined && b !== undefined && a.stored === b.stored && a.subsecond === b.subsecond;
}
