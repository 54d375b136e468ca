/** The peers of `-P` and the groups of `-G` that the configuration does not know: most likely typing errors. */
import type { Config } from "../config/mod.ts";
import type { Reporter } from "../report/mod.ts";
import type { Invocation, Mode } from "./args.ts";

/** Where `-P` chooses whom to send to, in any case. */
const SENDING: ReadonlySet<Mode> = new Set(["update", "check-update", "sync"] satisfies Mode[]);

/**
 * Tells at level 1 each name that selects nothing. COMPAT: no error, and nothing without `-v`, as with the
 * C programs (G sync "peer down", G config-effects "-G list").
 */
export function warnUnknown(
  { mode, peers = [], groups = [] }: Pick<Invocation, "mode" | "peers" | "groups">,
  { config, reporter }: { readonly config: Config; readonly reporter: Pick<Reporter, "note"> },
): void {
  const warn = (text: string) =>
    reporter.note({ event: "unknown-name", level: 1, text: `WARNING: ${text}` });
  const names = new Set(config.groups.map(({ name }) => name));
  for (const group of groups.filter((group) => !names.has(group))) {
    warn(`-G: this host is in no group "${group}".`);
  }
  if (!SENDING.has(mode)) return;
  const known = new Set<string>(config.groups.flatMap((group) => group.peers.map((p) => p.name)));
  for (const peer of peers.filter((peer) => !known.has(peer.toLowerCase()))) {
    warn(`-P: no active group has a peer "${peer}".`);
  }
}
