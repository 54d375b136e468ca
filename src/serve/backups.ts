/** Where copies of a file go (D 5.8; pure). */
import type { BackupPlace } from "../apply/mod.ts";
import { type Config, matchingGroups } from "../config/mod.ts";
import type { DbName, DiskPath } from "../model/mod.ts";

/** One place per group that includes the name and has an absolute backup directory. */
export function backupsOf(config: Config, name: DbName): BackupPlace[] {
  const places: BackupPlace[] = [];
  // PERF: most configurations have none.
  if (config.groups.every((group) => group.backupDirectory === undefined)) return places;
  for (const { backupDirectory, backupGenerations } of matchingGroups(config, name)) {
    if (backupDirectory === undefined || !backupDirectory.startsWith("/")) continue;
    const directory = backupDirectory.replace(/(?<=.)\/+$/, "") as DiskPath;
    places.push({ directory, generations: backupGenerations });
  }
  return places;
}
