/**
 * What other hosts got from us last, and which of them have something since then that is out of date.
 *
 * With three hosts marks alone lose track: A sends f to B, B changes it and sends that to C, A's mark
 * for C is still pending and goes there too, then B's change arrives at A. No host has a mark left, and
 * C has the oldest content. So a host remembers what it sent to whom; what a peer replaces here is out
 * of date at all others that got it from us, and the next update run looks there.
 *
 * LIMIT: 256 notes of 16,000 bytes, some ten thousand names; the ones sent longest ago are forgotten.
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

const SHELVES = 256;
const SHELF_BYTES = 16_000;
const OUTDATED_BYTES = 48_000;
const OUTDATED_NOTE = "told/outdated";

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
  { name, peer }: Pick<Told, "name" | "peer">,
  { entry, relays = 0 }: { readonly entry: Entry; readonly relays?: number },
): Told {
  return { name, peer, version: wantText(entry), relays };
}

/** Remembers what peers have got. What was known of these names at these peers is forgotten. */
export async function rememberTold(tx: StateTx, news: readonly Told[]): Promise<void> {
  if (news.length === 0) return;
  const byShelf = Map.groupBy(news, ({ name }) => shelfOf(name));
  for (const [shelf, some] of byShelf) {
    const before = await tx.note(shelf) ?? "";
    const isNew = (line: Told) => some.some((one) => isSameSubject(one, line));
    const kept = parse(before).filter((line) => !isNew(line));
    const text = print([...kept, ...some], SHELF_BYTES);
    if (text !== before) await tx.putNote(shelf, text);
  }
  await forgetOutdated(tx, news);
}

/** `by` has replaced the object here: what all others have from us is out of date. */
export async function supersedeTold(tx: StateTx, name: DbName, by: HostName): Promise<void> {
  const shelf = shelfOf(name);
  const lines = parse(await tx.note(shelf) ?? "");
  const concerned = lines.filter((line) => line.name === name);
  if (concerned.length === 0) return;
  await tx.putNote(shelf, print(lines.filter((line) => line.name !== name), SHELF_BYTES));
  const late = concerned.filter(({ peer }) => peer !== by);
  if (late.length === 0) return;
  const known = parse(await tx.note(OUTDATED_NOTE) ?? "");
  const kept = known.filter((line) => !late.some((one) => isSameSubject(one, line)));
  await tx.putNote(OUTDATED_NOTE, print([...kept, ...late], OUTDATED_BYTES));
}

/** What has to be looked at, oldest first. */
export async function outdatedTold(state: Pick<StateStore, "note">): Promise<readonly Told[]> {
  return parse(await state.note(OUTDATED_NOTE) ?? "");
}

/** They were looked at, or have got something else. */
export async function forgetOutdated(
  tx: StateTx,
  done: readonly Pick<Told, "name" | "peer">[],
): Promise<void> {
  const before = await tx.note(OUTDATED_NOTE) ?? "";
  if (before === "") return;
  const left = parse(before).filter((line) => !done.some((one) => isSameSubject(one, line)));
  const text = print(left, OUTDATED_BYTES);
  if (text !== before) await tx.putNote(OUTDATED_NOTE, text);
}

function isSameSubject(a: Pick<Told, "name" | "peer">, b: Pick<Told, "name" | "peer">): boolean {
  return a.name === b.name && a.peer === b.peer;
}

/** The note that a name is in. */
function shelfOf(name: DbName): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) {
    hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193) >>> 0;
  }
  return `told/${(hash % SHELVES).toString(16).padStart(2, "0")}`;
}

/** A line each: name, peer, version, relays. What is no such line is left out. */
function parse(text: string): Told[] {
  if (text === "") return [];
  return text.split("\n").flatMap((line) => {
    const [name = "", peer = "", version = "", relays = ""] = line.split(" ").map(percentDecode);
    return isDbName(name) && peer !== "" && version !== "" && /^\d{1,3}$/.test(relays)
      ? [{ name, peer: peer as HostName, version, relays: Number(relays) }]
      : [];
  });
}

/** The last ones that fit. */
function print(lines: readonly Told[], mostBytes: number): string {
  const kept: string[] = [];
  let bytes = 0;
  for (const { name, peer, version, relays } of lines.toReversed()) {
    const line = [name, peer, version, `${relays}`].map(percentEncode).join(" ");
    bytes += line.length + 1;
    if (bytes > mostBytes) break;
    kept.push(line);
  }
  return kept.reverse().join("\n");
}
