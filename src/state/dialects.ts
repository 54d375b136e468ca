/** What peers speak, as it was found out: a note for each. */
import { type HostName, percentEncode } from "../model/mod.ts";
import type { StateStore, StateTx } from "./store.ts";

/** `fast` is a peer that has proven to know a group key in it. */
export type KnownDialect = "classic" | "fast";

/** Undefined for a peer that nothing is known of. @throws StateError */
export async function knownDialect(
  state: StateStore,
  peer: HostName,
): Promise<KnownDialect | undefined> {
  const note = await state.note(noteOf(peer));
  return note === "classic" || note === "fast" ? note : undefined;
}

/** @param dialect undefined: it is to be found out again. @throws StateError */
export function rememberDialect(
  tx: StateTx,
  peer: HostName,
  dialect: KnownDialect | undefined,
): void | Promise<void> {
  return tx.putNote(noteOf(peer), dialect ?? "");
}

function noteOf(peer: HostName): string {
  return `dialect/${percentEncode(peer)}`;
}
