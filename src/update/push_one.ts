/** One dirty row against one Peer: look, decide, act. */
import { keyFor, locate } from "../config/mod.ts";
import { tickIsOver } from "../fs/mod.ts";
import {
  checkText,
  type DirtyRow,
  type Entry,
  exhaustive,
  hidesTarget,
  type Located,
  nanos,
  type Outcome,
  parent,
  parseCheckText,
  type Present,
  type Refusal,
  refusalText,
  sameCheckText,
  toSeconds,
} from "../model/mod.ts";
import type { DeltaSource, ThereView } from "../protocol/mod.ts";
import { type PushFacts, type PushStep, pushStep, type ThereFacts } from "../reconcile/mod.ts";
import { type Contested, winsConflict } from "./conflict.ts";
import { memorySource, OutgoingContent } from "./content.ts";
import { isSystemError, type PushContext } from "./context.ts";
import * as say from "./messages.ts";
import type { NotThere, Seen, SeenThere, SmallContent } from "./offered.ts";

/**
 * How it went. `settled`: the peer has it. `kept`: the row stays, and why was said. `in-no-group`:
 * nothing may be sent. `present`: a removal that is none any more. `parent-missing`: the peer needs
 * the directory above first. `not-due`: the peer has something else than `onlyOver`.
 */
export type PushResult =
  | "settled"
  | "kept"
  | "in-no-group"
  | "present"
  | "parent-missing"
  | "not-due";

/** The version of nothing. */
const NOTHING = "---";
const TIME_REGEXP = /^v1:mtime=-?\d+/;
const ZERO_TIME = "v1:mtime=0";
/** What a file takes that is read while it is sent: pieces of it. */
const STREAM_BYTES = 1_048_576;

export interface PushOptions {
  readonly isRemoval: boolean;
  /** What an offer has found; without it both sides are looked at now. */
  readonly seen?: Seen | undefined;
}

/** Everything about one row while it is pushed. */
interface Push extends Contested {
  readonly row: DirtyRow;
  readonly here: Entry;
  readonly seen?: Seen | undefined;
  /** Of a regular file. */
  readonly content?: OutgoingContent;
  /** The peer had nothing when it was asked. */
  readonly isNew?: boolean;
}

/**
 * Pushes one row. What the peer or the disk refuses is reported and leaves the row.
 *
 * @throws NetError, ProtocolError when the connection is no longer usable; StateError
 */
export async function pushOne(
  context: PushContext,
  row: DirtyRow,
  { isRemoval, seen }: PushOptions,
): Promise<PushResult> {
  const { config, reporter, peerName: peer, jail } = context;
  const { name } = row;
  const job = { context, name, peer, isRemoval };
  const key = keyFor(config, name, peer);
  const at = locate(config, name);
  if (key === undefined || at === undefined) {
    reporter.note(say.notInMyGroups(job));
    return "in-no-group";
  }
  // PERF: nothing is waited for that is there already; a promise less for a file is half a microsecond.
  const isIdentified = context.identify(row.myName);
  if (isIdentified !== true && !await isIdentified) return "kept";
  try {
    const here = seen?.here ?? jail.look(at);
    // It came back since the rows were read: never delete what is here.
    if (isRemoval && here.kind !== "absent") return "present";
    if (!isRemoval && here.kind === "absent") reporter.note(say.vanished(job));
    else return await pushEntry({ ...job, row, key, at, here, seen });
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const isGone = seen !== undefined && lookThrough(context, at).kind === "absent";
    reporter.note(isGone ? say.vanished(job) : say.cannotRead(job, error));
  }
  return keep(job);
}

/** What is there now; what cannot be looked at is not absent. */
function lookThrough({ jail }: PushContext, at: Located): Entry | { readonly kind: "unknown" } {
  try {
    return jail.look(at);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { kind: "unknown" };
  }
}

function keep({ context: { reporter }, ...job }: Pick<Push, "context"> & say.Job): "kept" {
  reporter.note(say.staysDirty(job));
  return "kept";
}

function refuse(push: Push, refusal: Refusal): "kept" {
  push.context.reporter.note(say.refused(push, push.content?.problem ?? refusalText(refusal)));
  return keep(push);
}

function pushEntry(push: Push): PushResult | Promise<PushResult> {
  const { context: { reporter, looked }, here: before } = push;
  if (reporter.wants(1)) reporter.note(say.started(push));
  looked(push.name, before);
  if (before.kind !== "reg") return decide(push);
  const read = contentRead(push, push.seen?.small);
  return read === undefined ? pushOpened(push) : decide({ ...push, ...read });
}

/** Regular files stay open from the first look to the last byte: one state is compared and sent. */
async function pushOpened(push: Push): Promise<PushResult> {
  const { context: { jail, looked } } = push;
  using source = jail.open(push.at);
  await tickIsOver(source.fingerprint);
  const here: Entry = { kind: "reg", meta: source.meta, size: source.size };
  looked(push.name, here);
  return await decide({ ...push, here, content: new OutgoingContent(source) });
}

/** Undefined: the file has to be opened. @throws OsError */
function contentRead(
  { context, name }: Push,
  small: SmallContent | undefined,
): Pick<Push, "here" | "content"> | undefined {
  const { file, bytes } = small ?? {};
  if (file instanceof Error) throw file;
  if (file === undefined || bytes === undefined) return undefined;
  const here = file.entry;
  context.looked(name, here);
  return { here, content: new OutgoingContent(memorySource(bytes.subarray(0, here.size))) };
}

/** Facts, a pure decision, and obedience. */
function decide(push: Push): PushResult | Promise<PushResult> {
  const { row, here, name, seen, context: { onlyOver } } = push;
  const hasParent = parent(name) !== undefined;
  const facts: PushFacts = { forced: row.forced, here, there: undefined, hasParent };
  const step = pushStep(facts);
  if (step.do !== "look") return perform(push, step);
  // PERF: nearly always.
  if (seen?.there.kind === "absent" && onlyOver === undefined) {
    return perform({ ...push, isNew: true }, pushStep({ ...facts, there: { kind: "absent" } }));
  }
  return decideThere(push, facts);
}

async function decideThere(push: Push, facts: PushFacts): Promise<PushResult> {
  const there = push.seen === undefined
    ? await lookThere(push)
    : await judgeOffered(push, push.seen.there);
  if ("refusal" in there) return refuse(push, there.refusal);
  if (!await isOver(push, there)) return "not-due";
  const isNew = there.kind === "absent";
  return await perform({ ...push, isNew }, pushStep({ ...facts, there }));
}

/** The peer is asked again only when its content is what matters. */
async function judgeOffered(push: Push, answer: SeenThere): ReturnType<typeof lookThere> {
  if (answer.kind !== "there") {
    const facts = answerFacts(answer);
    // The directory above may have been sent since.
    return "refusal" in facts || facts.kind !== "parent-missing" ? facts : { kind: "absent" };
  }
  const sameText = isSameText(push, answer.checkText);
  if (sameText && push.content !== undefined) return await lookThere(push);
  return { kind: "there", sameText, sameContent: true };
}

async function lookThere(
  push: Push,
): Promise<ThereFacts & { isOver?: boolean } | { readonly refusal: Refusal }> {
  const { context: { peer }, key, name } = push;
  const answer = await peer.look(key, name, (view) => judge(push, view));
  return answer.kind === "there" ? { kind: "there", ...answer.judged } : answerFacts(answer);
}

function answerFacts(
  answer: NotThere,
): { readonly kind: "absent" | "behind-link" | "parent-missing" } | { readonly refusal: Refusal } {
  switch (answer.kind) {
    case "absent":
    case "behind-link":
    case "parent-missing":
      return { kind: answer.kind };
    default:
      // Something else is where the directory above should be, so nothing of that name is there.
      if (refusalText(answer) === "Not a directory") return { kind: "parent-missing" };
      return { refusal: answer };
  }
}

/** Whether the peer has what it is to have if anything is to be done. SIG does not tell the time. */
async function isOver(push: Push, there: ThereFacts & { isOver?: boolean }): Promise<boolean> {
  const { context: { onlyOver, peer }, key, name } = push;
  if (onlyOver === undefined) return true;
  if (there.kind !== "there") return onlyOver === NOTHING;
  if (there.isOver !== true) return false;
  const { type, mtime } = parseCheckText(onlyOver)!;
  if (type !== "reg" || mtime === undefined) return true;
  const now = await peer.measure(key, name, "mtime");
  if (typeof now !== "bigint") return false;
  return peer.timeUnit === "nanos"
    ? now === mtime.value
    : toSeconds(nanos(now)) === toSeconds(nanos(mtime.value));
}

/** The signature is not even pulled when the texts differ. */
async function judge({ context, here, content }: Push, view: ThereView) {
  const { onlyOver = NOTHING } = context;
  const there = view.checkText.replace(TIME_REGEXP, ZERO_TIME);
  const isOver = sameCheckText(onlyOver.replace(TIME_REGEXP, ZERO_TIME), there);
  if (here.kind === "absent") return { sameText: false, sameContent: false, isOver };
  const sameText = isSameText({ context, here }, there);
  const isContentOpen = sameText && content !== undefined;
  const sameContent = !isContentOpen || await content.isThat(view);
  return { sameText, sameContent, isOver };
}

/** But for the time, which SIG does not tell. */
function isSameText({ context: { config }, here }: Pick<Push, "context" | "here">, there: string) {
  if (here.kind === "absent") return false;
  const own = checkText(here, { time: "zero", ignored: config.ignored });
  // D 7.3.4: a target that the peer does not tell may be another one, so the link is sent.
  return sameCheckText(own, there.replace(TIME_REGEXP, ZERO_TIME)) && !hidesTarget(there);
}

function perform(push: Push, step: PushStep): PushResult | Promise<PushResult> {
  const { context: { peer, reporter, dryRun }, key, name } = push;
  switch (step.do) {
    case "forget":
      return forget(push, step.why);
    case "touch":
      reporter.note(say.upToDate(push));
      return dryRun ? tellDry(push, "?S") : touch(push, step.want);
    case "put":
      if (dryRun) return tellDry(push, step.flush ? "!M" : "?M");
      return put(push, step.want);
    case "remove":
      if (dryRun) return tellDry(push, step.flush ? "!D" : "?D");
      return carryOut(push, () => peer.remove(key, name));
    case "parents":
      return "parent-missing";
    case "skip":
    case "look":
      return "kept"; // Neither comes up with an object that was looked at on both sides.
    default:
      return exhaustive(step);
  }
}

function forget(push: Push, why: "equal" | "gone-there" | "socket"): PushResult {
  const { context: { reporter, dryRun }, here } = push;
  const mode = here.kind === "absent" ? 0 : here.meta.mode;
  reporter.note(why === "socket" ? say.unsupported(push, mode) : say.upToDate(push));
  return dryRun ? tellDry(push, "?S") : "settled";
}

async function touch(push: Push, want: Present): Promise<PushResult> {
  const { context: { peer, wasPut }, key, name } = push;
  const outcome = await peer.touch(key, name, want.meta.mtime);
  if (outcome.kind !== "done") return refuse(push, outcome);
  wasPut(name, want, 0);
  return "settled";
}

async function put(push: Push, want: Present): Promise<PushResult> {
  const { context: { peer, wasPut }, key, name, content, isNew = false } = push;
  const delta: DeltaSource | undefined = content && ((signature) => content.delta(signature));
  const options = { isNew, ...(content && { whole: () => content.whole() }) };
  const result = await carryOut(push, () => peer.put(key, name, want, delta, options));
  if (result === "settled") wasPut(name, want, want.kind === "reg" ? want.size : 0);
  return result;
}

/**
 * Flushes the peer's own mark when the row is forced, then acts; after a conflict that is won once
 * more with force, without asking what is there (W 16.3).
 */
async function carryOut(push: Push, act: () => Promise<Outcome>): Promise<PushResult> {
  const { context: { reporter }, row, here } = push;
  if (row.forced) {
    const outcome = await flushThen(push, act);
    if (outcome.kind === "done") return "settled";
    return await isParentMissing(push) ? "parent-missing" : refuse(push, outcome);
  }
  const outcome = await act();
  if (outcome.kind === "done") return "settled";
  if (mayLackParent(push, outcome) && await isParentMissing(push)) return "parent-missing";
  // What it has changed itself it will tell everybody.
  if (outcome.kind === "conflict" && push.context.onlyOver !== undefined) return "not-due";
  if (outcome.kind !== "conflict" || !await winsConflict(push, here)) return refuse(push, outcome);
  await push.context.tellOthers(push.name);
  const second = await flushThen(push, act);
  if (second.kind === "done") return "settled";
  reporter.note(say.gaveUp(push));
  return refuse(push, second);
}

/**
 * It was not asked for just now, and what the peer's disk says may mean anything. Marks there are looked
 * at first; a directory that was missing before is what counts.
 */
function mayLackParent({ seen }: Push, { kind }: Refusal): boolean {
  if (seen === undefined) return false;
  return kind === "parent-missing" || kind === "failed" ||
    (kind === "conflict" && seen.there.kind !== "there" && isParentMissingIn(seen.there));
}

function isParentMissingIn(there: NotThere): boolean {
  const facts = answerFacts(there);
  return "kind" in facts && facts.kind === "parent-missing";
}

async function flushThen(push: Push, act: () => Promise<Outcome>): Promise<Outcome> {
  const { context: { peer }, key, name } = push;
  const flushed = await peer.flush(key, name);
  return flushed.kind === "done" ? await act() : flushed;
}

/** Who does not look first asks afterwards why it failed. */
async function isParentMissing({ context: { peer }, key, name, isRemoval }: Push) {
  if (isRemoval || parent(name) === undefined) return false;
  const there = await peer.look(key, name, () => Promise.resolve());
  if (there.kind === "there") return false;
  const facts = answerFacts(there);
  return "kind" in facts && facts.kind === "parent-missing";
}

/** One line of a dry run; the row stays. */
function tellDry({ context: { reporter }, peer, name }: Push, kind: string): "kept" {
  reporter.print(say.dryRunLine(kind, peer, name), { event: "dry-run", kind, peer, name });
  return "kept";
}

/** Memory that a row takes while it is pushed; files that are open count as much as their pieces. */
export function memoryOf(seen: Seen | undefined): number {
  if (seen === undefined) return STREAM_BYTES / 4;
  const { here, small } = seen;
  if (here.kind !== "reg") return 0;
  return small === undefined ? STREAM_BYTES : here.size;
}
