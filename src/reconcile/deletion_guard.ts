/** Whether a run may record or send so many removals (pure; `--max-removals`, D 7.3.2, N 7.11). */

/** The value of `--max-removals`: names, or a part of the known names. */
export type RemovalLimit =
  | { readonly kind: "names"; readonly most: number }
  | { readonly kind: "percent"; readonly most: number };

const LIMIT_REGEXP = /^(\d{1,12})(?:\.(\d{1,6}))?(%?)$/;

/** `100` or `2.5%`; undefined for everything else. */
export function parseRemovalLimit(text: string): RemovalLimit | undefined {
  const [, whole, fraction, percent] = LIMIT_REGEXP.exec(text) ?? [];
  if (whole === undefined || (fraction !== undefined && percent === "")) return undefined;
  const most = Number(fraction === undefined ? whole : `${whole}.${fraction}`);
  if (percent === "") return { kind: "names", most };
  return most > 100 ? undefined : { kind: "percent", most };
}

/** The limit as it is typed. */
export function removalLimitText({ kind, most }: RemovalLimit): string {
  return kind === "percent" ? `${most}%` : `${most}`;
}

/** Names that may go of those that are known, by the limit. */
export function mostRemovals({ kind, most }: RemovalLimit, known: number): number {
  return kind === "percent" ? Math.floor(known * most / 100) : most;
}

/**
 * A file system that is not mounted, or an emptied directory, looks like the removal of everything.
 *
 * @param counts `vanished`: names that would be removed; `known`: names with a record in the same
 * range, those included
 */
export function deletionGuard(
  { vanished, known }: { readonly vanished: number; readonly known: number },
  limit: RemovalLimit,
): "go-on" | "hold" {
  return vanished <= mostRemovals(limit, known) ? "go-on" : "hold";
}
