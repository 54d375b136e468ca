/** Whether a check may record so many removals at once (pure; N 7.11). */

export interface DeletionLimits {
  /** Removals that are always fine. @default {100} */
  readonly freely?: number;
  /** Largest part of the known names that may vanish in one check; 0 switches the guard off. @default {0.5} */
  readonly share?: number;
}

/**
 * A file system that is not mounted, or an emptied directory, looks like the removal of everything.
 *
 * @param counts `vanished`: names that would be recorded as removed; `known`: names that have a record
 * in the same range
 */
export function deletionGuard(
  { vanished, known }: { readonly vanished: number; readonly known: number },
  { freely = 100, share = 0.5 }: DeletionLimits = {},
): "go-on" | "hold" {
  return share === 0 || vanished <= freely || vanished <= known * share ? "go-on" : "hold";
}
