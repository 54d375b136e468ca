/** What broken transfers have left on this host, as a note: which temporary file, of which name, since when. */
import {
  type DbName,
  isDbName,
  isName,
  type Name,
  percentDecode,
  percentEncode,
} from "../model/mod.ts";
import type { StateStore, StateTx } from "./store.ts";

const NOTE = "partials";
const INO_REGEXP = /^[0-9]{1,20}$/;

export interface KeptPartial {
  readonly name: DbName;
  /** In the same directory. */
  readonly temp: Name;
  readonly sinceMs: number;
  /** Number of the file on its file system. */
  readonly ino: bigint | undefined;
}

export type KeptPartials = Map<DbName, KeptPartial>;

/** Lines that make no sense are none. @throws StateError */
export async function keptPartials(
  state: Pick<StateStore, "note"> | Pick<StateTx, "note">,
): Promise<KeptPartials> {
  const kept: KeptPartials = new Map();
  for (const line of (await state.note(NOTE))?.split("\n") ?? []) {
    const [name, temp, since, ino = ""] = line.split(" ").map((part) => percentDecode(part));
    if (name === undefined || temp === undefined || !isDbName(name) || !isName(temp)) continue;
    const number = INO_REGEXP.test(ino) ? BigInt(ino) : undefined;
    kept.set(name, { name, temp, sinceMs: Number(since), ino: number });
  }
  return kept;
}

/** @throws StateError */
export function rememberPartials(tx: StateTx, kept: KeptPartials): void | Promise<void> {
  return tx.putNote(NOTE, partialsText(kept));
}

/** One line for each: name, temporary name, time, and the file's number if it is known. */
export function partialsText(kept: KeptPartials): string {
  return [...kept.values()].map(({ name, temp, sinceMs, ino }) =>
    [percentEncode(name), percentEncode(temp), sinceMs, ...(ino === undefined ? [] : [ino])].join(
      " ",
    )
  ).join("\n");
}
