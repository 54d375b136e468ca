/**
 * What other hosts got from us last, and which of them have something since then that is out of date.
 *
 * With three hosts marks alone lose track: A sends f to B, B changes it and sends that to C, A's mark
 * for C is still pending and goes there too, then B's change arrives at A. No host has a mark left, and
 * C has the oldest content. So a host remembers what it sent to whom; what a peer replaces here is out
 * of date at all others that got it from us, and the next update run looks there.
 *
 * LIMIT: `TOLD_ROWS` pairs of name and host; what was sent longest ago is forgotten.
 */
import {
  type DbName,
  type Entry,
  type HostName,
  type Told,
  type ToldRow,
  wantText,
} from "../model/mod.ts";
import type { StateStore, StateTx } from "./store.ts";

/** A peer has replaced the object here. */
export interface Replaced {
  readonly name: DbName;
  readonly by: HostName;
}

type Subject = Pick<Told, "name" | "peer">;

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
  await tx.putTold(news.map((line) => ({ ...line, isOutdated: false })));
}

/** `by` has replaced the object here: what all others have from us is out of date. */
export async function supersedeTold(tx: StateTx, name: DbName, by: HostName): Promise<void> {
  await tx.supersedeTold([{ name, by }]);
}

/** What has to be looked at, oldest first. */
export async function outdatedTold(
  state: Pick<StateStore, "outdatedTold">,
): Promise<readonly Told[]> {
  return (await state.outdatedTold()).map(({ name, peer, version, relays }) => ({
    name,
    peer,
    version,
    relays,
  }));
}

/** They were looked at, or have got something else. */
export async function forgetOutdated(tx: StateTx, done: readonly Subject[]): Promise<void> {
  const names = new Set(done.map(({ name }) => name));
  const late = (await tx.toldAmong([...names])).filter(({ isOutdated }) => isOutdated);
  const key = ({ name, peer }: Subject) => `${peer}\0${name}`;
  const keys = new Set(done.map(key));
  await tx.deleteTold(late.filter((row) => keys.has(key(row))));
}

/** What becomes of the rows of these names: pure. */
export function superseded(
  rows: readonly ToldRow[],
  replaced: readonly Replaced[],
): { readonly gone: readonly ToldRow[]; readonly late: readonly ToldRow[] } {
  const left = Map.groupBy(rows.filter(({ isOutdated }) => !isOutdated), ({ name }) => name);
  const gone: ToldRow[] = [], late: ToldRow[] = [];
  for (const { name, by } of replaced) {
    for (const row of left.get(name) ?? []) {
      if (row.peer === by) gone.push(row);
      else late.push({ ...row, isOutdated: true });
    }
    left.delete(name); // whoever comes next finds nothing from us
  }
  return { gone, late };
}
