/**
 * What peers have got that no check has seen: marked by hand (`-m`), or by another program. When it goes
 * before the next check comes, nothing else tells that a peer has it.
 *
 * LIMIT: `NOTE_BYTES`, some thousand names; what was sent longest ago is forgotten.
 */
import { type DbName, isDbName, percentDecode, percentEncode } from "../model/mod.ts";
import type { StateStore, StateTx } from "./store.ts";

const NOTE = "unseen";
const NOTE_BYTES = 60_000;

export interface Push {
  readonly name: DbName;
  readonly peer: string;
}

/** Oldest first. @throws StateError */
export async function unseenPushes(
  state: Pick<StateStore, "note"> | Pick<StateTx, "note">,
): Promise<readonly Push[]> {
  const found: Push[] = [];
  for (const line of (await state.note(NOTE))?.split("\n") ?? []) {
    const [name = "", peer = ""] = line.split(" ").map((part) => percentDecode(part));
    if (isDbName(name) && peer !== "") found.push({ name, peer });
  }
  return found;
}

/**
 * Remembers what peers have got, and forgets what they have no more, or what is known otherwise.
 * PERF: reads only when there is anything of the two, writes only when that changes anything.
 */
export async function notePushes(
  tx: StateTx,
  { sent = [], done = [] }: { readonly sent?: readonly Push[]; readonly done?: readonly Push[] },
): Promise<void> {
  if (sent.length === 0 && done.length === 0) return;
  const before = await unseenPushes(tx);
  if (sent.length === 0 && before.length === 0) return;
  const gone = new Set([...sent, ...done].map(lineOf));
  await write(tx, [...before.filter((push) => !gone.has(lineOf(push))), ...sent]);
}

async function write(tx: StateTx, pushes: readonly Push[]): Promise<void> {
  const lines: string[] = [];
  let bytes = 0;
  for (const push of pushes.toReversed()) {
    const line = lineOf(push);
    bytes += line.length + 1;
    if (bytes > NOTE_BYTES) break;
    lines.push(line);
  }
  await tx.putNote(NOTE, lines.toReversed().join("\n"));
}

function lineOf({ name, peer }: Push): string {
  return `${percentEncode(name)} ${percentEncode(peer)}`;
}
