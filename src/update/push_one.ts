/** One dirty row against one Peer: look, decide, act. */
import { keyFor, locate } from "../config/mod.ts";
import {
  type Absent,
  checkText,
  type DirtyRow,
  type Key,
  type Located,
  type Outcome,
  parent,
  type Present,
  type Refusal,
  sameCheckText,
} from "../model/mod.ts";
import type { SourceFile } from "../fs/mod.ts";
import type { ThereView } from "../protocol/mod.ts";
import { deltaSource, hasSameContent } from "./content.ts";
import { isSystemError, type PushContext } from "./context.ts";
import { winsConflict } from "./conflict.ts";
import * as say from "./messages.ts";

/**
 * How it went. `settled`: the peer has it. `kept`: reported, the row stays. `in-no-group`: nothing may
 * be sent. `present`: a removal that is none any more. `parent-missing`: try again behind its parent.
 */
export type PushResult = "settled" | "kept" | "in-no-group" | "present" | "parent-missing";

/** Everything about one row while it is pushed. */
interface Push extends say.Job {
  readonly context: PushContext;
  readonly row: DirtyRow;
  readonly key: Key;
  readonly at: Located;
}

/**
 * Pushes one row. What the peer or the disk refuses is reported and leaves the row.
 *
 * @throws NetError, ProtocolError when the connection is no longer usable; StateError
 */
export async function pushOne(
  context: PushContext,
  row: DirtyRow,
  isRemoval: boolean,
): Promise<PushResult> {
  const { config, reporter, peerName } = context;
  const { name } = row;
  const key = keyFor(config, name, peerName);
  const at = locate(config, name);
  if (key === undefined || at === undefined) {
    reporter.note(say.notInMyGroups({ name, peer: peerName, isRemoval }));
    return "in-no-group";
  }
  if (!await context.identify(row.myName)) return "kept";
  const push: Push = { context, row, key, at, name, peer: peerName, isRemoval };
  try {
    return isRemoval ? await pushRemoval(push) : await pushPresent(push);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    reporter.note(say.cannotRead(push, error));
    return keep(push);
  }
}

function keep({ context: { reporter }, ...push }: Push): "kept" {
  reporter.note(say.staysDirty(push));
  return "kept";
}

function refuse(push: Push, refusal: Refusal): "kept" {
  push.context.reporter.note(say.refused(push, say.reasonOf(refusal)));
  return keep(push);
}

/** W 15.5. */
async function pushRemoval(push: Push): Promise<PushResult> {
  const { context, row, key, name, at } = push;
  const { peer, jail, reporter, dryRun } = context;
  const here = jail.look(at);
  if (here.kind !== "absent") return "present"; // It came back: never delete what is here.
  reporter.note(say.started(push));
  if (!row.forced) {
    const there = await peer.look(key, name, () => Promise.resolve());
    switch (there.kind) {
      case "absent":
      case "behind-link":
      case "parent-missing":
        reporter.note(say.upToDate(push));
        return dryRun ? tellDry(push, "?S") : "settled";
      case "there":
        break;
      default:
        return refuse(push, there);
    }
  }
  if (dryRun) return tellDry(push, row.forced ? "!D" : "?D");
  return await carryOut(push, here, () => peer.remove(key, name));
}

/** W 15.3. */
async function pushPresent(push: Push): Promise<PushResult> {
  const { context: { jail, reporter }, at } = push;
  const entry = jail.look(at);
  if (entry.kind === "absent") {
    reporter.note(say.vanished(push));
    return keep(push);
  }
  reporter.note(say.started(push));
  if (entry.kind !== "reg") return await pushObject(push, entry);
  using source = jail.open(at);
  return await pushObject(push, { kind: "reg", meta: source.meta, size: source.size }, source);
}

async function pushObject(push: Push, want: Present, source?: SourceFile): Promise<PushResult> {
  const { context, row, key, name } = push;
  const { peer, reporter, dryRun } = context;
  if (!row.forced) {
    const there = await peer.look(key, name, (view) => isSame(push, { want, source, view }));
    switch (there.kind) {
      case "there":
        if (there.judged) return await pushTime(push, want);
        break;
      case "absent":
      case "behind-link":
        break;
      case "parent-missing":
        // A bare %prefix% has no parent to send: make it (W 15.6).
        if (parent(name) !== undefined) return "parent-missing";
        break;
      default:
        return refuse(push, there);
    }
  }
  if (dryRun) return tellDry(push, row.forced ? "!M" : "?M");
  if (want.kind === "sock") {
    // W 20.23: a receiver makes no sockets; asking for one only removes what is there.
    reporter.note(say.unsupported(push, want.meta.mode));
    return "settled";
  }
  const content = source && deltaSource(source);
  const result = await carryOut(push, want, () => peer.put(key, name, want, content));
  if (result === "settled") context.wasPut(name, want);
  return result;
}

interface Comparison {
  readonly want: Present;
  readonly source: SourceFile | undefined;
  readonly view: ThereView;
}

/** Texts without times, then contents: the signature is not even pulled when the texts differ. */
async function isSame(push: Push, { want, source, view }: Comparison): Promise<boolean> {
  const own = checkText(want, { time: "zero", ignored: push.context.config.ignored });
  if (!sameCheckText(own, view.checkText)) return false;
  return source === undefined || await hasSameContent(source, view.signature);
}

/** Equal but for the time, which SIG does not tell. */
async function pushTime(push: Push, want: Present): Promise<PushResult> {
  const { context, key, name } = push;
  context.reporter.note(say.upToDate(push));
  if (context.dryRun) return tellDry(push, "?S");
  if (want.kind === "lnk" || want.kind === "sock") return "settled";
  const outcome = await context.peer.touch(key, name, want.meta.mtime);
  if (outcome.kind !== "done") return refuse(push, outcome);
  context.wasPut(name, want);
  return "settled";
}

/**
 * Flushes the peer's own mark when the row is forced, then acts; after a conflict that is won once
 * more with force, without asking what is there (W 16.3).
 */
async function carryOut(
  push: Push,
  here: Present | Absent,
  act: () => Promise<Outcome>,
): Promise<PushResult> {
  const { context, row } = push;
  const outcome = row.forced ? await flushThen(push, act) : await act();
  if (outcome.kind === "done") return "settled";
  if (outcome.kind !== "conflict" || row.forced) {
    if (row.forced && await isParentMissing(push)) return "parent-missing";
    return refuse(push, outcome);
  }
  if (!await winsConflict(push, here)) return refuse(push, outcome);
  const second = await flushThen(push, act);
  if (second.kind === "done") return "settled";
  context.reporter.note(say.gaveUp(push));
  return refuse(push, second);
}

async function flushThen(push: Push, act: () => Promise<Outcome>): Promise<Outcome> {
  const { context: { peer }, key, name } = push;
  const flushed = await peer.flush(key, name);
  return flushed.kind === "done" ? await act() : flushed;
}

/** A forced push does not look first, so it asks afterwards why it failed. */
async function isParentMissing({ context: { peer }, key, name, isRemoval }: Push) {
  if (isRemoval || parent(name) === undefined) return false;
  const there = await peer.look(key, name, () => Promise.resolve());
  return there.kind === "parent-missing";
}

/** One line of a dry run: kind, peer padded to 15, name (D 4.6). */
function tellDry({ context: { reporter }, peer, name }: Push, kind: string): "kept" {
  reporter.print(say.dryRunLine(kind, peer, name));
  return "kept";
}
