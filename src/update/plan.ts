/** What the rows of a peer are before anything is sent: removals or modifications. */
import { type Config, includeRoots, locate } from "../config/mod.ts";
import type { ReadJail } from "../fs/mod.ts";
import type { DbName, DirtyRow, Located } from "../model/mod.ts";
import { isSystemError } from "./context.ts";

export interface Plan {
  /** Descending. Usually few; a name, two numbers and a flag each. */
  readonly removals: DirtyRow[];
  readonly modifications: number;
  /** Those of the modifications that are include roots or prefix directories. */
  readonly roots: readonly DirtyRow[];
}

export interface PlanOptions {
  readonly config: Config;
  readonly jail: ReadJail;
  /** Rows that this run takes. */
  readonly isTaken: (name: DbName) => boolean;
}

/** Tells removals from modifications; keeps only the former, for they are sent in reverse. */
export async function planOf(
  { config, jail, isTaken }: PlanOptions,
  rows: AsyncIterable<readonly DirtyRow[]>,
): Promise<Plan> {
  const removals: DirtyRow[] = [], roots: DirtyRow[] = [];
  const areRoots = includeRoots(config);
  let modifications = 0;
  for await (const some of rows) {
    const taken = some.filter(({ name }) => isTaken(name));
    const areGone = removalsAmong({ config, jail }, taken);
    taken.forEach((row, n) => {
      if (areGone[n]) removals.push(row);
      else {
        modifications++;
        if (areRoots.has(row.name)) roots.push(row);
      }
    });
  }
  return { removals: removals.reverse(), modifications, roots };
}

/** What cannot be examined is no removal (D 7.3.1): it fails as a modification, with its reason. */
export function removalsAmong(
  { config, jail }: Pick<PlanOptions, "config" | "jail">,
  rows: readonly DirtyRow[],
): readonly boolean[] {
  const located: Located[] = [];
  const places = rows.map(({ name }) => {
    const at = locate(config, name);
    return at === undefined ? undefined : located.push(at) - 1;
  });
  const found = jail.absentEach(located);
  return places.map((place) => {
    const isAbsent = place === undefined ? false : found[place]!;
    if (typeof isAbsent === "boolean") return isAbsent;
    if (!isSystemError(isAbsent)) throw isAbsent;
    return false;
  });
}
