/**
 * What other hosts got from us last, and which of them have something since then that is out of date.
 *
 * With three hosts marks alone lose track: A sends f to B, B changes it and sends that to C, A's mark
 * for C is still pending and goes there too, then B's change arrives at A. No host has a mark left, and
 * C has the oldest content. So a host remembers what it sent to whom; what a peer replaces here is out
 * of date at all others that got it from us, and the next update run looks there.
 *
 * LIMIT: 1,024 notes of 4,000 bytes, some twenty thousand pairs of name and host, of one name at most
 * some twenty; what was sent longest ago is forgotten.
 */
import {
  type DbName,
  type Entry,
  type HostName,
  isDbName,
  percentDecode,
  percentEncode,
  wantText,
} from "../model/mod.ts";
import type { StateStore, StateTx } from "./store.ts";

const SHELVES = 1_024;
const SHELF_BYTES = 4_000;
const OUTDATED_BYTES = 48_000;
const OUTDATED_NOTE = "told/outdated";
const RELAYS_REGEXP = /^\d{1,3}$/;

type Subject = Pick<Told, "name" | "peer">;

/** A peer has this version of an object, and it came from us. */
export interface Told {
  readonly name: DbName;
  readonly peer: HostName;
  /** As an intent has it: check text in nanoseconds, `---` for nothing. */
  readonly version: string;
  /** How often in a row it was sent because another host had changed it, without a change here. */
  readonly relays: number;
}

/** What a peer has got just now. */
export function told(
  { name, peer }: Subject,
  { entry, relays = 0 }: { readonly entry: Entry; readonly relays?: number },
): Told {
  return { name, peer, version: wantText(entry), relays };
}

/** Remembers what peers have got. What was known of these names at these peers is forgotten. */
export async function rememberTold(tx: StateTx, news: readonly Told[]): Promise<void> {
  if (news.length === 0) return;
  for (const [shelf, some] of Map.groupBy(news, ({ name }) => shelfOf(name))) {
    await edit(tx, { note: shelf, gone: some.map(startOf), more: some, mostBytes: SHELF_BYTES });
  }
  await forgetOutdated(tx, news);
}

/** `by` has replaced the object here: what all others have from us is out of date. */
export async function supersedeTold(tx: StateTx, name: DbName, by: HostName): Promise<void> {
  const note = shelfOf(name), start = `${percentEncode(name)} `;
  const text = await tx.note(note);
  if (text === undefined || findLine(text, start) < 0) return;
  const late = linesOf(text).filter((line) => line.startsWith(start)).flatMap(parse)
    .filter(({ peer }) => peer !== by);
  await edit(tx, { note, gone: [start], mostBytes: SHELF_BYTES });
  if (late.length === 0) return;
  await edit(tx, {
    note: OUTDATED_NOTE,
    gone: late.map(startOf),
    more: late,
    mostBytes: OUTDATED_BYTES,
  });
}

/** What has to be looked at, oldest first. */
export async function outdatedTold(state: Pick<StateStore, "note">): Promise<readonly Told[]> {
  return linesOf(await state.note(OUTDATED_NOTE) ?? "").flatMap(parse);
}

/** They were looked at, or have got something else. */
export async function forgetOutdated(tx: StateTx, done: readonly Subject[]): Promise<void> {
  await edit(tx, { note: OUTDATED_NOTE, gone: done.map(startOf), mostBytes: OUTDATED_BYTES });
}

/**
 * Removes the lines that begin so, and appends others.
 *
 * PERF: on the text as it is; taking a full note apart would cost 2 ms for each file that is sent.
 */
async function edit(
  tx: StateTx,
  { note, gone, more = [], mostBytes }: {
    readonly note: string;
    readonly gone: readonly string[];
    readonly more?: readonly Told[];
    readonly mostBytes: number;
  },
): Promise<void> {
  const before = await tx.note(note) ?? "";
  let text = before;
  if (text !== "") { for (const start of gone) text = withoutLines(text, start); }
  for (const line of more) text += (text === "" ? "" : "\n") + lineOf(line);
  if (text.length > mostBytes) {
    const end = text.indexOf("\n", text.length - mostBytes - 1);
    text = end < 0 ? "" : text.slice(end + 1);
  }
  if (text !== before) await tx.putNote(note, text);
}

function withoutLines(text: string, start: string): string {
  let left = text;
  for (let at = findLine(left, start); at >= 0; at = findLine(left, start)) {
    const end = left.indexOf("\n", at);
    left = end < 0 ? left.slice(0, Math.max(0, at - 1)) : left.slice(0, at) + left.slice(end + 1);
  }
  return left;
}

/** Where the first line that begins so begins, or -1. */
function findLine(text: string, start: string): number {
  if (text.startsWith(start)) return 0;
  const at = text.indexOf(`\n${start}`);
  return at < 0 ? at : at + 1;
}

/** The note that a name is in. */
function shelfOf(name: DbName): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) {
    hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193) >>> 0;
  }
  return `told/${(hash % SHELVES).toString(16).padStart(3, "0")}`;
}

/** Name, peer, version, relays. */
function lineOf({ name, peer, version, relays }: Told): string {
  return `${startOf({ name, peer })}${percentEncode(version)} ${relays}`;
}

function startOf({ name, peer }: Subject): string {
  return `${percentEncode(name)} ${percentEncode(peer)} `;
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.split("\n");
}

/** What is no such line is nothing. */
function parse(line: string): Told[] {
  const [name = "", peer = "", version = "", relays = ""] = line.split(" ").map(percentDecode);
  return isDbName(name) && peer !== "" && version !== "" && RELAYS_REGEXP.test(relays)
    ? [{ name, peer: peer as HostName, version, relays: Number(relays) }]
    : [];
}
