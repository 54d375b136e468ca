/** One dirty row against one Peer: look, decide, act. */
import { keyFor, locate } from "../config/mod.ts";
import { tickIsOver } from "../fs/mod.ts";
import {
  checkText,
  type DirtyRow,
  type Entry,
  exhaustive,
  hidesTarget,
  nanos,
  parent,
  parseCheckText,
  type Refusal,
  type Regular,
  sameCheckText,
  toSeconds,
} from "../model/mod.ts";
import type { ThereView } from "../protocol/mod.ts";
import { type PushFacts, type PushStep, pushStep, type ThereFacts } from "../reconcile/mod.ts";
import { carryOut, put, touch } from "./carry_out.ts";
import { memorySource, OutgoingContent } from "./content.ts";
import type { PushContext } from "./context.ts";
import * as say from "./messages.ts";
import type { Seen, SeenThere, SmallContent } from "./offered.ts";
import { answerFacts, keep, type Push, type PushResult, refuse, unreadable } from "./push.ts";

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
    return unreadable({ ...job, at, seen }, error);
  }
  return keep(job);
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
  // PERF: nearly always. At once, so that what is in a new directory comes behind it.
  const there = seen && onlyOver === undefined ? offeredFacts(push, seen.there) : undefined;
  if (there === undefined || "refusal" in there) return decideThere(push, facts);
  const isNew = there.kind === "absent", mayBeSame = there.kind === "there" && there.sameText;
  return perform({ ...push, isNew, mayBeSame }, pushStep({ ...facts, there }));
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
  return offeredFacts(push, answer) ?? await lookThere(push);
}

/** What an offer's answer means; undefined when the peer has to be asked for its content. */
export function offeredFacts(
  push: Pick<Push, "context" | "here">,
  answer: SeenThere,
): ThereFacts | { readonly refusal: Refusal } | undefined {
  if (answer.kind !== "there") {
    const facts = answerFacts(answer);
    // The directory above may have been sent since.
    return "refusal" in facts || facts.kind !== "parent-missing" ? facts : ABSENT;
  }
  const sameText = isSameText(push, answer.checkText);
  if (!sameText || push.here.kind !== "reg") return { kind: "there", sameText, sameContent: true };
  return isProbablyOther(push.here, answer.checkText)
    ? { kind: "there", sameText, sameContent: false }
    : undefined;
}

/**
 * PERF: a large file of another time mostly has another content. Comparing it takes as long as making its
 * delta, which tells when it is the same after all.
 */
function isProbablyOther({ size, meta: { mtime } }: Regular, there: string): boolean {
  return size > LARGE_BYTES && parseCheckText(there)?.mtime?.value !== mtime;
}

/** Content is compared up to here, and sent at once beyond it. */
const LARGE_BYTES = 8 * 1_048_576;
const ABSENT: ThereFacts = { kind: "absent" };

async function lookThere(
  push: Push,
): Promise<ThereFacts & { isOver?: boolean } | { readonly refusal: Refusal }> {
  const { context: { peer }, key, name } = push;
  const answer = await peer.look(key, name, (view) => judge(push, view));
  return answer.kind === "there" ? { kind: "there", ...answer.judged } : answerFacts(answer);
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
