/** Which commands a changed name calls for, and the shell text they become (D 5.7; pure). */
import { actionMatches, type Config, matchingGroups } from "../config/mod.ts";
import type { DbName, ScheduledAction } from "../model/mod.ts";

/** LIMIT: names of one run. Linux takes 2 MiB of arguments and environment with the usual stack. */
const NAMES_MAX_BYTES = 500_000;
const PLACE_HOLDER = "%%";
/** The place holder, with or without quotes of its own. */
const PLACE_REGEXP = /"%%"|'%%'|%%/g;
/** What it becomes: the arguments of the shell, each a word of its own. */
const ARGUMENTS = '"$@"';

/** `local`: somebody changed the name on this host; `remote`: a peer did. */
export type Cause = "local" | "remote";

/**
 * The commands to schedule for a name: of the groups that include it, groups and their actions in order
 * of declaration (D 5.7, D 7.7.5). A pattern is matched with the stored name as a path pattern.
 */
export function scheduleFor(config: Config, name: DbName, cause: Cause): ScheduledAction[] {
  const found: ScheduledAction[] = [];
  // PERF: most configurations have none, and patterns cost more than all else here.
  if (config.groups.every(({ actions }) => actions.length === 0)) return found;
  for (const { actions } of matchingGroups(config, name).reverse()) {
    for (const rule of actions) {
      if (!(cause === "local" ? rule.onLocal : rule.onRemote) || !actionMatches(rule, name)) {
        continue;
      }
      for (const command of rule.commands) found.push({ name, command, logfile: rule.logfile });
    }
  }
  return found;
}

/** `text` as one word of the shell, whatever bytes it has. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** One run of a command. */
export interface Run {
  /** For `/bin/sh -c`. No file name is in it. */
  readonly text: string;
  /** The names that `"$@"` stands for. */
  readonly names: readonly string[];
  /** The command as people would type it. */
  readonly shown: string;
  /** Rows that this run settles. */
  readonly rows: readonly ScheduledAction[];
}

/**
 * The runs of one command for its rows. Every `%%` becomes `"$@"`, and the real paths are the shell's
 * arguments: the text that the shell parses contains no name, so that in no place, be it between quotes,
 * in a here-document or a comment, a name can become code (D 7.7.1-2). More names than fit are spread
 * over several runs. A row whose prefix has no path here adds no name.
 *
 * @param pathOf real path of a row's name
 */
export function runsOf(
  rows: readonly ScheduledAction[],
  pathOf: (name: DbName) => string | undefined,
): Run[] {
  const [first] = rows;
  if (first === undefined) return [];
  const { command } = first;
  if (!command.includes(PLACE_HOLDER)) return [{ text: command, names: [], shown: command, rows }];
  const text = command.replaceAll(PLACE_REGEXP, () => ARGUMENTS);
  return portions(rows, pathOf).map(({ names, rows }) => {
    const words = names.map(shellWord).join(" ");
    return { text, names, shown: command.replaceAll(PLACE_HOLDER, () => words), rows };
  });
}

function portions(
  rows: readonly ScheduledAction[],
  pathOf: (name: DbName) => string | undefined,
): { names: string[]; rows: ScheduledAction[] }[] {
  const all: { names: string[]; rows: ScheduledAction[] }[] = [];
  let size = Infinity;
  for (const row of rows) {
    const path = pathOf(row.name);
    const cost = path === undefined ? 0 : argumentBytes(path);
    if (size + cost > NAMES_MAX_BYTES) {
      all.push({ names: [], rows: [] });
      size = 0;
    }
    const last = all.at(-1)!;
    if (path !== undefined) last.names.push(path);
    last.rows.push(row);
    size += cost;
  }
  return all;
}

/** Room that an argument takes with its pointer; it may have to travel as escapes of five bytes. */
function argumentBytes(text: string): number {
  return 5 * text.length + 16;
}
