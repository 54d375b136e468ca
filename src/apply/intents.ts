/** Changes that a crash interrupted: completed, or taken back (N 7.9). */
import {
  type CheckFields,
  type DbName,
  type Entry,
  type Intent,
  isName,
  type Located,
  type Name,
  nanos,
  parseCheckText,
  percentDecode,
  toSeconds,
  wantText,
} from "../model/mod.ts";
import type { DirHandle } from "../fs/mod.ts";
import { record, remove, withdraw } from "./steps.ts";
import { isSystemError, type Target } from "./target.ts";
import type { Workshop } from "./workshop.ts";

export interface RepairOptions {
  /** Where a name is on this host; undefined leaves its intent for later. */
  readonly locate: (name: DbName) => Located | undefined;
  /**
   * Temporary objects that changed within this time may belong to another process that is at work on
   * the same database (servers started per connection): they are left alone. @default {0}
   */
  readonly staleAfterMs?: number;
}

export interface Repaired {
  /** Changes that were complete on disk, or could be completed, and are recorded now. */
  readonly completed: number;
  /** Changes of which nothing is left. */
  readonly discarded: number;
}

/** Settles every intent of the state. What cannot be examined now is tried again at the next start. */
export async function repairIntents(
  workshop: Workshop,
  { locate, staleAfterMs = 0 }: RepairOptions,
): Promise<Repaired> {
  let completed = 0, discarded = 0;
  for (const intent of await workshop.state.intents()) {
    const at = locate(intent.name);
    if (at === undefined) continue;
    const result = await repairOne(workshop, { intent, at, staleAfterMs });
    if (result === "completed") completed++;
    if (result === "discarded") discarded++;
  }
  return { completed, discarded };
}

async function repairOne(
  workshop: Workshop,
  { intent, at, staleAfterMs }: { intent: Intent; at: Located; staleAfterMs: number },
): Promise<"completed" | "discarded" | "later"> {
  const target: Target = { name: intent.name, at, peer: intent.peer, backups: [], actions: [] };
  try {
    const { dir, leaf } = workshop.jail.parentOf(at);
    using _dir = dir;
    if (isInUse(workshop, { dir, temp: intent.temp, staleAfterMs })) return "later";
    const entry = finish(dir, { leaf, intent }) ??
      await halfWay(workshop, { now: dir.look(leaf), intent });
    if (entry === undefined) await withdraw(workshop, target);
    else await record(workshop, target, { entry });
    return entry === undefined ? "discarded" : "completed";
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (!isSystemError(error, "ENOENT", "ENOTDIR", "ELOOP")) return "later";
    await withdraw(workshop, target); // the directory is gone, and with it whatever was in it
    return "discarded";
  }
}

function isInUse(
  { now }: Workshop,
  { dir, temp, staleAfterMs }: { dir: DirHandle; temp: Name | ""; staleAfterMs: number },
): boolean {
  if (temp === "" || staleAfterMs === 0) return false;
  const { fingerprint } = dir.lookClosely(temp);
  if (fingerprint === undefined) return false;
  return now() - fingerprint.ctime < BigInt(staleAfterMs) * 1_000_000n;
}

/**
 * A change of metadata that came to a part of it: owner, mode and time are each what is recorded or what
 * was wanted. That is recorded, so that it does not look like a change made here; the peer comes again.
 */
async function halfWay(
  { state }: Workshop,
  { now, intent: { name, temp, want } }: { now: Entry; intent: Intent },
): Promise<Entry | undefined> {
  const record = await state.record(name);
  const wanted = parseCheckText(want), there = parseCheckText(wantText(now));
  const known = record && parseCheckText(percentDecode(record.stored));
  if (temp !== "" || wanted === undefined || there === undefined || known === undefined) return;
  const isOneOf = (field: "mode" | "uid" | "gid") =>
    there[field] === wanted[field] || there[field] === known[field];
  const isRest = there.type === wanted.type && there.size === wanted.size &&
    there.target === wanted.target && there.dev === wanted.dev;
  const isTimeOneOf = there.mtime?.value === wanted.mtime?.value || isSameTime(there, known);
  return isRest && isTimeOneOf && isOneOf("mode") && isOneOf("uid") && isOneOf("gid")
    ? now
    : undefined;
}

/** By the unit of the record. */
function isSameTime({ mtime: now }: CheckFields, { mtime: known }: CheckFields): boolean {
  if (now === undefined || known === undefined) return false;
  return known.value === (known.unit === "seconds" ? toSeconds(nanos(now.value)) : now.value);
}

/** @returns what the intent wanted and is there now, or undefined when it did not come to that */
function finish(
  dir: DirHandle,
  { leaf, intent: { temp, want } }: { leaf: Name; intent: Intent },
): Entry | undefined {
  const now = dir.look(leaf);
  if (temp === "" || !isName(temp)) return wantText(now) === want ? now : undefined;
  const aside = dir.look(temp);
  if (aside.kind === "absent") return wantText(now) === want ? now : undefined;
  if (wantText(now) === want) {
    if (!removeAside(dir, { temp, aside })) return putBack(dir, { leaf, temp });
    return now;
  }
  if (now.kind === "absent" && wantText(aside) === want) {
    dir.rename(temp, leaf); // complete but for the last step
    return aside;
  }
  removeAside(dir, { temp, aside });
  return undefined;
}

/** @returns false for a directory that is not empty: it holds a user's files */
function removeAside(
  dir: DirHandle,
  { temp, aside }: { temp: Name; aside: Entry },
): boolean {
  if (aside.kind === "absent") return true;
  try {
    remove(dir, temp, aside.kind);
    return true;
  } catch (error) {
    if (isSystemError(error, "ENOTEMPTY", "EEXIST")) return false;
    throw error;
  }
}

/** The crash came between two exchanges: the old directory gets its name back. */
function putBack(dir: DirHandle, { leaf, temp }: { leaf: Name; temp: Name }): undefined {
  dir.exchange(temp, leaf);
  const aside = dir.look(temp);
  if (aside.kind !== "absent") remove(dir, temp, aside.kind);
  return undefined;
}
